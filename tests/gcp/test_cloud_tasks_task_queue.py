"""What is Cloud Tasks' own about its task queue: where tasks go, as whom, and creations that fail."""

from dataclasses import replace
from datetime import timedelta

import grpc
import pytest
from google.api_core import exceptions
from google.auth import jwt
from google.cloud import tasks_v2

from prograde.adapters.gcp.cloud_tasks_task_queue import ATTEMPTS_MAX, CloudTasksTaskQueue, Destinations, PageQueue
from prograde.domain.effects import FinalizeTask, SeedTask, SoundingTask, Task, task_name
from prograde.errors import SettingsError, UnavailableError
from tests.contracts.set_clock import SetClock
from tests.contracts.specimens import BATCH, NOON, PAGE_TASK
from tests.emulators.cloud_tasks.server import CloudTasksServer
from tests.gcp.conftest import CONTROL, LOCATION, PAGES
from tests.gcp.worker import Worker

pytestmark = pytest.mark.gcp

MANY = [replace(PAGE_TASK, step=step) for step in range(250)]


@pytest.fixture
def queue(tasks_client: tasks_v2.CloudTasksClient, destinations: Destinations, clock: SetClock) -> CloudTasksTaskQueue:
    return CloudTasksTaskQueue(tasks_client, destinations, clock)


@pytest.mark.parametrize(
    ("task", "queue_id", "path"),
    [
        (PAGE_TASK, "pages-north-1", "/fetch_page/"),
        (SoundingTask("north", sent_at=NOON, due_at=NOON), "pages-north-1", "/fetch_page/sounding"),
        (SeedTask(BATCH.batch_id, wake=2, offset=4096, due_at=NOON), "control", "/start_batch/tasks/seed"),
        (FinalizeTask(BATCH.batch_id, grading_run=1, wake=3, due_at=NOON), "control", "/finalize/"),
    ],
    ids=["page", "sounding", "seed", "finalize"],
)
def test_each_kind_of_task_goes_its_way_with_an_identity(
    queue: CloudTasksTaskQueue,
    cloud_tasks_server: CloudTasksServer,
    worker: Worker,
    task: Task,
    queue_id: str,
    path: str,
) -> None:
    queue.enqueue([task])
    cloud_tasks_server.deliver_due()

    (received,) = worker.received
    assert (queue_id, path) == (received.headers["x-cloudtasks-queuename"], received.path)
    assert "application/json" == received.headers["content-type"]
    token = received.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, certs=cloud_tasks_server.issuer.certs, verify=False)
    assert "caller@project.iam.gserviceaccount.com" == claims["email"]
    assert f"{worker.url}/{path.split('/')[1]}" == claims["aud"]


def test_a_page_goes_through_the_queue_of_its_source_s_credential(
    tasks_client: tasks_v2.CloudTasksClient,
    destinations: Destinations,
    cloud_tasks_server: CloudTasksServer,
    clock: SetClock,
) -> None:
    south = f"{LOCATION}/queues/pages-south-1"
    tasks_client.create_queue(parent=LOCATION, queue=tasks_v2.Queue(name=south))

    queues = {"south": PageQueue(south, 5.0), "north": PageQueue(PAGES, 18.0)}
    two = replace(
        destinations,
        page_queues=queues,
        source_of=lambda page: "south" if page.batch_id == "south" else "north",
    )
    queue = CloudTasksTaskQueue(tasks_client, two, clock)

    queue.enqueue([replace(PAGE_TASK, batch_id="south"), *MANY[:3], SeedTask("south", 1, 0, NOON)])

    assert [1, 3, 1] == [cloud_tasks_server.waiting(name) for name in (south, PAGES, CONTROL)]


