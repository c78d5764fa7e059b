"""Functions that ask each other whether they may do their part."""

from collections.abc import Callable
from datetime import timedelta

import grpc
import pytest
from google.cloud import firestore, tasks_v2
from typing_extensions import override

from prograde.adapters.gcp.cloud_readiness import PATIENCE, READY_FOR, STALE_AFTER, CloudReadiness
from prograde.adapters.gcp.cloud_tasks_task_queue import ATTEMPTS_MAX, CloudTasksTaskQueue, Destinations
from prograde.errors import InputError, UnavailableError
from tests.contracts.set_clock import SetClock
from tests.emulators.cloud_tasks.server import CloudTasksServer
from tests.emulators.firestore.server import FirestoreServer
from tests.gcp.worker import Worker

pytestmark = pytest.mark.gcp


class Passing(SetClock):
    """A clock that lets things happen while somebody sleeps."""

    meanwhile: Callable[[], None]

    @override
    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.meanwhile()


class Functions:
    """A deployment: what the worker received, its functions answer; who is `unreachable` never hears of it."""

    def __init__(
        self,
        client: firestore.Client,
        queue: CloudTasksTaskQueue,
        clock: Passing,
        server: CloudTasksServer,
        worker: Worker,
    ) -> None:
        self.lacking: dict[str, tuple[str, ...]] = {}
        self.unreachable: set[str] = set()
        self._client, self._queue, self._clock = client, queue, clock
        self._server, self._worker = server, worker
        self._heard = 0
        clock.meanwhile = self.deliver

    def of(self, function: str) -> CloudReadiness:
        return CloudReadiness(self._client, self._queue, self._clock, lambda: self.lacking.get(function, ()))

    def ask(self) -> tuple[str, ...]:
        return self.of("start_batch").ask()

    def deliver(self) -> None:
        self._server.deliver_due()
        # Somebody who answers may sleep, and be delivered to meanwhile.
        while self._heard < len(self._worker.received):
            received = self._worker.received[self._heard]
            self._heard += 1
            function = received.path.split("/")[1]
            if function not in self.unreachable:
                self.of(function).answer(received.body)


@pytest.fixture
def clock() -> Passing:
    return Passing()


@pytest.fixture
def functions(
    client: firestore.Client,
    tasks_client: tasks_v2.CloudTasksClient,
    destinations: Destinations,
    clock: Passing,
    cloud_tasks_server: CloudTasksServer,
    worker: Worker,
) -> Functions:
    queue = CloudTasksTaskQueue(tasks_client, destinations, clock)
    return Functions(client, queue, clock, cloud_tasks_server, worker)


def test_who_lacks_nothing_says_so_and_both_tried_to_enqueue(functions: Functions, worker: Worker) -> None:
    assert () == functions.ask()

    functions.deliver()
    paths = sorted(received.path for received in worker.received)
    assert ["/fetch_page/readiness"] * 2 + ["/finalize/readiness"] * 2 == paths


def test_everybody_s_lacks_are_told_together_and_whose_they_are(functions: Functions) -> None:
    functions.lacking = {"start_batch": ("a",), "fetch_page": ("b", "c"), "finalize": ("d",)}

    assert ["a", "fetch_page: b", "fetch_page: c", "finalize: d"] == sorted(functions.ask())


def test_who_may_not_enqueue_says_so(
    functions: Functions, clock: Passing, cloud_tasks_server: CloudTasksServer
) -> None:
    deliver = clock.meanwhile

    def forbid_and_deliver() -> None:
        clock.meanwhile = deliver
        cloud_tasks_server.faults.fail("CreateTask", grpc.StatusCode.PERMISSION_DENIED, times=2 * ATTEMPTS_MAX)
        deliver()

    clock.meanwhile = forbid_and_deliver

    told = functions.ask()

    assert ["fetch_page", "finalize"] == sorted(problem.partition(": ")[0] for problem in told)
    assert all("google_service_account_iam_member.enqueuer_acts_as_tasks" in problem for problem in told)


def test_who_may_not_ask_is_told_at_once(
    functions: Functions, clock: Passing, cloud_tasks_server: CloudTasksServer
) -> None:
    cloud_tasks_server.faults.fail("CreateTask", grpc.StatusCode.PERMISSION_DENIED, times=2 * ATTEMPTS_MAX)
    asked_at = clock.now()

    (problem,) = functions.ask()

    assert "Cloud Tasks: 1 tasks were not created" in problem
    assert "google_cloud_tasks_queue_iam_member.control_enqueuer" in problem
    assert clock.now() - asked_at < PATIENCE / 2


def test_who_does_not_answer_is_named_after_a_while(functions: Functions, clock: Passing) -> None:
    functions.unreachable = {"finalize"}
    asked_at = clock.now()

    (problem,) = functions.ask()

    assert problem.startswith("finalize did not say within 45 s whether it may do its part")
    assert "google_cloud_run_v2_service_iam_member.invoker" in problem
    assert clock.now() - asked_at < PATIENCE + timedelta(seconds=1)


def test_who_was_ready_is_asked_again_after_a_while_and_who_was_not_at_once(
    functions: Functions, clock: Passing
) -> None:
    assert () == functions.ask()
    functions.lacking = {"finalize": ("d",)}
    clock.sleep(READY_FOR.total_seconds() - 1)
    assert () == functions.ask()
    clock.sleep(1)
    assert ("finalize: d",) == functions.ask()

    functions.lacking = {}

    assert () == functions.ask()


def test_an_answer_that_comes_too_late_is_not_given(
    functions: Functions, clock: Passing, cloud_tasks_server: CloudTasksServer
) -> None:
    functions.unreachable = {"fetch_page", "finalize"}
    functions.ask()
    functions.unreachable = set()
    functions.lacking = {"fetch_page": ("never looked at",)}
    sent = cloud_tasks_server.faults.calls["CreateTask"]

    question = b'{"function":"fetch_page","asked_at":"%s","is_echo":false}'
    functions.of("fetch_page").answer(question % (clock.now() - STALE_AFTER).isoformat().encode())
    assert sent + 1 == cloud_tasks_server.faults.calls["CreateTask"]
    clock.sleep(1)
    functions.of("fetch_page").answer(question % (clock.now() - STALE_AFTER * 1.01).isoformat().encode())

    assert sent + 1 == cloud_tasks_server.faults.calls["CreateTask"]


def test_who_cannot_write_its_answer_is_asked_again_by_the_queue(
    functions: Functions, clock: Passing, firestore_server: FirestoreServer
) -> None:
    firestore_server.faults.fail("Commit", grpc.StatusCode.PERMISSION_DENIED)

    question = b'{"function":"fetch_page","asked_at":"%s","is_echo":false}' % clock.now().isoformat().encode()
    with pytest.raises(UnavailableError, match=r"google_project_iam_member\.firestore_user"):
        functions.of("fetch_page").answer(question)


def test_what_is_no_question_is_refused(functions: Functions) -> None:
    with pytest.raises(InputError, match="must be a question"):
        functions.of("fetch_page").answer(b'{"function":"fetch_page"}')
