"""A WSGI app over HTTP, on this machine's loopback only: bounded in bytes, connections and seconds."""

import logging
import threading
import time
from types import TracebackType
from typing import Any, Self

from typing_extensions import override
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer, create_server
from waitress.utilities import RequestEntityTooLarge

from prograde.adapters.local.wsgi_client import WsgiApp
from prograde.errors import InputError, Problem

LOOPBACK = "127.0.0.1"
THREADS = 8
CONNECTIONS_MAX = 100
BODY_BYTES_MAX = 40_000_000
"""What is kept of a request: more than any route takes, so that it is the route that says how much that is."""
DISCARDED_BYTES_MAX = 1_000_000_000
"""Of a body that is too large: who has sent it all can be told so, and is hung up on in the middle of more."""
HEADER_BYTES_MAX = 65_536
ARRIVAL_SECONDS_MAX = 60.0
"""How long a request may take to arrive, however steadily it trickles."""
IDLE_SECONDS_MAX = 30
LOOK_SECONDS = 0.5


class _Request(HTTPRequestParser):
    """A request as it arrives; one with too large a body goes to the app without it, whose route refuses its length."""

    _left = 0

    @override
    def received(self, data: bytes) -> int:
        if self._left:
            taken = min(self._left, len(data))
            self._left -= taken
            self.completed = not self._left
            return taken
        taken = super().received(data)
        if isinstance(self.error, RequestEntityTooLarge):
            self.error = None
            length = self.content_length or self.body_bytes_received
            self.headers = {**self.headers, "CONTENT_LENGTH": str(length), "CONNECTION": "close"}
            # Who asks first whether to send it need not, and of one whose length is not told nobody knows the end.
            is_read_on = not (self.expect_continue or self.chunked) and self.content_length <= DISCARDED_BYTES_MAX
            self.expect_continue = False
            self._left = self.content_length if is_read_on else 0
            self.completed = not self._left
        return taken


class _Channel(HTTPChannel):
    parser_class: type[HTTPRequestParser] = _Request


class WebServer:
    """
    Serves an app in threads of its own while it is entered; port 0 takes a free one.

    A request is handed to a thread when all of it has arrived, so that slow ones keep nobody waiting. Raises
    InputError for a port that is not to be had.
    """

    def __init__(self, app: WsgiApp, port: int) -> None:
        # What waitress has to say of slow or broken clients is no trouble of ours.
        logging.getLogger("waitress").setLevel(logging.ERROR)
        self._sockets: dict[int, Any] = {}
        try:
            server = create_server(
                app,
                map=self._sockets,
                host=LOOPBACK,
                port=port,
                threads=THREADS,
                ident=None,
                connection_limit=CONNECTIONS_MAX,
                channel_timeout=IDLE_SECONDS_MAX,
                max_request_body_size=BODY_BYTES_MAX,
                max_request_header_size=HEADER_BYTES_MAX,
            )
        except OSError as error:
            remedy = f"cannot be listened at ({error.strerror}): choose another, or 0 for any free one"
            raise InputError([Problem("--port", port, remedy)]) from error
        assert isinstance(server, BaseWSGIServer)  # one address, one server
        server.channel_class = _Channel
        self._server = server
        self.port = int(server.effective_port)  # type: ignore[attr-defined]  # the stubs do not know it
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)
        self._arriving: dict[HTTPChannel, float] = {}

    @property
    def url(self) -> str:
        """Where it is found."""
        return f"http://{LOOPBACK}:{self.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Finish the requests in hand, for a few seconds at most, and close."""
        self._stopping.set()
        self._server.pull_trigger()
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        wasyncore.close_all(self._sockets, ignore_all=True)

    def _serve(self) -> None:
        while not self._stopping.is_set():
            wasyncore.loop(timeout=LOOK_SECONDS, use_poll=True, map=self._sockets, count=1)
            self._hang_up_on_the_slow(time.monotonic())

    def _hang_up_on_the_slow(self, now: float) -> None:
        """Close connections whose request is still arriving after its time: waitress itself only ends silent ones."""
        channels = [channel for channel in self._sockets.values() if isinstance(channel, HTTPChannel)]
        self._arriving = {
            channel: self._arriving.get(channel, now) for channel in channels if channel.request is not None
        }
        for channel, since in self._arriving.items():
            if now - since > ARRIVAL_SECONDS_MAX:
                channel.handle_close()
