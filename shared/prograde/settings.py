"""What the environment says, read once and complained about all together."""

import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from prograde.errors import InputError, Problem, SettingsError

CERTS_URL = "https://www.googleapis.com/oauth2/v1/certs"
"""Where Google publishes the keys that sign identity tokens."""
IAP_CERTS_URL = "https://www.gstatic.com/iap/verify/public_key"
"""Where it publishes those that sign the assertions of Identity-Aware Proxy."""
IAP_AUDIENCE = "PROGRADE_IAP_AUDIENCE"


class Family(StrEnum):
    """Which adapters everything outside the process is reached through."""

    LOCAL = "local"
    GCP = "gcp"


class Serves(StrEnum):
    """Which routes a function answers: the start-batch package is deployed under three of these names."""

    BATCHES = "batches"
    PAGES = "pages"
    FINALIZE = "finalize"
    CONSOLE = "console"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """
    A function on one machine.

    `data_dir` holds everything that one machine keeps; `sources_dir` the source files that a batch may name.
    """

    data_dir: Path
    sources_dir: Path


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A page queue's name and its declared rate."""

    name: str
    tasks_per_second: float


@dataclass(frozen=True, slots=True)
class GoogleCloudSettings:
    """
    A function on Google Cloud.

    `queues` are the page queues by source; the URLs are the functions' own, and the audiences of the
    identity tokens that they are called with. `iap_audience` is whom the assertions of Identity-Aware Proxy are for,
    "" but for the console. The URLs of certificates and `cloud_tasks_emulator` point elsewhere than to Google
    only where stand-ins are tried; those of the other services are found by Google's own libraries.
    """

    project: str
    location: str
    firestore_database: str
    dataset: str
    bucket_state: str
    bucket_exports: str
    queue_control: str
    queues: Mapping[str, QueueSettings]
    start_batch_url: str
    fetch_page_url: str
    finalize_url: str
    tasks_account: str
    scheduler_account: str
    serves: Serves
    certs_url: str
    iap_audience: str
    iap_certs_url: str
    cloud_tasks_emulator: str

    @property
    def own_url(self) -> str:
        """The URL of this function, whose task and scheduler routes are called with tokens made out for it."""
        match self.serves:
            case Serves.PAGES:
                return self.fetch_page_url
            case Serves.FINALIZE:
                return self.finalize_url
            case Serves.BATCHES | Serves.CONSOLE | Serves.WEBHOOK:
                return self.start_batch_url


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where e-mail is handed in (`server`: smtp://user:password@host:port, or smtps), from whom and to whom."""

    server: str
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotificationSettings:
    """How one machine tells people of its batches; the cloud has Terraform's notification channels."""

    slack_webhook: str = ""
    mail: MailSettings | None = None


LOCAL_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "PROGRADE_DATA_DIR": "the folder that keeps batches, raw rows and exports",
        "PROGRADE_SOURCES_DIR": "the folder that holds the source files",
    }
)
"""What each is."""
GOOGLE_CLOUD_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "PROGRADE_BUCKET_EXPORTS": "google_storage_bucket.exports",
        "PROGRADE_BUCKET_STATE": "google_storage_bucket.state",
        "PROGRADE_DATASET": "google_bigquery_dataset.main",
        "PROGRADE_FETCH_PAGE_URL": "local.urls",
        "PROGRADE_FINALIZE_URL": "local.urls",
        "PROGRADE_FIRESTORE_DATABASE": "google_firestore_database.main",
        "PROGRADE_LOCATION": "var.region",
        "PROGRADE_PROJECT": "var.project",
        "PROGRADE_QUEUES": "google_cloud_tasks_queue.pages",
        "PROGRADE_QUEUE_CONTROL": "google_cloud_tasks_queue.control",
        "PROGRADE_SCHEDULER_ACCOUNT": "google_service_account.scheduler",
        "PROGRADE_SERVES": "local.functions",
        "PROGRADE_START_BATCH_URL": "local.urls",
        "PROGRADE_TASKS_ACCOUNT": "google_service_account.tasks",
    }
)
"""What provides each, in infra/terraform."""


