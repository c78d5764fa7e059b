"""Tells people of what is announced, by a Slack-compatible webhook and by e-mail; never holds up or fails a batch."""

import logging
import queue
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import urllib3
from typing_extensions import override

FOLDED_SECONDS = 3600.0
"""So long a condition is not told again; how often it was said meanwhile is told with the next."""
WAITING_MAX = 100
TRIES = 3
TIMEOUT_SECONDS = 10.0
LAST_SECONDS = 15.0
"""How long the end of the process waits for what is still to be told."""
CONDITIONS = frozenset({"batch_late", "circuit_open", "corruption", "dead_letters"})
"""What is said again and again for as long as it lasts; all else that is announced is a status."""
SILENT = frozenset({"batch_draining", "batch_finalizing"})
"""Statuses that a batch only passes through."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """What people are told: of which batch, and what; `said` counts how often it was folded since the last time."""

    batch_id: str
    event: str
    text: str
    said: int = 0

    @property
    def subject(self) -> str:
        """One line."""
        return f"prograde: {self.event.replace('_', ' ')}: {self.batch_id}"

    @property
    def body(self) -> str:
        """Everything."""
        repeated = f" (said {self.said} more times since)" if self.said else ""
        return f"{self.text}{repeated}"


Channel = Callable[[Notice], None]


class Notifier(logging.Handler):
    """
    Hears what is announced (log lines with an `event`), folds what is repeated, and tells it while it is entered.

    A condition is told once in a while, a status whenever the batch comes to it: only said twice in a row it is folded.
    A channel that fails is tried again, then the log has it; a backlog is bounded, and what exceeds it is only logged.
    """

    def __init__(self, channels: Sequence[Channel], backoff_seconds: float = 1.0) -> None:
        super().__init__(logging.INFO)
        self._channels = channels
        self._backoff_seconds = backoff_seconds
        self._waiting: queue.Queue[Notice | None] = queue.Queue(WAITING_MAX)
        self._told: dict[tuple[object, ...], tuple[float, int]] = {}
        self._statuses: dict[str, tuple[object, ...]] = {}
        self._thread = threading.Thread(target=self._tell_all, name="notifier", daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        logging.getLogger("prograde").addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Listen no more, and tell what is still to be told."""
        logging.getLogger("prograde").removeHandler(self)
        ends_at = time.monotonic() + LAST_SECONDS
        try:
            self._waiting.put(None, timeout=LAST_SECONDS)
        except queue.Full:
            return
        self._thread.join(max(0.0, ends_at - time.monotonic()))

    @override
    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", "")
        if not event:
            return
        batch_id, grading_run = getattr(record, "batch_id", ""), getattr(record, "grading_run", 0)
        source, reason = getattr(record, "source", ""), getattr(record, "reason", "")
        if event in CONDITIONS:
            said = self._unfolded((batch_id, event, grading_run))
        else:
            said = 0 if self._is_new(batch_id, (event, reason, grading_run)) and event not in SILENT else None
        if said is None:
            return
        text = f"Batch {batch_id} of source {source}: {record.getMessage()}" + (f": {reason}" if reason else "")
        try:
            self._waiting.put_nowait(Notice(batch_id, event, text, said))
        except queue.Full:
            _log.warning("too much to tell at once: %s was not told", event, extra={"batch_id": batch_id})

    def _is_new(self, batch_id: str, status: tuple[object, ...]) -> bool:
        """Tell whether this is another status than the batch's last; a redelivered task says its own again."""
        last, self._statuses[batch_id] = self._statuses.get(batch_id), status
        return status != last

    def _unfolded(self, key: tuple[object, ...]) -> int | None:
        """Tell how often this was folded, if it is to be told now; the handler's lock is held."""
        now = time.monotonic()
        told_at, said = self._told.get(key, (None, 0))
        if told_at is not None and now - told_at < FOLDED_SECONDS:
            self._told[key] = (told_at, said + 1)
            return None
        self._told = {other: told for other, told in self._told.items() if now - told[0] < 2 * FOLDED_SECONDS}
        self._told[key] = (now, 0)
        return said

    def _tell_all(self) -> None:
        while (notice := self._waiting.get()) is not None:
            for channel in self._channels:
                self._tell(channel, notice)

    def _tell(self, channel: Channel, notice: Notice) -> None:
        for tried in range(1, TRIES + 1):
            try:
                channel(notice)
            # As with logging's own handlers, whatever a channel comes upon is logged, not raised: smtplib raises a
            # UnicodeEncodeError for a password that is not ASCII, and without this thread nothing more would be told.
            except Exception as error:  # noqa: BLE001  # no channel may end the thread that tells
                # Without the error's text: the address of a webhook is a secret, and it may hold that.
                trouble = type(error).__name__
                if tried == TRIES:
                    _log.warning("%s could not be told: %s", notice.event, trouble, extra={"batch_id": notice.batch_id})
                else:
                    time.sleep(self._backoff_seconds * 4 ** (tried - 1))
            else:
                return


class SlackWebhook:
    """An incoming webhook that takes {"text": …}, as Slack's and its likes' do."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def __call__(self, notice: Notice) -> None:
        """Post a notice; raises HTTPError when it is not taken."""
        text = notice.body.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        answer = self._pool.request("POST", self._url, json={"text": f"*{notice.subject}*\n{text}"}, redirect=False)
        if not 200 <= answer.status < 300:  # noqa: PLR2004  # HTTP's successes
            raise urllib3.exceptions.HTTPError(f"answered {answer.status}")


class Mail:
    """E-mail handed in at `server` (smtp://user:password@host:port, or smtps), encrypted wherever that can."""

    def __init__(self, server: str, sender: str, recipients: Sequence[str]) -> None:
        self._server = server
        self._sender = sender
        self._recipients = recipients

    def __call__(self, notice: Notice) -> None:
        """Send a notice; raises SMTPException or OSError when it is not taken."""
        message = EmailMessage()
        message["Subject"] = notice.subject
        message["From"] = self._sender
        message["To"] = ", ".join(self._recipients)
        message.set_content(f"{notice.body}\n")
        url = urlsplit(self._server)
        with self._connected(url.scheme, url.hostname or "", url.port) as server:
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(message)

    def _connected(self, scheme: str, host: str, port: int | None) -> smtplib.SMTP:
        secure = ssl.create_default_context()
        if scheme == "smtps":
            return smtplib.SMTP_SSL(host, port or smtplib.SMTP_SSL_PORT, timeout=TIMEOUT_SECONDS, context=secure)
        server = smtplib.SMTP(host, port or 587, timeout=TIMEOUT_SECONDS)
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=secure)
            server.ehlo()
        return server
