"""The stand-in for Cloud Tasks is as strict as Cloud Tasks."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import grpc
import pytest
from google.api_core import exceptions
from google.auth import jwt
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.contracts.set_clock import SetClock
from tests.contracts.specimens import NOON, SECOND
from tests.emulators.cloud_tasks.queues import TaskQueue
from tests.emulators.cloud_tasks.server import CloudTasksServer
from tests.gcp.worker import Worker

pytestmark = pytest.mark.gcp

PARENT = "projects/p/locations/l"
QUEUE = f"{PARENT}/queues/pages"
Client = tasks_v2.CloudTasksClient


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def server(clock: SetClock) -> Iterator[CloudTasksServer]:
    with CloudTasksServer(clock.now) as server:
        yield server


@pytest.fixture
def client(server: CloudTasksServer) -> Iterator[Client]:
    with connected(server) as client:
        client.create_queue(parent=PARENT, queue=tasks_v2.Queue(name=QUEUE))
        yield client


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


def connected(server: CloudTasksServer) -> Client:
    return Client(transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel(server.target)))


def task(url: str = "http://127.0.0.1:9", task_id: str = "", due_at: datetime | None = None) -> tasks_v2.Task:
    request = tasks_v2.HttpRequest(url=url, body=b"{}", headers={"Content-Type": "application/json"})
    made = tasks_v2.Task(http_request=request, name=f"{QUEUE}/tasks/{task_id}" if task_id else "")
    if due_at is not None:
        made = tasks_v2.Task(made, schedule_time=due_at)
    return made


def create(client: Client, made: tasks_v2.Task) -> tasks_v2.Task:
    return client.create_task(parent=QUEUE, task=made)


# --- creating


def test_a_name_is_taken_while_its_task_waits_and_for_a_day_after(
    client: Client, server: CloudTasksServer, clock: SetClock, worker: Worker
) -> None:
    create(client, task(worker.url, "a"))
    with pytest.raises(exceptions.AlreadyExists):
        create(client, task(worker.url, "a"))
    assert 1 == server.deliver_due()
    clock.moment = NOON + timedelta(hours=23, minutes=59)
    with pytest.raises(exceptions.AlreadyExists):
        create(client, task(worker.url, "a"))

    clock.moment = NOON + timedelta(hours=24, minutes=1)
    create(client, task(worker.url, "a"))

    assert 1 == server.deliver_due()


def test_tasks_without_a_name_get_one_each(client: Client) -> None:
    assert 2 == len({create(client, task()).name for _ in range(2)})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda made: setattr(made, "name", "other/tasks/a"), "must be"),
        (lambda made: setattr(made, "name", f"{QUEUE}/tasks/a.b"), "letters, digits"),
        (lambda made: setattr(made.http_request, "body", b"x" * 103_000), "too large"),
        (lambda made: setattr(made.http_request, "url", "ftp://x"), "http"),
        (lambda made: setattr(made.http_request, "http_method", tasks_v2.HttpMethod.GET), "body"),
        (lambda made: setattr(made.http_request, "oidc_token", tasks_v2.OidcToken(audience="x")), "email"),
        (lambda made: setattr(made, "schedule_time", NOON + timedelta(days=30, seconds=1)), "30 days"),
        (lambda made: setattr(made, "dispatch_deadline", timedelta(seconds=14)), "15 seconds"),
        (lambda made: setattr(made, "dispatch_deadline", timedelta(minutes=31)), "30 minutes"),
        (lambda made: setattr(made, "app_engine_http_request", tasks_v2.AppEngineHttpRequest()), "only HTTP"),
    ],
    ids=["queue", "id", "size", "url", "body", "token", "schedule", "short deadline", "long deadline", "app engine"],
)
def test_a_task_that_breaks_a_rule_is_refused(
    client: Client, change: Callable[[tasks_v2.Task], None], complaint: str
) -> None:
    made = task(task_id="a")
    change(made)

    with pytest.raises(exceptions.InvalidArgument, match=complaint):
        create(client, made)


def test_a_queue_that_is_not_there_takes_no_task(client: Client) -> None:
    with pytest.raises(exceptions.NotFound, match="Queue does not exist"):
        client.create_task(parent=f"{PARENT}/queues/other", task=task())


# --- many at once


def batch(client: Client, *made: tasks_v2.Task) -> tuple[list[str], dict[int, int]]:
    requests = [tasks_v2.CreateTaskRequest(parent=QUEUE, task=one) for one in made]
    operation = client.batch_create_tasks(parent=QUEUE, requests=requests)
    created = operation.result(timeout=10).tasks
    return [one.name for one in created], {
        index: failed.code for index, failed in operation.metadata.failed_requests.items()
    }


def test_a_batch_creates_what_it_can_and_says_what_it_could_not(client: Client) -> None:
    create(client, task(task_id="taken"))

    created, failed = batch(client, task(task_id="a"), task(task_id="taken"), task(task_id="b"), task(task_id="a"))

    assert ([f"{QUEUE}/tasks/a", f"{QUEUE}/tasks/b"], {1: 6, 3: 6}) == (created, failed)


def test_a_batch_none_of_which_could_be_created_is_an_error(client: Client) -> None:
    create(client, task(task_id="taken"))

    with pytest.raises(exceptions.Aborted, match="None of the requests succeeded"):
        batch(client, task(task_id="taken"))


def test_a_batch_may_take_its_time(client: Client, server: CloudTasksServer) -> None:
    server.polls_until_done = 1

    assert 1 == len(batch(client, task(task_id="a"))[0])


def test_a_batch_has_at_most_100_tasks(client: Client) -> None:
    assert 100 == len(batch(client, *(task() for _ in range(100)))[0])
    with pytest.raises(exceptions.InvalidArgument, match="100"):
        batch(client, *(task() for _ in range(101)))


# --- delivering


def test_a_task_arrives_as_a_request_with_cloud_tasks_headers(
    client: Client, server: CloudTasksServer, worker: Worker
) -> None:
    made = task(f"{worker.url}/path?q=1", "a", NOON)
    made.http_request.headers["X-CloudTasks-TaskName"] = "forged"
    made.http_request.oidc_token = tasks_v2.OidcToken(service_account_email="caller@p", audience="https://f")
    create(client, made)

    server.deliver_due()

    (received,) = worker.received
    assert ("POST", "/path?q=1", b"{}") == (received.method, received.path, received.body)
    expected = {
        "content-type": "application/json",
        "user-agent": "Google-Cloud-Tasks",
        "x-cloudtasks-queuename": "pages",
        "x-cloudtasks-taskname": "a",
        "x-cloudtasks-taskretrycount": "0",
        "x-cloudtasks-taskexecutioncount": "0",
        "x-cloudtasks-tasketa": f"{NOON.timestamp():.6f}",
    }
    assert expected.items() <= received.headers.items()
    token = received.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, certs=server.issuer.certs, verify=False)
    assert ("caller@p", True, "https://f") == (claims["email"], claims["email_verified"], claims["aud"])


def test_a_token_is_signed(client: Client, server: CloudTasksServer) -> None:
    token = server.issuer.token("caller@p", "https://f", datetime.now(NOON.tzinfo))
    assert "caller@p" == jwt.decode(token, certs=server.issuer.certs, audience="https://f")["email"]

    with CloudTasksServer() as other, pytest.raises(ValueError, match="signature"):
        jwt.decode(token, certs=other.issuer.certs)


def test_a_task_waits_for_its_time_and_the_longest_due_goes_first(
    client: Client, server: CloudTasksServer, clock: SetClock, worker: Worker
) -> None:
    for task_id, age in (("late", 1), ("later", 2), ("not yet", -1)):
        create(client, task(worker.url, task_id.replace(" ", "-"), NOON - age * SECOND))

    assert (2, 0) == (server.deliver_due(), server.deliver_due())
    clock.moment += SECOND
    assert 1 == server.deliver_due()

    names = [received.headers["x-cloudtasks-taskname"] for received in worker.received]
    assert ["later", "late", "not-yet"] == names


def test_a_failed_task_comes_again_ever_later_and_only_answers_below_500_count_as_executions(
    client: Client, server: CloudTasksServer, clock: SetClock
) -> None:
    with Worker(lambda count: ([503, 404, 500, 200][count], {})) as worker:
        create(client, task(worker.url, "a"))
        for _ in range(4):
            assert 1 == server.deliver_due()
            assert 0 == server.deliver_due()
            clock.moment += SECOND

        counts = [
            tuple(received.headers.get(f"x-cloudtasks-task{name}") for name in ("retrycount", "executioncount"))
            for received in worker.received
        ]
        assert [("0", "0"), ("1", "0"), ("2", "1"), ("3", "1")] == counts
        previous = [received.headers.get("x-cloudtasks-taskpreviousresponse") for received in worker.received]
        assert [None, "503", "404", "500"] == previous
    assert 0 == server.waiting(QUEUE)


def test_retry_after_is_respected(client: Client, server: CloudTasksServer, clock: SetClock) -> None:
    with Worker(lambda count: (503, {"Retry-After": "30"}) if count == 0 else (200, {})) as worker:
        create(client, task(worker.url, "a"))
        server.deliver_due()
        clock.moment += 29 * SECOND
        assert 0 == server.deliver_due()
        clock.moment += SECOND
        assert 1 == server.deliver_due()


def test_a_worker_that_is_not_there_is_tried_again(client: Client, server: CloudTasksServer, clock: SetClock) -> None:
    create(client, task(task_id="a"))

    assert 1 == server.deliver_due()
    clock.moment += SECOND

    assert 1 == server.deliver_due()


def test_a_task_is_given_up_only_after_both_bounds(client: Client, server: CloudTasksServer, clock: SetClock) -> None:
    retry = tasks_v2.RetryConfig(max_attempts=2, max_retry_duration=Duration(seconds=60))
    client.update_queue(queue=tasks_v2.Queue(name=QUEUE, retry_config=retry))
    create(client, task(task_id="a"))

    attempts = []
    for _ in range(8):
        attempts.append(server.deliver_due())
        clock.moment += 15 * SECOND

    assert [1, 1, 1, 1, 1, 0, 0, 0] == attempts
    assert [f"{QUEUE}/tasks/a"] == server.dropped(QUEUE)


# --- queues


def test_a_paused_queue_takes_tasks_and_delivers_none(client: Client, server: CloudTasksServer, worker: Worker) -> None:
    client.pause_queue(name=QUEUE)
    create(client, task(worker.url, "a"))
    assert 0 == server.deliver_due()

    client.resume_queue(name=QUEUE)

    assert 1 == server.deliver_due()


def test_a_queue_keeps_its_rate_after_a_first_burst(worker: Worker) -> None:
    with CloudTasksServer() as server, connected(server) as client:
        client.create_queue(parent=PARENT, queue=tasks_v2.Queue(name=QUEUE))
        limits = tasks_v2.RateLimits(max_dispatches_per_second=20)
        mask = FieldMask(paths=["rate_limits.max_dispatches_per_second"])
        changed = client.update_queue(queue=tasks_v2.Queue(name=QUEUE, rate_limits=limits), update_mask=mask)
        assert (20, 20, 1_000) == (
            changed.rate_limits.max_dispatches_per_second,
            changed.rate_limits.max_burst_size,
            changed.rate_limits.max_concurrent_dispatches,
        )
        for _ in range(30):
            create(client, task(worker.url))
        with server.dispatching():
            wait_until(lambda: 0 == server.waiting(QUEUE))

    times = sorted(received.at for received in worker.received)
    assert 30 == len(times)
    assert 0.45 <= times[-1] - times[0] <= 1.5


def test_a_queue_hands_out_a_burst_and_then_its_rate() -> None:
    queue = TaskQueue.named(QUEUE)
    limits = tasks_v2.RateLimits(max_dispatches_per_second=20)
    queue.configure(tasks_v2.Queue.pb(tasks_v2.Queue(rate_limits=limits)), [])
    for _ in range(100):
        queue.create(tasks_v2.Task.pb(task()), NOON)

    taken = [len(queue.take(NOON + seconds * SECOND)) for seconds in (0, 0, 0.05, 0.5, 0.52, 10)]

    assert [20, 0, 1, 9, 0, 20] == taken


def test_a_queue_keeps_its_concurrency() -> None:
    running, most = [0], [0]

    def slow(_: int) -> tuple[int, dict[str, str]]:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.02)
        running[0] -= 1
        return 200, {}

    with CloudTasksServer() as server, connected(server) as client, Worker(slow) as worker:
        limits = tasks_v2.RateLimits(max_concurrent_dispatches=3)
        client.create_queue(parent=PARENT, queue=tasks_v2.Queue(name=QUEUE, rate_limits=limits))
        for _ in range(12):
            create(client, task(worker.url))
        with server.dispatching():
            wait_until(lambda: 0 == server.waiting(QUEUE))

    assert 2 <= most[0] <= 3


def test_a_purged_queue_is_empty(client: Client, server: CloudTasksServer) -> None:
    create(client, task(task_id="a"))

    client.purge_queue(name=QUEUE)

    assert 0 == server.deliver_due()


def test_a_deleted_queue_s_name_is_blocked_for_days(client: Client, clock: SetClock) -> None:
    client.delete_queue(name=QUEUE)
    with pytest.raises(exceptions.FailedPrecondition, match="too recently"):
        client.create_queue(parent=PARENT, queue=tasks_v2.Queue(name=QUEUE))

    clock.moment += timedelta(days=4)

    assert QUEUE == client.create_queue(parent=PARENT, queue=tasks_v2.Queue(name=QUEUE)).name


@pytest.mark.parametrize("limits", [{"max_dispatches_per_second": 501}, {"max_concurrent_dispatches": 5_001}])
def test_a_queue_beyond_the_limits_is_refused(client: Client, limits: dict[str, int]) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        client.update_queue(queue=tasks_v2.Queue(name=QUEUE, rate_limits=tasks_v2.RateLimits(**limits)))


def test_a_call_fails_on_demand(client: Client, server: CloudTasksServer) -> None:
    server.faults.fail("CreateTask", grpc.StatusCode.UNAVAILABLE, when="after")
    with pytest.raises(exceptions.ServiceUnavailable):
        create(client, task(task_id="a"))

    with pytest.raises(exceptions.AlreadyExists):
        create(client, task(task_id="a"))


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
