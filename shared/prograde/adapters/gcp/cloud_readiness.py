"""Functions that ask each other whether they may do their part, through the queue, and answer in Firestore."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from google.cloud import firestore

from prograde.adapters.documents import Document
from prograde.adapters.gcp.cloud_tasks_task_queue import CloudTasksTaskQueue
from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.adapters.gcp.firestore_layout import DOCUMENT
from prograde.adapters.gcp.firestore_transactions import SERVICE
from prograde.adapters.task_routes import READINESS
from prograde.domain.effects import digest
from prograde.errors import CorruptionError, InputError, Problem, ProgradeError
from prograde.ports import Clock

ASKED = ("fetch_page", "finalize")
"""The functions that a batch needs beside the one that starts it."""
PATIENCE = timedelta(seconds=45)
"""For an answer: an instance has to start for it."""
READY_FOR = timedelta(minutes=10)
"""So long a function that was ready is not asked again, by whoever starts a batch."""
STALE_AFTER = timedelta(minutes=2)
"""Nobody waits any more for the answer to an older question."""
LOOK_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Question:
    """What a function is asked; `is_echo` where it asks itself, to try whether it may enqueue."""

    function: str
    asked_at: datetime
    is_echo: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function lacks, as it found at a moment."""

    answered_at: datetime
    lacking: tuple[str, ...]


_QUESTION = Document(Question)
_ANSWER = Document(Answer)


class CloudReadiness:
    """
    Readiness of a deployment.

    Functions that only tasks may call are reached by a task, which tries the way there too: their build, their start,
    the token, and who may call. They answer in one document each, which tries the database. `lacking` asks for
    the account's own permissions.
    """

    def __init__(
        self,
        client: firestore.Client,
        queue: CloudTasksTaskQueue,
        clock: Clock,
        lacking: Callable[[], tuple[str, ...]],
    ) -> None:
        self._answers = client.collection("readiness")
        self._queue = queue
        self._clock = clock
        self._lacking = lacking

    def ask(self) -> tuple[str, ...]:
        """Ask for the account's own permissions, and both other functions for theirs at once."""
        asked_at = self._clock.now()
        lacking: list[str] = []
        waited_for = [function for function in ASKED if not self._was_ready(function, asked_at)]
        for function in tuple(waited_for):
            try:
                self._send(Question(function, asked_at))
            except ProgradeError as error:
                waited_for.remove(function)
                lacking.append(str(error))
        lacking += self._lacking()
        while waited_for and self._clock.now() <= asked_at + PATIENCE:
            for function in tuple(waited_for):
                answer = self._answer(function)
                if answer is not None and answer.answered_at > asked_at:
                    waited_for.remove(function)
                    lacking += (f"{function}: {problem}" for problem in answer.lacking)
            if waited_for:
                self._clock.sleep(LOOK_EVERY_SECONDS)
        return (*dict.fromkeys(lacking), *map(_silent, waited_for))

    def answer(self, question: bytes) -> None:
        """Look at all that this function's account needs, try to enqueue, and write down what is lacking."""
        asked = _read(question)
        if asked.is_echo or asked.asked_at < self._clock.now() - STALE_AFTER:
            return
        lacking = list(self._lacking())
        try:
            self._send(replace(asked, is_echo=True))
        except ProgradeError as error:
            lacking.append(str(error))
        answer = Answer(self._clock.now(), tuple(lacking))
        with mapped_errors(SERVICE):
            self._answers.document(asked.function).set({DOCUMENT: _ANSWER.write(answer)})

    def _was_ready(self, function: str, now: datetime) -> bool:
        answer = self._answer(function)
        return answer is not None and not answer.lacking and answer.answered_at > now - READY_FOR

    def _answer(self, function: str) -> Answer | None:
        with mapped_errors(SERVICE):
            snapshot = self._answers.document(function).get()
        return _ANSWER.read(cast("str", snapshot.get(DOCUMENT))) if snapshot.exists else None

    def _send(self, question: Question) -> None:
        name = digest("readiness", question.function, question.asked_at.isoformat(), question.is_echo)
        self._queue.post(question.function, READINESS, name, _QUESTION.write(question))


def _read(question: bytes) -> Question:
    try:
        return _QUESTION.read(question)
    except CorruptionError as error:
        raise InputError([Problem("body", question[:100], f"must be a question: {error}")]) from error


def _silent(function: str) -> str:
    return (
        f"{function} did not say within {PATIENCE.total_seconds():.0f} s whether it may do its part: its log tells "
        "why, if it was called; infra/terraform provides the way there, as one of module.function, "
        "google_cloud_run_v2_service_iam_member.invoker, google_cloud_tasks_queue.control, "
        "google_project_iam_member.firestore_user"
    )