def read_settings(env: Mapping[str, str]) -> LocalSettings | GoogleCloudSettings:
    """
    Read the settings of the family that PROGRADE_FAMILY names; raises SettingsError.

    One machine's by default, but not on Cloud Run.
    """
    family = env.get("PROGRADE_FAMILY") or Family.LOCAL
    if env.get("K_SERVICE") and not env.get("PROGRADE_FAMILY"):
        # Cloud Run says so of itself: who reads its log cannot do anything about one machine's variables.
        raise SettingsError(
            [Problem("PROGRADE_FAMILY", None, "is missing; infra/terraform sets it from local.environment")]
        )
    if family not in set(Family):
        raise SettingsError([Problem("PROGRADE_FAMILY", family, f"must be {' or '.join(Family)}")])
    return _google_cloud(env) if family == Family.GCP else _local(env)


def _local(env: Mapping[str, str]) -> LocalSettings:
    problems = [
        Problem(name, None, f"set the environment variable to {what}")
        for name, what in LOCAL_VARIABLES.items()
        if not env.get(name)
    ]
    if problems:
        raise SettingsError(problems)
    return LocalSettings(Path(env["PROGRADE_DATA_DIR"]), Path(env["PROGRADE_SOURCES_DIR"]))


def _google_cloud(env: Mapping[str, str]) -> GoogleCloudSettings:
    given = {name: env.get(name, "") for name in GOOGLE_CLOUD_VARIABLES}
    problems = [_problem(name, None, "is missing") for name, value in given.items() if not value]
    queues = _queues(given["PROGRADE_QUEUES"])
    if given["PROGRADE_QUEUES"] and not queues:
        problems.append(
            _problem("PROGRADE_QUEUES", given["PROGRADE_QUEUES"], "must be JSON: name and tasks_per_second by source")
        )
    if given["PROGRADE_SERVES"] and given["PROGRADE_SERVES"] not in set(Serves):
        problems.append(_problem("PROGRADE_SERVES", given["PROGRADE_SERVES"], f"must be one of {', '.join(Serves)}"))
    if given["PROGRADE_SERVES"] == Serves.CONSOLE and not env.get(IAP_AUDIENCE):
        problems.append(
            Problem(IAP_AUDIENCE, None, "is missing; infra/terraform sets it for the console: apply it again")
        )
    problems += [
        _problem(name, value, "must be the URL of a function, https://NAME-NUMBER.REGION.run.app")
        for name, value in given.items()
        if name.endswith("_URL") and value and not _is_url(value)
    ]
    problems += [
        _problem(name, value, "must be the e-mail address of a service account")
        for name, value in given.items()
        if name.endswith("_ACCOUNT") and value and "@" not in value
    ]
    if problems:
        raise SettingsError(problems)
    return GoogleCloudSettings(
        project=given["PROGRADE_PROJECT"],
        location=given["PROGRADE_LOCATION"],
        firestore_database=given["PROGRADE_FIRESTORE_DATABASE"],
        dataset=given["PROGRADE_DATASET"],
        bucket_state=given["PROGRADE_BUCKET_STATE"],
        bucket_exports=given["PROGRADE_BUCKET_EXPORTS"],
        queue_control=given["PROGRADE_QUEUE_CONTROL"],
        queues=MappingProxyType(queues),
        start_batch_url=given["PROGRADE_START_BATCH_URL"],
        fetch_page_url=given["PROGRADE_FETCH_PAGE_URL"],
        finalize_url=given["PROGRADE_FINALIZE_URL"],
        tasks_account=given["PROGRADE_TASKS_ACCOUNT"],
        scheduler_account=given["PROGRADE_SCHEDULER_ACCOUNT"],
        serves=Serves(given["PROGRADE_SERVES"]),
        certs_url=env.get("PROGRADE_CERTS_URL") or CERTS_URL,
        iap_audience=env.get(IAP_AUDIENCE, ""),
        iap_certs_url=env.get("PROGRADE_IAP_CERTS_URL") or IAP_CERTS_URL,
        cloud_tasks_emulator=env.get("CLOUD_TASKS_EMULATOR_HOST", ""),
    )


def _problem(name: str, value: str | None, what: str) -> Problem:
    return Problem(name, value, f"{what}; infra/terraform sets it from {GOOGLE_CLOUD_VARIABLES[name]}: apply it again")


