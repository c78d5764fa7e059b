import io
import logging
import time
from collections.abc import Iterator

import pytest

from prograde import structured_logging
from prograde.adapters.local.notifier import CONDITIONS, Notice, Notifier, SlackWebhook
from prograde.bootstrap.notifications import notifier
from prograde.settings import MailSettings, NotificationSettings
from prograde.use_cases.announce import Event
from tests.local.receivers import MailServer, Webhook, serving


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    stream = io.StringIO()
    structured_logging.configure(stream)
    yield stream
    root.handlers[:], logging.raiseExceptions = handlers, raises
    root.setLevel(level)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with serving(Webhook()) as server:
        yield server


def announced(event: str, message: str = "the batch is well", **facts: object) -> None:
    extra = {"event": event, "batch_id": "b-1", "source": "north", "reason": "", "grading_run": 0, **facts}
    logging.getLogger("prograde.use_cases.announce").info(message, extra=extra)


def test_what_is_announced_is_told_by_webhook_and_by_mail(webhook: Webhook, log: io.StringIO) -> None:
    with serving(MailServer()) as server:
        mail = MailSettings(server.url, "prograde@example.org", ("ops@example.org", "sales@example.org"))
        with notifier(NotificationSettings(webhook.url, mail)):
            announced("batch_complete")

    assert ["*prograde: batch complete: b-1*\nBatch b-1 of source north: the batch is well"] == webhook.posted
    assert ["ops@example.org", "sales@example.org"] == server.recipients
    (message,) = server.messages
    assert "Subject: prograde: batch complete: b-1" in message
    assert "Batch b-1 of source north: the batch is well" in message


def test_lines_that_announce_nothing_and_statuses_in_passing_are_told_nobody(
    webhook: Webhook, log: io.StringIO
) -> None:
    with notifier(NotificationSettings(webhook.url)):
        logging.getLogger("prograde.x").warning("something else")
        announced("batch_finalizing")
        announced("batch_draining")

    assert [] == webhook.posted


def test_what_is_said_again_is_folded_but_another_run_is_told(webhook: Webhook, log: io.StringIO) -> None:
    with notifier(NotificationSettings(webhook.url)):
        for _ in range(5):
            announced("circuit_open")
        announced("batch_complete", grading_run=1)
        announced("batch_complete", grading_run=2)

    assert 3 == len(webhook.posted)


def test_what_is_announced_beside_the_statuses_is_folded() -> None:
    assert {str(event) for event in Event} == CONDITIONS


def test_a_second_pause_within_the_hour_is_told_with_its_own_reason(webhook: Webhook, log: io.StringIO) -> None:
    with notifier(NotificationSettings(webhook.url)):
        for reason in ("by hand", "by hand", "the source refuses the credentials"):
            announced("batch_paused", reason=reason)

    assert ["by hand", "the source refuses the credentials"] == [text.split(": ")[-1] for text in webhook.posted]


def test_a_pause_is_told_again_after_the_batch_ran_or_drained(webhook: Webhook, log: io.StringIO) -> None:
    with notifier(NotificationSettings(webhook.url)):
        for event in ("batch_paused", "batch_running", "batch_paused", "batch_draining", "batch_paused"):
            announced(event)

    assert 3 == sum("batch paused" in text for text in webhook.posted)


def test_what_was_folded_is_counted_when_it_is_told_again(
    webhook: Webhook, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with notifier(NotificationSettings(webhook.url)):
        announced("circuit_open")
        announced("circuit_open")
        announced("circuit_open")
        monkeypatch.setattr("prograde.adapters.local.notifier.FOLDED_SECONDS", 0.0)
        announced("circuit_open")

    assert ["(said 2 more times since)"] == [text[text.index("(") :] for text in webhook.posted if "(" in text]


def test_a_webhook_that_fails_is_tried_again(webhook: Webhook, log: io.StringIO) -> None:
    webhook.statuses = [500, 429]
    with Notifier([SlackWebhook(webhook.url)], backoff_seconds=0.01):
        announced("batch_paused", reason="the key <b> & so on")

    (text,) = webhook.posted
    assert text.endswith("the key &lt;b&gt; &amp; so on")


def test_a_webhook_that_never_answers_well_is_logged_without_its_address(webhook: Webhook, log: io.StringIO) -> None:
    webhook.statuses = [500] * 3
    with Notifier([SlackWebhook(webhook.url)], backoff_seconds=0.01):
        announced("batch_paused")

    assert [] == webhook.posted
    assert "batch_paused could not be told" in log.getvalue()
    assert "t0ps3cret" not in log.getvalue()


def test_one_channel_that_is_down_keeps_no_other_from_telling(webhook: Webhook, log: io.StringIO) -> None:
    def down(_: Notice) -> None:
        raise ConnectionRefusedError

    with Notifier([down, SlackWebhook(webhook.url)], backoff_seconds=0.01):
        announced("batch_paused")

    assert 1 == len(webhook.posted)


def test_a_channel_that_breaks_in_an_unforeseen_way_is_logged_and_told_the_next(log: io.StringIO) -> None:
    told: list[str] = []

    def breaking(notice: Notice) -> None:
        told.append(notice.event)
        "t0ps3cret \u2713".encode("ascii")

    with Notifier([breaking], backoff_seconds=0.01):
        announced("batch_paused")
        announced("batch_running")

    assert ["batch_paused"] * 3 + ["batch_running"] * 3 == told
    assert "batch_running could not be told: UnicodeEncodeError" in log.getvalue()
    assert "t0ps3cret" not in log.getvalue()


def test_who_announces_never_waits_for_who_is_told(log: io.StringIO) -> None:
    def slow(_: Notice) -> None:
        time.sleep(0.2)

    with Notifier([slow]):
        began = time.monotonic()
        for number in range(200):
            announced("batch_running", batch_id=f"b-{number}")
        took = time.monotonic() - began
        assert "too much to tell at once" in log.getvalue()
        logging.getLogger("prograde").handlers[-1]._waiting.queue.clear()  # type: ignore[attr-defined]
    assert took < 20
