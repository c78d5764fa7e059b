"""What each function's account must be permitted, and which resource of infra/terraform gives it that."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

Permissions = Mapping[str, str]
"""By the permission, the resource that gives it."""


def _by(resource: str, *permissions: str) -> Permissions:
    return dict.fromkeys(permissions, resource)


@dataclass(frozen=True, slots=True)
class Needs:
    """
    What one function needs of the buckets, of the queues (`pages` of each source's) and of tables.

    That is what is given on these very things, which each can be asked for. What is given on a project or a dataset is
    tried: `query` by a query that it would be allowed, "" where it runs no jobs; `scratch` by looking at that dataset.
    """

    state: Permissions
    control: Permissions
    exports: Permissions = field(default_factory=dict)
    pages: Permissions = field(default_factory=dict)
    tables: Mapping[str, Permissions] = field(default_factory=dict)
    query: str = ""
    scratch: bool = False


RUNS_JOBS = "SELECT 1"
READS_TABLES = "SELECT COUNT(*) FROM raw_page_log WHERE batch_id = ''"
JOBS: Permissions = _by("google_project_iam_member.job_user", "bigquery.jobs.create")
SCRATCH: Permissions = _by("google_bigquery_dataset_iam_member.scratch_writer", "bigquery.datasets.get")
"""Of all that finalize does there, what it can be asked for: no other role of its permits this."""

_STATE = "google_storage_bucket_iam_member.state"
_STARTS = _by(_STATE, "storage.objects.create", "storage.objects.get", "storage.objects.list")
_SHOWS = _by("google_storage_bucket_iam_member.exports_reader", "storage.objects.get", "storage.objects.list")
_LISTS = _by("google_storage_bucket_iam_member.exports_lister", "storage.objects.list")
_PUBLISHER = "google_storage_bucket_iam_member.exports_publisher"
_CONTROL = _by("google_cloud_tasks_queue_iam_member.control_enqueuer", "cloudtasks.tasks.create")
_PAGES = _by("google_cloud_tasks_queue_iam_member.pages_enqueuer", "cloudtasks.tasks.create")
_PACES = _by("google_cloud_tasks_queue_iam_member.pages_pacer", "cloudtasks.queues.update")
_STREAMS = ("bigquery.tables.get", "bigquery.tables.updateData")
_APPENDS = _by("google_bigquery_table_iam_member.appender", *_STREAMS)
_LOADS = _by("google_bigquery_table_iam_member.loader", *_STREAMS, "bigquery.tables.update")
_REWRITES = _by("google_bigquery_table_iam_member.rewriter", *_STREAMS, "bigquery.tables.getData")

_STARTER = Needs(_STARTS, _CONTROL, _LISTS, _PAGES, {"batches": _APPENDS})
_ANSWERER = replace(_STARTER, exports=_SHOWS, query=READS_TABLES)

NEEDS: Mapping[str, Needs] = MappingProxyType(
    {
        "batches": replace(_ANSWERER, pages={**_PAGES, **_PACES}),
        "console": _ANSWERER,
        "webhook": _STARTER,
        "pages": Needs(
            state=_by(_STATE, "storage.objects.get"),
            control=_CONTROL,
            pages=_PAGES,
            tables={"raw_page_log": _LOADS, "batches": _APPENDS},
            query=RUNS_JOBS,
        ),
        "finalize": Needs(
            state=_by(_STATE, "storage.objects.create", "storage.objects.get"),
            control=_CONTROL,
            exports=_by(_PUBLISHER, "storage.objects.create", "storage.objects.get"),
            tables={"batches": _APPENDS, "runs": _APPENDS, "results": _REWRITES, "grades": _REWRITES},
            query=READS_TABLES,
            scratch=True,
        ),
    }
)
"""By what a function serves."""