def test_one_task_is_one_call_and_a_hundred_are_one_too(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer
) -> None:
    queue.enqueue([PAGE_TASK])
    queue.enqueue(MANY)

    assert {"CreateTask": 1, "BatchCreateTasks": 3} == {
        rpc: calls
        for rpc, calls in cloud_tasks_server.faults.calls.items()
        if rpc in {"CreateTask", "BatchCreateTasks"}
    }


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("rpc", "tasks"), [("CreateTask", [PAGE_TASK]), ("BatchCreateTasks", MANY)])
@pytest.mark.parametrize(
    "code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED]
)
def test_a_creation_that_failed_or_was_not_answered_is_tried_again_after_a_pause(  # one case of each
    queue: CloudTasksTaskQueue,
    cloud_tasks_server: CloudTasksServer,
    clock: SetClock,
    rpc: str,
    tasks: list[Task],
    code: grpc.StatusCode,
    when: str,
) -> None:
    cloud_tasks_server.faults.fail(rpc, code, times=2, when=when)

    queue.enqueue(tasks)

    assert len(tasks) == cloud_tasks_server.waiting(PAGES)
    assert clock.moment > NOON


def test_of_a_batch_only_what_failed_is_tried_again(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer
) -> None:
    cloud_tasks_server.faults.fail("BatchCreateTasks.task", grpc.StatusCode.UNAVAILABLE, times=30)

    queue.enqueue(MANY)

    assert len(MANY) == cloud_tasks_server.waiting(PAGES)
    assert len(MANY) + 30 == cloud_tasks_server.faults.calls["BatchCreateTasks.task"]


def test_a_batch_that_takes_its_time_is_waited_for(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer
) -> None:
    cloud_tasks_server.polls_until_done = 2

    queue.enqueue(MANY[:50])

    assert 50 == cloud_tasks_server.waiting(PAGES)


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED]
)
def test_tasks_of_a_batch_that_nobody_may_ask_after_are_created_one_by_one(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer, code: grpc.StatusCode
) -> None:
    cloud_tasks_server.polls_until_done = 2
    cloud_tasks_server.faults.fail("BatchCreateTasks.task", grpc.StatusCode.UNAVAILABLE, times=3)
    cloud_tasks_server.faults.fail("CreateTask", grpc.StatusCode.UNAVAILABLE)
    cloud_tasks_server.faults.fail("GetOperation", code, times=100)

    queue.enqueue(MANY[:50])

    assert 50 == cloud_tasks_server.waiting(PAGES)


@pytest.mark.parametrize("failing", [3, 50], ids=["some", "all"])
def test_tasks_of_a_batch_that_does_not_say_which_failed_are_created_one_by_one(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer, failing: int
) -> None:
    cloud_tasks_server.tells_metadata = False
    cloud_tasks_server.faults.fail("BatchCreateTasks.task", grpc.StatusCode.UNAVAILABLE, times=failing)

    queue.enqueue(MANY[:50])

    assert 50 == cloud_tasks_server.waiting(PAGES)


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_due_in_more_than_a_month_comes_before(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer, clock: SetClock, count: int
) -> None:
    queue.enqueue([replace(task, due_at=NOON + timedelta(days=90)) for task in MANY[:count]])

    assert 0 == cloud_tasks_server.deliver_due()
    clock.sleep(30 * 86_400)
    assert count == cloud_tasks_server.deliver_due()


def test_names_that_are_all_taken_are_no_error(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer
) -> None:
    queue.enqueue(MANY)
    queue.enqueue(MANY)
    queue.enqueue([MANY[0]])

    assert len(MANY) == cloud_tasks_server.waiting(PAGES)


@pytest.mark.parametrize("tasks", [[PAGE_TASK], MANY], ids=["one", "many"])
def test_what_keeps_failing_is_given_up_for_now(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer, tasks: list[Task]
) -> None:
    for rpc in ("CreateTask", "BatchCreateTasks"):
        cloud_tasks_server.faults.fail(rpc, grpc.StatusCode.UNAVAILABLE, times=3 * ATTEMPTS_MAX)

    with pytest.raises(UnavailableError, match=rf"{len(tasks)} tasks were not created.*on demand"):
        queue.enqueue(tasks)


def test_a_queue_that_is_missing_is_named(queue: CloudTasksTaskQueue, tasks_client: tasks_v2.CloudTasksClient) -> None:
    tasks_client.delete_queue(name=CONTROL)

    with pytest.raises(UnavailableError, match=r"Queue does not exist: .*/queues/control"):
        queue.enqueue([SeedTask(BATCH.batch_id, 1, 0, NOON)])


