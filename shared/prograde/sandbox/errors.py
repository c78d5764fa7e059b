"""
What can go wrong in the practice API.

SandboxError
  RequestError             answered to the client, with the standard's error body
    BadRequestError        400
    UnauthorizedError      401
    NotFoundError          404
    MethodNotAllowedError  405
  SalesFileError           the file of real sales cannot be read
"""

from http import HTTPStatus
from typing import ClassVar


class SandboxError(Exception):
    """Base of everything that the practice API raises on purpose."""


class RequestError(SandboxError):
    """A request that is refused; `target` names the part of it that is at fault."""

    status: ClassVar[HTTPStatus]
    headers: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, message: str, target: str) -> None:
        super().__init__(message)
        self.message = message
        self.target = target


class BadRequestError(RequestError):
    """The request cannot be understood."""

    status = HTTPStatus.BAD_REQUEST


class UnauthorizedError(RequestError):
    """The bearer token is missing or wrong."""

    status = HTTPStatus.UNAUTHORIZED
    headers: ClassVar[tuple[tuple[str, str], ...]] = (("WWW-Authenticate", "Bearer"),)


class NotFoundError(RequestError):
    """There is no such entity or path."""

    status = HTTPStatus.NOT_FOUND


class MethodNotAllowedError(RequestError):
    """The path exists, but not for this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class SalesFileError(SandboxError):
    """The sales file has no such shape; the message names file, line and field."""
