"""
The two ways in which a good answer is spoilt.

Its kind is the name by which `/__stats` counts a fault.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from socket import socket
from typing import TypeAlias

from prograde.sandbox.answer import Answer


@dataclass(frozen=True, slots=True)
class AnswerFault:
    """A whole answer goes back, and the wrong one: `spoil` makes it of the good one and the time."""

    kind: str
    spoil: Callable[[Answer, datetime], Answer]


@dataclass(frozen=True, slots=True)
class Wire:
    """A client's connection, and the event that ends every wait."""

    connection: socket
    is_closing: threading.Event


@dataclass(frozen=True, slots=True)
class WireFault:
    """The good answer goes back, and not whole: `deliver` sends what is sent of it, and the connection is lost."""

    kind: str
    deliver: Callable[[Answer, Wire], None]


Fault: TypeAlias = AnswerFault | WireFault
