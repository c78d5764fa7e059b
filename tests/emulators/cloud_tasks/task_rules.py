"""What Cloud Tasks refuses in a task that is to be created."""

import re
from datetime import datetime, timedelta

from google.cloud.tasks_v2.types import HttpMethod

from tests.emulators.grpc_service import Message, invalid

TASK_BYTES_MAX = 100 * 1024
"""The client's documentation says 100 KB, the quota page 1 MiB: who keeps the stricter keeps both."""
URL_LENGTH_MAX = 2_083
HEADER_BYTES_MAX = 80 * 1024
SCHEDULE_MAX = timedelta(days=30)
DEADLINE_MIN, DEADLINE_MAX = timedelta(seconds=15), timedelta(minutes=30)
_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_WITH_BODY = {HttpMethod.HTTP_METHOD_UNSPECIFIED, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH}


def check_task(queue: str, task: Message, now: datetime) -> None:
    """Refuse a task that is too big, too late, misnamed or no HTTP request."""
    if task.WhichOneof("message_type") != "http_request":
        raise invalid("only HTTP tasks are stood in for")
    if task.name:
        prefix, _, task_id = task.name.rpartition("/tasks/")
        if prefix != queue or not _TASK_ID.fullmatch(task_id):
            raise invalid(f"Task name {task.name!r} must be {queue}/tasks/ID, the id of letters, digits, - and _")
    if task.ByteSize() > TASK_BYTES_MAX:
        raise invalid(f"Task size too large: {task.ByteSize()} bytes, at most {TASK_BYTES_MAX}")
    if task.HasField("schedule_time") and task.schedule_time.ToDatetime(now.tzinfo) > now + SCHEDULE_MAX:
        raise invalid("The task's schedule_time is too far in the future: at most 30 days")
    if task.HasField("dispatch_deadline") and not (
        DEADLINE_MIN <= task.dispatch_deadline.ToTimedelta() <= DEADLINE_MAX
    ):
        raise invalid("dispatch_deadline must be between 15 seconds and 30 minutes")
    _check_request(task.http_request)


def _check_request(request: Message) -> None:
    if not request.url.startswith(("http://", "https://")) or len(request.url) > URL_LENGTH_MAX:
        raise invalid("HttpRequest.url must begin with http:// or https:// and be at most 2083 characters")
    if request.body and request.http_method not in _WITH_BODY:
        raise invalid("a body goes with POST, PUT and PATCH only")
    if sum(len(name) + len(value) for name, value in request.headers.items()) > HEADER_BYTES_MAX:
        raise invalid("the headers take more than 80 KB")
    if request.HasField("oidc_token") and not request.oidc_token.service_account_email:
        raise invalid("oidc_token.service_account_email is required")
