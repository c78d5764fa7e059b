"""Source files: read, checked whole, and made ready to be called."""

from collections.abc import Mapping

from pydantic import ValidationError

from prograde.adapters.listing_api.auth import BearerAuth
from prograde.adapters.listing_api.base_url import parse_base_url
from prograde.adapters.listing_api.expressions import Expression, parse_expression
from prograde.adapters.listing_api.mapping import ListingMapper, ProfileMapper
from prograde.adapters.listing_api.paginators import JsonLinkPaginator, PageNumberPaginator, Paginator
from prograde.adapters.listing_api.secret import REFERENCE, Redactor, Secret, resolve
from prograde.adapters.listing_api.source import Client, RateLimit, Source
from prograde.adapters.listing_api.source_model import (
    ActiveTable,
    ClientTable,
    HistoricalTable,
    JsonLink,
    PageNumber,
    ProfileTable,
    SourceTable,
    Table,
)
from prograde.adapters.listing_api.source_problems import secret_problems, shape_problems
from prograde.adapters.listing_api.source_values import parse_duration
from prograde.adapters.listing_api.source_yaml import read_yaml
from prograde.adapters.listing_api.stages import Endpoint, ListingStage, ProfileStage
from prograde.adapters.listing_api.templates import parse_template
from prograde.domain.listing import ListingStatus
from prograde.domain.professional import Stage
from prograde.errors import InputError


def load_source(text: str, env: Mapping[str, str]) -> Source:
    """Read a source file, its secrets from `env`; raises InputError with every mistake at once."""
    document = read_yaml(text)
    problems = list(secret_problems(document, env))
    try:
        table = SourceTable.model_validate(document)
    except ValidationError as error:
        raise InputError([*shape_problems(error, document), *problems]) from None
    if problems:
        raise InputError(problems)
    return _Compiler(table, env).source()


def source_schema() -> dict[str, object]:
    """Describe the file for editors, as JSON Schema."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SourceTable.model_json_schema()}


class _Compiler:
    """Makes a Source of a table that is known to be right."""

    def __init__(self, table: SourceTable, env: Mapping[str, str]) -> None:
        self._table = table
        self._env = env
        self._base_url = parse_base_url(table.client.base_url)
        self._redactor = Redactor(self._secrets())

    def source(self) -> Source:
        windows = self._table.rate_limits
        return Source(
            name=self._table.name,
            client=self._client(self._table.client),
            rate_limits=tuple(RateLimit(window.limit, parse_duration(window.interval)) for window in windows),
            stages=self._stages(),
            redactor=self._redactor,
        )

    def _secrets(self) -> list[Secret]:
        client = self._table.client
        texts = [*client.headers.values(), *([client.auth.token] if client.auth else [])]
        return [Secret(self._env[name]) for text in texts for name in REFERENCE.findall(text)]

    def _client(self, client: ClientTable) -> Client:
        return Client(
            base_url=self._base_url,
            auth=BearerAuth(resolve(client.auth.token, self._env)) if client.auth else None,
            headers={name: resolve(value, self._env) for name, value in client.headers.items()},
            connect_timeout_seconds=client.connect_timeout_seconds,
            read_timeout_seconds=client.read_timeout_seconds,
            response_bytes_max=client.response_bytes_max,
            concurrency=client.concurrency,
        )

    def _stages(self) -> dict[Stage, ProfileStage | ListingStage]:
        tables = self._table.stages
        profile = ProfileMapper(parse_expression(tables.profile.data_selector), _expressions(tables.profile.fields))
        stages: dict[Stage, ProfileStage | ListingStage] = {
            Stage.PROFILE: ProfileStage(self._endpoint(tables.profile), profile)
        }
        if tables.active is not None:
            stages[Stage.ACTIVE] = self._listings(tables.active, ListingStatus.ACTIVE, is_newest_first=False)
        stages[Stage.HISTORICAL] = self._listings(
            tables.historical, ListingStatus.CLOSED, is_newest_first=tables.historical.newest_first
        )
        return stages

    def _listings(
        self, table: ActiveTable | HistoricalTable, default_status: ListingStatus, *, is_newest_first: bool
    ) -> ListingStage:
        mapper = ListingMapper(parse_expression(table.data_selector), _expressions(table.fields), default_status)
        return ListingStage(self._endpoint(table), mapper, self._paginator(table.paginator), is_newest_first)

    def _endpoint(self, table: ProfileTable | ActiveTable | HistoricalTable) -> Endpoint:
        params = {name: parse_template(value) for name, value in table.params.items()}
        return Endpoint(self._base_url, parse_template(table.path), params)

    def _paginator(self, table: JsonLink | PageNumber) -> Paginator:
        if isinstance(table, JsonLink):
            return JsonLinkPaginator(parse_expression(table.next_url_path), self._base_url, self._redactor)
        total_path = None if table.total_path is None else parse_expression(table.total_path)
        # Without a total, only an empty page tells that the last one has been read.
        stops = table.stop_after_empty_page if table.stop_after_empty_page is not None else total_path is None
        return PageNumberPaginator(table.page_param, table.base_page, total_path, stops)


def _expressions(fields: Table) -> dict[str, Expression]:
    return {name: parse_expression(text) for name, text in fields.model_dump(exclude_none=True).items()}
