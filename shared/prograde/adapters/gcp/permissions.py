"""Whether a function's own account may do what it is there for, asked before there is anything to do."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY as BIGQUERY_RETRY
from google.cloud.storage import Bucket
from google.cloud.storage.retry import DEFAULT_RETRY as STORAGE_RETRY
from google.cloud.tasks_v2 import CloudTasksClient

from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.adapters.gcp.needs import JOBS, SCRATCH, Needs, Permissions
from prograde.errors import ProgradeError

ASK_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Things:
    """The buckets, queues (by their full names) and datasets (as `project.dataset`) of a deployment."""

    state: Bucket
    exports: Bucket
    tasks: CloudTasksClient
    control: str
    pages: tuple[str, ...]
    jobs: bigquery.Client
    dataset: str
    scratch: str


@dataclass(frozen=True, slots=True)
class _Question:
    """What one thing is asked for; `ask` gives those of the wanted permissions that it grants."""

    service: str
    thing: str
    wanted: Permissions
    ask: Callable[[list[str]], Iterable[str]]


class OwnPermissions:
    """What the account of the function that asks is permitted."""

    def __init__(self, needs: Needs, things: Things) -> None:
        self._needs = needs
        self._things = things

    def lacking(self) -> tuple[str, ...]:
        """Tell all that is lacking, each with the resource that gives it."""
        return tuple(problem for question in self._questions() for problem in _answered(question))

    def _questions(self) -> Iterator[_Question]:
        needs, things = self._needs, self._things
        for bucket, wanted in ((things.state, needs.state), (things.exports, needs.exports)):
            yield _Question("Cloud Storage", f"the bucket {bucket.name}", wanted, _bucket(bucket))
        for queue in (things.control, *things.pages):
            wanted = needs.control if queue == things.control else needs.pages
            yield _Question("Cloud Tasks", queue, wanted, self._queue(queue))
        for table, wanted in needs.tables.items():
            yield _Question("BigQuery", f"the table {table}", wanted, self._table(table))
        if needs.query:
            yield _Question("BigQuery", "the project", JOBS, self._tried_query)
        if needs.scratch:
            yield _Question("BigQuery", things.scratch, SCRATCH, self._tried_look)

    def _queue(self, queue: str) -> Callable[[list[str]], Iterable[str]]:
        def ask(wanted: list[str]) -> Iterable[str]:
            request = {"resource": queue, "permissions": wanted}
            answer = self._things.tasks.test_iam_permissions(request=request, timeout=ASK_SECONDS_MAX)
            return tuple(answer.permissions)

        return ask

    def _table(self, table: str) -> Callable[[list[str]], Iterable[str]]:
        def ask(wanted: list[str]) -> Iterable[str]:
            name = f"{self._things.dataset}.{table}"
            answer = self._things.jobs.test_iam_permissions(
                name, wanted, retry=_BIGQUERY_RETRY, timeout=ASK_SECONDS_MAX
            )
            return tuple(answer.get("permissions", ()))

        return ask

    def _tried_query(self, wanted: list[str]) -> Iterable[str]:
        """Let a query be checked and not run: an error says what forbids it."""
        config = bigquery.QueryJobConfig(default_dataset=self._things.dataset, dry_run=True)
        self._things.jobs.query(
            self._needs.query, job_config=config, retry=_BIGQUERY_RETRY, job_retry=None, timeout=ASK_SECONDS_MAX
        )
        return wanted

    def _tried_look(self, wanted: list[str]) -> Iterable[str]:
        self._things.jobs.get_dataset(self._things.scratch, retry=_BIGQUERY_RETRY, timeout=ASK_SECONDS_MAX)
        return wanted


_BIGQUERY_RETRY = BIGQUERY_RETRY.with_timeout(ASK_SECONDS_MAX)


def _bucket(bucket: Bucket) -> Callable[[list[str]], Iterable[str]]:
    def ask(wanted: list[str]) -> Iterable[str]:
        retry = STORAGE_RETRY.with_timeout(ASK_SECONDS_MAX)
        given: list[str] = bucket.test_iam_permissions(wanted, timeout=ASK_SECONDS_MAX, retry=retry)
        return given

    return ask


def _answered(question: _Question) -> Iterator[str]:
    """Tell what a thing does not grant, a resource at a time; one that fails tells why."""
    if not question.wanted:
        return
    try:
        with mapped_errors(question.service):
            given = set(question.ask(list(question.wanted)))
    except ProgradeError as error:
        yield str(error)
        return
    for resource in dict.fromkeys(question.wanted.values()):
        missing = [name for name, giver in question.wanted.items() if giver == resource and name not in given]
        if missing:
            what = f"{question.service}: {question.thing} does not permit {', '.join(missing)}"
            yield f"{what}; infra/terraform provides it, as {resource}"