def _queues(text: str) -> dict[str, QueueSettings]:
    """Read the queues by source; empty when there are none to be read."""
    try:
        given = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    if not isinstance(given, dict) or not all(_is_queue(queue) for queue in given.values()):
        return {}
    return {source: QueueSettings(queue["name"], queue["tasks_per_second"]) for source, queue in given.items()}


def _is_queue(queue: object) -> bool:
    match queue:
        case {"name": str(name), "tasks_per_second": int() | float() as rate}:
            return bool(name) and rate > 0
        case _:
            return False


def read_notifications(env: Mapping[str, str]) -> NotificationSettings:
    """Read whom to tell of batches on one machine: nobody by default; raises InputError."""
    slack = env.get("PROGRADE_SLACK_WEBHOOK", "")
    server, sender, recipients = (env.get(f"PROGRADE_MAIL_{name}", "") for name in ("SERVER", "FROM", "TO"))
    problems = []
    if slack and not _has_host(slack, {"https", "http"}):
        problems.append(Problem("PROGRADE_SLACK_WEBHOOK", None, "must be the https:// URL of an incoming webhook"))
    if server and not _has_host(server, {"smtp", "smtps"}):
        problems.append(Problem("PROGRADE_MAIL_SERVER", None, "must be smtp://host:port or smtps://user:password@host"))
    addresses = {"PROGRADE_MAIL_FROM": [sender], "PROGRADE_MAIL_TO": recipients.split(",")}
    if server or sender or recipients:
        if not server:
            problems.append(Problem("PROGRADE_MAIL_SERVER", None, "is missing: smtp://host:port takes the e-mail"))
        for name, given in addresses.items():
            if not all(_is_address(address) for address in given):
                problems.append(Problem(name, ",".join(given), "must be e-mail addresses, with commas between them"))
    if problems:
        raise InputError(problems)
    to = tuple(address.strip() for address in recipients.split(","))
    return NotificationSettings(slack, MailSettings(server, sender.strip(), to) if server else None)


def _has_host(url: str, schemes: set[str]) -> bool:
    """Tell whether something is a URL with a host; its value is never shown, there may be a secret in it."""
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    """Tell whether something may be an e-mail address, and no header of its own."""
    local, at, host = text.strip().rpartition("@")
    return bool(local and at and host) and text.isprintable() and " " not in text.strip()


def _is_url(text: str) -> bool:
    """Tell whether something is a URL without a path; a token's audience must be it to the letter."""
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    is_loopback = url.hostname in {"127.0.0.1", "localhost"}
    return bool(url.hostname) and url.scheme in ({"https", "http"} if is_loopback else {"https"}) and not url.path


WEBHOOK_SECRET = "PROGRADE_WEBHOOK_SECRET"  # noqa: S105  # the variable's name
WEBHOOK_KEY_BYTES_MIN = 24


def webhook_secrets(env: Mapping[str, str]) -> tuple[bytes, ...]:
    """
    Read the secrets that webhooks may be signed with: `whsec_BASE64`, several with spaces between while they rotate.

    Raises SettingsError when there is none, or one is none.
    """
    secrets = tuple(_webhook_key(text) for text in env.get(WEBHOOK_SECRET, "").split())
    if not secrets or any(len(secret) < WEBHOOK_KEY_BYTES_MIN for secret in secrets):
        remedy = (
            f"must hold whsec_ and the base64 of {WEBHOOK_KEY_BYTES_MIN} random bytes or more, several with spaces "
            "between while they rotate: openssl rand -base64 32"
        )
        raise SettingsError([Problem(WEBHOOK_SECRET, None, remedy)])
    return secrets


def _webhook_key(text: str) -> bytes:
    try:
        return b64decode(text.removeprefix("whsec_"), validate=True) if text.startswith("whsec_") else b""
    except ValueError:
        return b""


def pace_dir(env: Mapping[str, str]) -> Path:
    """
    Find the folder of the rate ledgers: PROGRADE_PACE_DIR, or the user's state folder.

    It is the user's and not a data directory's: a provider counts a credential's calls, wherever they come from.
    """
    if named := env.get("PROGRADE_PACE_DIR"):
        return Path(named)
    state = env.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "prograde" / "pace"
