"""Answers that do not come whole."""

import socket
import struct
from itertools import islice

from prograde.sandbox.answer import Answer
from prograde.sandbox.fault import Wire, WireFault

DRIP_PAUSE_SECONDS = 0.5
DRIP_SECONDS_MAX = 90
"""Longer than a sensible client waits for one answer."""

# Linger for 0 seconds: what is unsent is dropped, and RST goes instead of FIN.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def _cut_short_of_length(answer: Answer, wire: Wire) -> None:
    wire.connection.sendall(_head(answer, _content_length(answer)) + _first_half(answer))


def _cut_short_of_chunks(answer: Answer, wire: Wire) -> None:
    half = _first_half(answer)
    wire.connection.sendall(_head(answer, "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n" % (len(half), half))


def _reset_at_once(_answer: Answer, wire: Wire) -> None:
    _reset(wire.connection)


def _reset_in_the_body(answer: Answer, wire: Wire) -> None:
    wire.connection.sendall(_head(answer, _content_length(answer)) + _first_half(answer))
    _reset(wire.connection)


def _drip_the_head(answer: Answer, wire: Wire) -> None:
    _drip(_head(answer, _content_length(answer)) + answer.body, wire)


def _drip_the_body(answer: Answer, wire: Wire) -> None:
    wire.connection.sendall(_head(answer, _content_length(answer)))
    _drip(answer.body, wire)


def _drip(content: bytes, wire: Wire) -> None:
    """No single wait is long; a client needs a deadline for the whole."""
    for number in islice(range(len(content)), int(DRIP_SECONDS_MAX / DRIP_PAUSE_SECONDS)):
        wire.connection.sendall(content[number : number + 1])
        if wire.is_closing.wait(DRIP_PAUSE_SECONDS):
            return


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    # Closed here, or socketserver shuts it down before it closes it, and the client sees an orderly end.
    connection.close()


def _head(answer: Answer, framing: str) -> bytes:
    status = f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"
    return f"{status}\r\nContent-Type: {answer.content_type}\r\n{framing}\r\n\r\n".encode("latin-1")


def _content_length(answer: Answer) -> str:
    return f"Content-Length: {len(answer.body)}"


def _first_half(answer: Answer) -> bytes:
    return answer.body[: len(answer.body) // 2]


CUT_SHORT = (
    WireFault("cut_short_length", _cut_short_of_length),
    WireFault("cut_short_chunks", _cut_short_of_chunks),
)
RESET_AT_ONCE = WireFault("reset_at_once", _reset_at_once)
RESETS = (RESET_AT_ONCE, WireFault("reset_in_body", _reset_in_the_body))
SLOW_DRIPS = (WireFault("slow_drip_head", _drip_the_head), WireFault("slow_drip_body", _drip_the_body))