@pytest.mark.parametrize("count", [1, 2])
def test_a_task_that_breaks_a_rule_is_a_mistake_of_ours(queue: CloudTasksTaskQueue, count: int) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="too large"):
        queue.enqueue([replace(PAGE_TASK, professional_id="x" * 110_000, step=step) for step in range(count)])


def test_a_task_s_name_is_its_hash(queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer) -> None:
    queue.enqueue([PAGE_TASK])

    assert [f"{PAGES}/tasks/{task_name(PAGE_TASK)}"] == list(cloud_tasks_server._queue(PAGES).entries)


# --- the pace


def rate(tasks_client: tasks_v2.CloudTasksClient, queue: str = PAGES) -> float:
    return tasks_client.get_queue(name=queue).rate_limits.max_dispatches_per_second


def test_a_queue_is_sent_at_its_share_of_the_declared_rate(
    queue: CloudTasksTaskQueue, tasks_client: tasks_v2.CloudTasksClient
) -> None:
    concurrency = tasks_client.get_queue(name=PAGES).rate_limits.max_concurrent_dispatches
    rates = []
    for share in (0.5, 0.05, 1.0):
        queue.pace("north", share)
        rates.append(rate(tasks_client))

    assert pytest.approx([9.0, 0.9, 18.0]) == rates
    assert concurrency == tasks_client.get_queue(name=PAGES).rate_limits.max_concurrent_dispatches
    assert 500.0 == rate(tasks_client, CONTROL)


def test_a_rate_that_is_right_is_not_written_again(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer
) -> None:
    for share in (0.5, 0.5, 0.501):
        queue.pace("north", share)

    assert 1 == cloud_tasks_server.faults.calls["UpdateQueue"]


def test_a_slower_queue_delivers_slower(
    queue: CloudTasksTaskQueue, cloud_tasks_server: CloudTasksServer, clock: SetClock
) -> None:
    queue.pace("north", 0.25)
    queue.enqueue(MANY)
    taken = []
    for _ in range(20):
        taken.append(len(cloud_tasks_server._take()))
        clock.sleep(1.0)

    # What is saved up at first is a second's worth.
    assert pytest.approx(4.5 * 20, abs=2) == sum(taken)


def test_a_queue_that_is_not_there_is_named_and_not_made(
    queue: CloudTasksTaskQueue, tasks_client: tasks_v2.CloudTasksClient
) -> None:
    tasks_client.delete_queue(name=PAGES)

    with pytest.raises(UnavailableError, match=r"Queue does not exist: .*/queues/pages-north-1.*google_cloud_tasks"):
        queue.pace("north", 0.5)
    with pytest.raises(exceptions.NotFound):
        rate(tasks_client)


def test_a_queue_that_somebody_paused_keeps_its_tasks_and_stays_paused(
    queue: CloudTasksTaskQueue, tasks_client: tasks_v2.CloudTasksClient, cloud_tasks_server: CloudTasksServer
) -> None:
    queue.enqueue([PAGE_TASK])
    tasks_client.pause_queue(name=PAGES)
    queue.pace("north", 0.5)
    assert 0 == cloud_tasks_server.deliver_due()

    tasks_client.resume_queue(name=PAGES)

    assert 1 == cloud_tasks_server.deliver_due()


# --- what a batch needs


@pytest.mark.parametrize("missing", [CONTROL, PAGES])
def test_a_check_names_the_queue_that_is_missing(
    queue: CloudTasksTaskQueue, tasks_client: tasks_v2.CloudTasksClient, missing: str
) -> None:
    queue.check()
    tasks_client.delete_queue(name=missing)

    with pytest.raises(UnavailableError, match=f"Queue does not exist: {missing}.*google_cloud_tasks_queue.pages"):
        queue.check()


def test_a_source_without_a_queue_is_named(queue: CloudTasksTaskQueue) -> None:
    with pytest.raises(SettingsError, match=r"PROGRADE_QUEUES: 'west': has no queue: .* variable sources"):
        queue.enqueue([SoundingTask("west", sent_at=NOON, due_at=NOON)])
