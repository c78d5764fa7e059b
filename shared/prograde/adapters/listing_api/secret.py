"""Secrets: named in a source file by reference, resolved from the environment, and never shown."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote, unquote_plus

SECRET_LENGTH_MAX = 8_000
"""What servers take as one header line."""

RECOGNISED_LENGTH_MIN = 8
"""A shorter secret stands in a path or a cursor by chance."""

REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_HIDDEN = "(hidden)"
_ENCODED = re.compile(r"%[0-9A-F]{2}")


class Secret:
    """A text that only `reveal` gives away: not repr, not str, not a traceback's locals."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text, for the one place that sends it."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN})"


def resolve(text: str, env: Mapping[str, str]) -> Secret:
    """Put the environment's values in place of the references; raises KeyError where one is missing."""
    return Secret(REFERENCE.sub(lambda match: env[match[1]], text))


def secret_problem(value: str) -> str | None:
    """Tell why an environment variable's value cannot be sent as a header; None if it can."""
    if not value:
        return "is not set, or empty"
    if len(value) > SECRET_LENGTH_MAX:
        return f"holds more than {SECRET_LENGTH_MAX:,} characters"
    if value != value.strip():
        return "begins or ends with a space or a line break"
    if not (value.isascii() and value.isprintable()):
        return "holds a character that no header can carry"
    return None


class Redactor:
    """Takes secrets out of what a listing API says, should it repeat them: as they are, in a URL or in JSON."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        spellings = {spelling for secret in secrets for spelling in _spellings(secret.reveal())}
        # The longest first, so that no part of a longer one is left over.
        self._texts = sorted(spellings, key=lambda spelling: (-len(spelling), spelling))
        self._bytes = [text.encode() for text in self._texts]

    def text(self, said: str) -> str:
        """Hide secrets in a text."""
        for spelling in self._texts:
            said = said.replace(spelling, _HIDDEN)
        return said

    def data(self, said: bytes) -> bytes:
        """Hide secrets in a body."""
        for spelling in self._bytes:
            if spelling in said:
                said = said.replace(spelling, _HIDDEN.encode())
        return said

    def is_secret(self, value: str) -> bool:
        """Tell whether a whole value, encoded for a URL or not, is a secret."""
        return any(reading in self._texts for reading in _readings(value))

    def holds_any(self, said: str) -> bool:
        """Tell whether any secret stands in a text, encoded for a URL or not, be it by chance."""
        return any(spelling in reading for reading in _readings(said) for spelling in self._texts)

    def holds_secret(self, said: str) -> bool:
        """Tell whether a text, encoded for a URL or not, holds a secret that cannot be there by chance."""
        telling = [spelling for spelling in self._texts if len(spelling) >= RECOGNISED_LENGTH_MIN]
        return any(spelling in reading for reading in _readings(said) for spelling in telling)


def _readings(said: str) -> tuple[str, str, str]:
    """Read a text as it is, and as a URL with either meaning of a plus."""
    decoded = unquote(said)
    return said, decoded, unquote_plus(said) if "+" in said else decoded


def _spellings(secret: str) -> Iterable[str]:
    yield secret
    for encoded in (quote(secret, safe=""), quote(secret, safe="/"), quote_plus(secret)):
        yield encoded
        # %2F and %2f are the same to who reads them.
        yield _ENCODED.sub(lambda match: match[0].lower(), encoded)
    in_json = secret.replace("\\", "\\\\").replace('"', '\\"')
    yield in_json
    yield in_json.replace("/", "\\/")
