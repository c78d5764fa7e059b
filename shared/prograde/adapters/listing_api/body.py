"""Reading an answer's body within bytes: decoded as it arrives, so that a bomb is cut and never unpacked."""

import zlib
from collections.abc import Iterable

from prograde.adapters.listing_api.error_handler import UnusableAnswerError

_GZIP = 16 + zlib.MAX_WBITS


def read_body(pieces: Iterable[bytes], content_encoding: str, body: bytearray, bytes_max: int) -> None:
    """
    Fill `body` with the decoded answer, at most `bytes_max` of it, also when it raises.

    Raises UnusableAnswerError for a body that is too large, cut short or in an encoding that was not asked for,
    and what comes with the pieces.
    """
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        _read_plain(pieces, body, bytes_max)
    elif encoding in ("gzip", "x-gzip"):
        _read_gzip(pieces, body, bytes_max)
    else:
        raise UnusableAnswerError("malformed", f"content-encoding {encoding!r} was not asked for")


def _read_plain(pieces: Iterable[bytes], body: bytearray, bytes_max: int) -> None:
    for piece in pieces:
        body += piece
        _stop_beyond(bytes_max, body)


def _read_gzip(pieces: Iterable[bytes], body: bytearray, bytes_max: int) -> None:
    inflate = zlib.decompressobj(_GZIP)
    packed = 0
    for piece in pieces:
        # Packed, nothing is larger but what unpacks to next to nothing, and so would never come to an end.
        packed += len(piece)
        if packed > bytes_max:
            raise UnusableAnswerError("too_large", f"the packed body is larger than {bytes_max:,} bytes")
        try:
            # One byte more than may be kept is enough to know that there are too many.
            body += inflate.decompress(piece, bytes_max + 1 - len(body))
        except zlib.error:
            raise UnusableAnswerError("malformed", "the body is not the gzip that its header says") from None
        _stop_beyond(bytes_max, body)
        if inflate.unused_data:
            raise UnusableAnswerError("malformed", "something follows the end of the gzip body")
    if not inflate.eof:
        raise UnusableAnswerError("cut_short", "the gzip body ends early")


def _stop_beyond(bytes_max: int, body: bytearray) -> None:
    if len(body) > bytes_max:
        del body[bytes_max:]
        raise UnusableAnswerError("too_large", f"the decoded body is larger than {bytes_max:,} bytes")
