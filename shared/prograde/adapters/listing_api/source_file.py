"""Source files: read, checked whole, and made ready to be called."""

from collections.abc import Mapping

from pydantic import ValidationError

from prograde.adapters.listing_api.auth import ApiKeyAuth, Auth, BearerAuth, HttpBasicAuth, Location
from prograde.adapters.listing_api.base_url import parse_base_url
from prograde.adapters.listing_api.client_tables import (
    SECRET_KEYS,
    AnyAuth,
    ApiKey,
    Bearer,
    ClientTable,
    HttpBasic,
)
from prograde.adapters.listing_api.counting_paginators import OffsetPaginator, PageNumberPaginator
from prograde.adapters.listing_api.cursor_paginators import BodyCursorPaginator, CursorReader, QueryCursorPaginator
from prograde.adapters.listing_api.error_handler import RateLimitedFilter
from prograde.adapters.listing_api.expressions import Expression, parse_expression
from prograde.adapters.listing_api.json_template import JsonTemplate
from prograde.adapters.listing_api.link_paginators import HeaderLinkPaginator, JsonLinkPaginator, LinkFollower
from prograde.adapters.listing_api.mapping import ListingMapper, ProfileMapper
from prograde.adapters.listing_api.paginator_tables import (
    AnyPaginator,
    Cursor,
    HeaderLink,
    JsonLink,
    Offset,
    PageNumber,
    SinglePage,
)
from prograde.adapters.listing_api.paginators import Paginator, SinglePagePaginator
from prograde.adapters.listing_api.secret import REFERENCE, Redactor, Secret, resolve
from prograde.adapters.listing_api.source import Client, Source
from prograde.adapters.listing_api.source_model import (
    ActiveTable,
    HistoricalTable,
    ProfileTable,
    SourceTable,
)
from prograde.adapters.listing_api.source_problems import secret_problems, shape_problems
from prograde.adapters.listing_api.source_table import Table
from prograde.adapters.listing_api.source_values import parse_duration
from prograde.adapters.listing_api.source_yaml import read_yaml
from prograde.adapters.listing_api.stages import Endpoint, ListingStage, ProfileStage
from prograde.adapters.listing_api.templates import parse_template
from prograde.domain.listing import ListingStatus
from prograde.domain.pace import RateLimit
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
        self._auth = self._authenticated(table.client.auth)
        self._redactor = Redactor(self._secrets())
        params = self._auth.params() if self._auth is not None else {}
        self._links = LinkFollower(self._base_url, self._redactor, frozenset(params))

    def source(self) -> Source:
        windows = self._table.rate_limits
        return Source(
            name=self._table.name,
            client=self._client(self._table.client),
            rate_limits=tuple(RateLimit(window.limit, parse_duration(window.interval)) for window in windows),
            stages=self._stages(),
            redactor=self._redactor,
            variables=tuple(self._variables()),
        )

    def _authenticated(self, table: AnyAuth | None) -> Auth | None:
        match table:
            case Bearer():
                return BearerAuth(resolve(table.token, self._env))
            case ApiKey():
                return ApiKeyAuth(table.name, resolve(table.value, self._env), Location(table.location))
            case HttpBasic():
                return HttpBasicAuth(resolve(table.username, self._env), resolve(table.password, self._env))
            case None:
                return None

    def _variables(self) -> list[str]:
        """List the environment variables that hold secrets."""
        client = self._table.client
        texts = [
            *(client.auth.model_dump(include=set(SECRET_KEYS)).values() if client.auth else ()),
            *client.headers.values(),
        ]
        return list(dict.fromkeys(name for text in texts for name in REFERENCE.findall(text)))

    def _secrets(self) -> list[Secret]:
        secrets = [Secret(self._env[name]) for name in self._variables()]
        return [*secrets, self._auth.credentials] if isinstance(self._auth, HttpBasicAuth) else secrets

    def _client(self, client: ClientTable) -> Client:
        return Client(
            base_url=self._base_url,
            auth=self._auth,
            headers={name: resolve(value, self._env) for name, value in client.headers.items()},
            rate_limited_filters=tuple(
                RateLimitedFilter(frozenset(each.http_codes), each.error_message_contains)
                for each in client.error_handler.response_filters
            ),
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
        body = None if isinstance(table, ProfileTable) or table.json_body is None else JsonTemplate(table.json_body)
        return Endpoint(self._base_url, parse_template(table.path), params, body)

    def _paginator(self, table: AnyPaginator) -> Paginator:
        match table:
            case JsonLink():
                return JsonLinkPaginator(parse_expression(table.next_url_path), self._links)
            case HeaderLink():
                return HeaderLinkPaginator(table.links_next_key, self._links)
            case PageNumber():
                return _page_number(table)
            case Offset():
                return _offset(table)
            case Cursor():
                return self._cursor(table)
            case SinglePage():
                return SinglePagePaginator()

    def _cursor(self, table: Cursor) -> Paginator:
        token = CursorReader(parse_expression(table.cursor_path), self._redactor)
        if table.cursor_param is not None:
            return QueryCursorPaginator(token, table.cursor_param)
        assert table.cursor_body_path is not None, "the table is checked: it has one of the two"
        return BodyCursorPaginator(token, tuple(table.cursor_body_path.split(".")))


def _page_number(table: PageNumber) -> Paginator:
    total_path = _optional_expression(table.total_path)
    # Without a total, only an empty page tells that the last one has been read.
    stops = table.stop_after_empty_page if table.stop_after_empty_page is not None else total_path is None
    return PageNumberPaginator(table.page_param, table.base_page, total_path, stops)


def _offset(table: Offset) -> Paginator:
    return OffsetPaginator(
        offset_param=table.offset_param,
        limit_param=table.limit_param,
        limit=table.limit,
        base_offset=table.base_offset,
        total_path=_optional_expression(table.total_path),
        maximum_offset=table.maximum_offset,
    )


def _optional_expression(text: str | None) -> Expression | None:
    return None if text is None else parse_expression(text)


def _expressions(fields: Table) -> dict[str, Expression]:
    return {name: parse_expression(text) for name, text in fields.model_dump(exclude_none=True).items()}
