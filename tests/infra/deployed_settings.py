"""
What Terraform promises the code: the environment of each function, its routes and what it should log.

The plan is held to this page by `make test-infra`; the code's settings and routes are to be held to it too.
"""

EVERY_FUNCTION = frozenset(
    {
        "PROGRADE_BUCKET_EXPORTS",
        "PROGRADE_BUCKET_STATE",
        "PROGRADE_DATASET",
        "PROGRADE_FAMILY",
        "PROGRADE_FETCH_PAGE_URL",
        "PROGRADE_FINALIZE_URL",
        "PROGRADE_FIRESTORE_DATABASE",
        "PROGRADE_LOCATION",
        "PROGRADE_PROJECT",
        "PROGRADE_QUEUES",
        "PROGRADE_QUEUE_CONTROL",
        "PROGRADE_SCHEDULER_ACCOUNT",
        "PROGRADE_SERVES",
        "PROGRADE_START_BATCH_URL",
        "PROGRADE_TASKS_ACCOUNT",
    }
)
"""
PROGRADE_QUEUES is JSON: name and tasks_per_second by source.

Source files are blobs of the state bucket, sources/NAME.yaml.
"""

ONE_FUNCTION = {
    "console": frozenset({"PROGRADE_IAP_AUDIENCE"}),
    "webhook": frozenset({"PROGRADE_WEBHOOK_SECRET"}),
}

SERVES = {
    "start-batch": "batches",
    "fetch-page": "pages",
    "finalize": "finalize",
    "console": "console",
    "webhook": "webhook",
}
"""PROGRADE_SERVES: which routes a copy of a package answers. start-batch, console and webhook are the same package."""

SUPERVISE_ROUTE = "/tasks/supervise"

SCHEDULED_BATCH_ROUTE = "/tasks/scheduled-batch"
"""Its body: schedule, source, roster (a blob's name in the state bucket) and parameters, as one JSON object."""
