"""Google Cloud: a deployed function's services, built once an instance, at its first request."""

import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import google.auth
import grpc
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud import bigquery, firestore, storage
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from prograde import __version__, structured_logging
from prograde.adapters.gcp.bigquery_warehouse import BigqueryWarehouse
from prograde.adapters.gcp.blob_source_catalog import BlobSourceCatalog
from prograde.adapters.gcp.cloud_readiness import CloudReadiness
from prograde.adapters.gcp.cloud_storage_blob_store import CloudStorageBlobStore
from prograde.adapters.gcp.cloud_tasks_task_queue import PAGE_DELIVERY_MAX, CloudTasksTaskQueue, Destinations, PageQueue
from prograde.adapters.gcp.error_mapping import mapped_errors
from prograde.adapters.gcp.firestore_batch_store import FirestoreBatchStore
from prograde.adapters.gcp.firestore_rate_gate import FirestoreRateGate
from prograde.adapters.gcp.iap_people import IapPeople
from prograde.adapters.gcp.needs import NEEDS
from prograde.adapters.gcp.oidc_callers import OidcCallers, SigningKeys, fetched_keys, name_of_invoker
from prograde.adapters.gcp.permissions import OwnPermissions, Things
from prograde.adapters.system_clock import SystemClock
from prograde.bootstrap.hosted import Hosted
from prograde.domain.batch import Batch
from prograde.domain.effects import PageTask
from prograde.errors import InputError, SettingsError
from prograde.ports import Caller, ListingSource
from prograde.settings import GoogleCloudSettings
from prograde.use_cases.read_batch import read_batch
from prograde.use_cases.services import Services
from prograde.use_cases.start_batch import source_blob


class GoogleCloud:
    """The cloud family of one deployment; the environment holds the secrets that source files name."""

    def __init__(self, settings: GoogleCloudSettings, env: Mapping[str, str]) -> None:
        self._settings = settings
        self._env = env
        self._clock = SystemClock()
        self._guard = threading.Lock()
        self._sources: dict[str, ListingSource] = {}
        self._gates: dict[str, FirestoreRateGate] = {}
        self._source_names: dict[str, str] = {}
        with mapped_errors("Google Cloud"):
            credentials = self._credentials()
            project = settings.project
            self._firestore = firestore.Client(project, credentials, settings.firestore_database)
            self._store = FirestoreBatchStore(self._firestore, self._clock)
            buckets = storage.Client(project, credentials)
            state, exports = buckets.bucket(settings.bucket_state), buckets.bucket(settings.bucket_exports)
            self._blobs = CloudStorageBlobStore(state, exports)
            dataset = f"{project}.{settings.dataset}"
            # A job is found again by its name only where it ran.
            jobs = bigquery.Client(project, credentials, location=settings.location)
            self._warehouse = BigqueryWarehouse(jobs, dataset, f"{dataset}_scratch")
            tasks, destinations = self._tasks_client(credentials), self._destinations()
            self._queue = CloudTasksTaskQueue(tasks, destinations, self._clock)
            things = Things(
                state=state,
                exports=exports,
                tasks=tasks,
                control=destinations.control_queue,
                pages=tuple(queue.path for queue in destinations.page_queues.values()),
                jobs=jobs,
                dataset=dataset,
                scratch=f"{dataset}_scratch",
            )
            self._permissions = OwnPermissions(NEEDS[settings.serves], things)

    @property
    def hosted(self) -> Hosted:
        """What the function of this deployment works with; its logs go to standard output from now on."""
        structured_logging.configure(sys.stdout, project=self._settings.project)
        services = Services(
            store=self._store,
            queue=self._queue,
            warehouse=self._warehouse,
            blobs=self._blobs,
            catalog=BlobSourceCatalog(self._blobs, frozenset(self._settings.queues)),
            clock=self._clock,
            listing_source=self._listing_source,
            code_version=__version__,
            dispatching=lambda: "Cloud Tasks",
            calls_per_second=self._calls_per_second,
            overtaken_for=PAGE_DELIVERY_MAX,
            readiness=CloudReadiness(self._firestore, self._queue, self._clock, self._permissions.lacking),
        )
        keys = SigningKeys(lambda: fetched_keys(self._settings.certs_url), self._clock)
        accounts = {Caller.TASKS: self._settings.tasks_account, Caller.SCHEDULER: self._settings.scheduler_account}
        callers = OidcCallers(self._settings.own_url, accounts, keys, self._people())
        return Hosted(services, callers, self._settings.serves)

    def _people(self) -> Callable[[Mapping[str, Any]], str]:
        """Tell how people are known: to the console by Identity-Aware Proxy, else to the platform alone."""
        settings = self._settings
        if not settings.iap_audience:
            return name_of_invoker
        return IapPeople(settings.iap_audience, SigningKeys(lambda: fetched_keys(settings.iap_certs_url), self._clock))

    def _credentials(self) -> Credentials:
        """Find the function's own account; stand-ins ask for none."""
        if self._settings.cloud_tasks_emulator:
            return AnonymousCredentials()
        credentials, _ = google.auth.default(scopes=("https://www.googleapis.com/auth/cloud-platform",))
        return credentials

    def _tasks_client(self, credentials: Credentials) -> CloudTasksClient:
        if emulator := self._settings.cloud_tasks_emulator:
            return CloudTasksClient(transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel(emulator)))
        return CloudTasksClient(credentials=credentials)

    def _destinations(self) -> Destinations:
        settings = self._settings
        urls = {
            "start_batch": settings.start_batch_url,
            "fetch_page": settings.fetch_page_url,
            "finalize": settings.finalize_url,
        }
        return Destinations(
            control_queue=self._queue_path(settings.queue_control),
            page_queues={
                source: PageQueue(self._queue_path(queue.name), queue.tasks_per_second)
                for source, queue in settings.queues.items()
            },
            source_of=self._source_of,
            function_urls=urls,
            caller=settings.tasks_account,
        )

    def _queue_path(self, name: str) -> str:
        return f"projects/{self._settings.project}/locations/{self._settings.location}/queues/{name}"

    def _source_of(self, task: PageTask) -> str:
        """Name the source of a page; a batch never changes its source, so it is looked up once."""
        if task.batch_id not in self._source_names:
            self._source_names[task.batch_id] = read_batch(self._store, task.batch_id).source
        return self._source_names[task.batch_id]

    def _listing_source(self, batch: Batch) -> ListingSource:
        """Give the source of a batch, by its snapshot; the gate in front of its calls is the credential's."""
        # Imported by those functions alone that call the source.
        from prograde.adapters.listing_api.http_listing_source import HttpListingSource
        from prograde.adapters.listing_api.source_file import load_source

        with self._guard:
            if batch.source_sha256 not in self._sources:
                try:
                    source = load_source(self._blobs.read(source_blob(batch)).decode(), self._env)
                except InputError as error:
                    # It was right when the batch began, so it is the environment that is not.
                    raise SettingsError(error.problems) from error
                gate = FirestoreRateGate(self._firestore, source.credential, source.rate_limits, self._clock)
                self._gates[batch.source_sha256] = gate
                self._sources[batch.source_sha256] = HttpListingSource(source, gate, self._clock)
            return self._sources[batch.source_sha256]

    def _calls_per_second(self, batch: Batch) -> float | None:
        """Tell how fast a batch's source is called, None while it cannot be."""
        try:
            self._listing_source(batch)
        except SettingsError:
            return None
        return self._gates[batch.source_sha256].calls_per_second()
