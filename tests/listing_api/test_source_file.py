import json
from datetime import timedelta
from pathlib import Path

import pytest

import prograde
from prograde.adapters.listing_api.source_file import load_source, source_schema
from prograde.domain.pace import LIMIT_MAX, RateLimit
from prograde.domain.professional import Stage
from prograde.errors import InputError, Problem
from tests.listing_api.source_texts import ENV, REMOVED, source, source_text

SECOND = {"limit": 20, "interval": "PT1S"}
KEY = {"type": "api_key", "location": "query", "name": "key", "value": "${env:LISTING_TOKEN}"}
FILTER = {"http_codes": [403], "action": "rate_limited"}
OFFSET = {"type": "offset", "limit": 50}
CURSOR = {"type": "cursor", "cursor_path": "next"}

PACKAGE = Path(prograde.__file__).parent


def problems_of(text: str, env: dict[str, str] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load_source(text, ENV if env is None else env)
    return caught.value.problems


def test_a_right_file_is_a_source() -> None:
    loaded = source()

    assert "reso" == loaded.name
    assert (RateLimit(20, timedelta(seconds=1)),) == loaded.rate_limits
    assert [Stage.PROFILE, Stage.ACTIVE, Stage.HISTORICAL] == list(loaded.stages)
    assert "https://api.example.com" == loaded.client.base_url.origin


def test_the_active_stage_may_be_left_out() -> None:
    assert source().has_active
    assert not source({"stages.active": REMOVED}).has_active


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("version", 2, "must be 1"),
        ("version", "1", "must be 1"),
        ("version", REMOVED, "is missing"),
        ("name", "Re so", "a-z, 0-9"),
        ("name", 7, "must be text: put it in quotes"),
        ("nmae", "x", "did you mean name?"),
        ("client", REMOVED, "is missing"),
        ("client", "https://x", "must be keys and values"),
        ("client.base_url", "api.example.com", "must begin with https://"),
        ("client.base_url", "ftp://api.example.com", "must begin with https://"),
        ("client.base_url", "http://api.example.com", "must begin with https://: the credentials"),
        ("client.base_url", "https://user:hunter2@api.example.com", "use client.auth"),
        ("client.base_url", "https://api.example.com/x?key=hunter2", "must end before ?"),
        ("client.base_url", "https://api.example.com/x#y", "must end before ?"),
        ("client.base_url", "https://api.example.com:port", "is no URL"),
        ("client.base_url", "https://api.example.com/a b", "must be written encoded"),
        ("client.base_url", "https://api.example.com/a/../b", "dotted segment"),
        ("client.base_url", "https://", "a host"),
        ("client.auth.type", "basic", "must be one of 'bearer', 'api_key', 'http_basic'"),
        ("client.auth.token", REMOVED, "is missing"),
        ("client.auth.token", 12345678, "must be text"),
        ("client.auth.token", "hunter2", 'must be "${env:NAME}"'),
        ("client.auth.token", "${LISTING_TOKEN}", 'must be "${env:NAME}"'),
        ("client.auth.token", "${env:NOBODY}", "environment variable NOBODY is not set"),
        ("client.auth.tokn", "hunter2", "did you mean token?"),
        ("client.headers", {"X-Api-Key": "hunter2"}, "looks like a secret"),
        ("client.headers", {"X-Other": "${hunter2}"}, 'a reference is written "${env:NAME}"'),
        ("client.headers", {"X-Other": "${env:NOBODY}"}, "environment variable NOBODY is not set"),
        ("client.headers", {"Authorization": "Bearer ${env:LISTING_TOKEN}"}, "comes from client.auth"),
        ("client.headers", {"Host": "x"}, "is set by prograde itself"),
        ("client.headers", {"A b": "x"}, "is no header's name"),
        ("client.headers", {"A": "x", "a": "y"}, "given twice"),
        ("client.headers", {"A": "x\r\nB: y"}, "no header can carry"),
        ("client.connect_timeout_seconds", 0, "must be at least 0.1"),
        ("client.read_timeout_seconds", 301, "must be at most 300"),
        ("client.read_timeout_seconds", "30", "must be a number"),
        ("client.response_bytes_max", 10, "must be at least 1,000"),
        ("client.concurrency", 65, "must be at most 64"),
        ("client.concurrency", 1.5, "must be a whole number"),
        ("client.retries", 3, "is no key here: there are auth, base_url"),
        ("client.auth", "bearer", "must be keys and values"),
        ("client.auth", {"token": "${env:LISTING_TOKEN}"}, "is missing"),
        ("client.auth", {**KEY, "value": "hunter2"}, 'must be "${env:NAME}"'),
        ("client.auth", {**KEY, "value": "${env:NOBODY}"}, "environment variable NOBODY is not set"),
        ("client.auth", {**KEY, "name": "a b", "location": "header"}, "is no header's name"),
        ("client.auth", {**KEY, "name": "Host", "location": "header"}, "is set by prograde itself"),
        ("client.auth", {**KEY, "location": "cookie"}, "must be 'header' or 'query'"),
        ("client.auth", {**KEY, "token": "hunter2"}, "is no key here"),
        ("client.auth", {"type": "http_basic", "username": "hunter2", "password": "x"}, 'must be "${env:NAME}"'),
        ("client.auth", {"type": "http_basic", "username": "${env:LISTING_TOKEN}"}, "is missing"),
        ("client.error_handler", {"response_filters": [{"http_codes": [403]}]}, "is missing"),
        ("client.error_handler", {"response_filters": [{**FILTER, "action": "ignore"}]}, "must be 'rate_limited'"),
        ("client.error_handler", {"response_filters": [{**FILTER, "http_codes": []}]}, "at least 1"),
        ("client.error_handler", {"response_filters": [{**FILTER, "http_codes": [99]}]}, "must be at least 200"),
        ("client.error_handler", {"response_filters": [{**FILTER, "http_codes": [200]}]}, "with a 2xx status"),
        ("client.error_handler", {"response_filters": [{**FILTER, "error_message_contains": ""}]}, "at least 1"),
        ("client.error_handler", {"response_filter": []}, "did you mean response_filters?"),
        ("rate_limits", [], "one to eight windows"),
        ("rate_limits", [{"limit": 9, "interval": f"PT{n}S"} for n in range(1, 10)], "one to eight windows"),
        ("rate_limits", [SECOND, {"limit": 9, "interval": "PT60S"}, {"limit": 8, "interval": "PT1M"}], "two windows"),
        ("rate_limits", [{"limit": LIMIT_MAX + 1, "interval": "PT1S"}], "must be at most 10,000,000"),
        ("rate_limits", [{"limit": 0, "interval": "PT1S"}], "must be at least 1"),
        ("rate_limits", [{"limit": 20, "interval": "1s"}], "ISO 8601"),
        ("rate_limits", [{"limit": 20, "interval": "P"}], "ISO 8601"),
        ("rate_limits", [{"limit": 20, "interval": "PT0S"}], "ISO 8601"),
        ("rate_limits", [{"limit": 20, "interval": "P32D"}], "up to 31 days"),
        ("rate_limits", [{"limit": 20, "intervall": "PT1S", "interval": "PT1S"}], "did you mean interval?"),
        ("stages", "all", "must be keys and values"),
        ("stages.profile", REMOVED, "is missing"),
        ("stages.historical", REMOVED, "is missing"),
        ("stages.sold", {}, "is no key here: there are active, historical, profile"),
        ("stages.profile.path", "/Member", "below base_url"),
        ("stages.profile.path", "../Member", "below base_url"),
        ("stages.profile.path", "Member?$top=1", "below base_url"),
        ("stages.profile.path", "agents/{agent_key}", "use {professional_id}"),
        ("stages.profile.params", {"k": "{agent_key}"}, "use {professional_id}"),
        ("stages.profile.params", {"access_token": "hunter2"}, "looks like a secret"),
        ("stages.profile.params", {"k": "${env:LISTING_TOKEN}"}, "in client.auth and in client.headers only"),
        ("stages.profile.params", {"k": ["a"]}, "must be text"),
        ("stages.profile.params", {"k": None}, "must be text"),
        ("stages.profile.data_selector", "value[", "is not JMESPath"),
        ("stages.profile.fields", {"e-mail": "Email"}, "did you mean email?"),
        ("stages.profile.fields", {"email": "Email."}, "is not JMESPath"),
        ("stages.active.params", {"k": "{agent}"}, "{agent} is no placeholder"),
        ("stages.active.paginator", {"type": "page_number", "page_param": "size"}, "the paginator sets size itself"),
        ("stages.active.fields", {}, "is missing"),
        ("stages.active.newest_first", True, "is no key here"),
        ("stages.active.paginator", {"type": "page_number", "stop_after_empty_page": False}, "only with total_path"),
        ("stages.active.paginator", {"type": "page_number", "base_page": 2}, "must be at most 1"),
        ("stages.historical.path", "agents/{agent_key}/sold/", "no / at either end"),
        ("stages.historical.paginator", REMOVED, "is missing"),
        ("stages.historical.paginator", {"next_url_path": "a"}, "is missing"),
        ("stages.historical.paginator", {"type": "jsonlink"}, "must be one of 'json_link', 'header_link'"),
        ("stages.historical.paginator", {"type": "json_link"}, "is missing"),
        ("stages.historical.paginator", {"type": "json_link", "next_url_path": "a", "total_path": "b"}, "is no key"),
        ("stages.historical.paginator", {"type": "offset"}, "is missing"),
        ("stages.historical.paginator", {"type": "offset", "limit": 0}, "must be at least 1"),
        ("stages.historical.paginator", {**OFFSET, "base_offset": 2}, "must be at most 1"),
        ("stages.historical.paginator", {**OFFSET, "maximum_offset": 0}, "must be at least 1"),
        ("stages.historical.paginator", {**OFFSET, "limit_param": "offset"}, "another parameter"),
        ("stages.historical.paginator", {**OFFSET, "offset_param": "$filter"}, "the paginator sets $filter itself"),
        ("stages.historical.paginator", {**OFFSET, "limit_param": "$filter"}, "the paginator sets $filter itself"),
        ("stages.historical.paginator", {**CURSOR, "cursor_param": "$filter"}, "the paginator sets $filter itself"),
        ("stages.historical.paginator", CURSOR, "either cursor_param or cursor_body_path"),
        (
            "stages.historical.paginator",
            {**CURSOR, "cursor_param": "a", "cursor_body_path": "b"},
            "either cursor_param",
        ),
        ("stages.historical.paginator", {**CURSOR, "cursor_body_path": "a"}, "needs method: POST and json"),
        ("stages.historical.paginator", {**CURSOR, "cursor_body_path": "a..b"}, "keys parted by dots"),
        ("stages.historical.paginator", {"type": "single_page", "limit": 5}, "is no key here"),
        ("stages.historical.paginator", {"type": "header_link", "links_next_key": ""}, "at least 1"),
        ("stages.historical.paginator", "single_page", "must be keys and values"),
        ("stages.historical.method", "PUT", "must be 'GET' or 'POST'"),
        ("stages.historical.method", "POST", "write both or neither"),
        ("stages.historical.json", {"a": ["{agent}"]}, "{agent} is no placeholder"),
        ("stages.historical.json", {"a": {"api_key": "hunter2"}}, "looks like a secret"),
        ("stages.historical.jsn", {}, "did you mean json?"),
        ("stages.profile.method", "POST", "is no key here"),
        ("stages.historical.newest_first", "yes", "must be true or false"),
    ],
)
def test_a_mistake_is_named_by_its_key_with_a_remedy_and_without_secrets(
    field: str, value: object, remedy: str
) -> None:
    problems = problems_of(source_text({field: value}))

    assert [problem for problem in problems if problem.field.startswith(field) and remedy in problem.remedy]
    assert "hunter2" not in str(InputError(problems))


@pytest.mark.parametrize(
    ("changes", "field", "remedy"),
    [
        ({"client.auth": KEY, "stages.active.params": {"key": 1}}, "stages", "active.params sets key"),
        ({"client.auth": {**KEY, "name": "page"}}, "stages", "active.paginator sets page, which client.auth sends"),
        (
            {"client.auth": {**KEY, "name": "X-Who", "location": "header"}, "client.headers": {"x-who": "1"}},
            "client.headers",
            "is sent by client.auth already",
        ),
        ({"stages.historical.json": {"a": 1}}, "stages.historical.method", "write both or neither"),
        (
            {"stages.historical.method": "POST", "stages.historical.json": {"a": 1}},
            "stages.historical.paginator",
            "is for a cursor in the body",
        ),
        (
            {
                "stages.historical.method": "POST",
                "stages.historical.json": {"page": 5},
                "stages.historical.paginator": {**CURSOR, "cursor_body_path": "page.after"},
            },
            "stages.historical.paginator",
            "leads through page, which holds no keys",
        ),
    ],
)
def test_two_keys_that_contradict_each_other_are_named(changes: dict[str, object], field: str, remedy: str) -> None:
    (problem,) = problems_of(source_text(changes))

    assert field == problem.field
    assert remedy in problem.remedy


def test_every_window_is_kept_in_its_order_also_one_that_another_makes_unreachable() -> None:
    windows = [
        {"limit": 20, "interval": "PT1S"},
        {"limit": LIMIT_MAX, "interval": "PT1M"},
        {"limit": 40_000, "interval": "P31D"},
    ]

    assert (
        RateLimit(20, timedelta(seconds=1)),
        RateLimit(LIMIT_MAX, timedelta(minutes=1)),
        RateLimit(40_000, timedelta(days=31)),
    ) == source({"rate_limits": windows}).rate_limits


def test_each_required_field_is_asked_for() -> None:
    fields = [problem.field for problem in problems_of(source_text({"stages.historical.fields": {}}))]

    assert [f"stages.historical.fields.{name}" for name in ("key", "close_price", "close_date", "list_agent")] == fields


def test_all_mistakes_are_told_at_once() -> None:
    changes = {
        "name": "NO",
        "client.auth.token": "${env:FIRST}",
        "client.headers": {"X-Key": "${env:SECOND}${env:THIRD}"},
        "client.concurency": 4,
        "rate_limits": [{"limit": -1, "interval": "soon"}],
        "stages.profile.data_selector": "[[",
        "stages.historical.paginator": {"type": "curser"},
        "stages.historical.fields.close_price": REMOVED,
    }

    problems = problems_of(source_text(changes))

    assert [
        "client.auth.token",
        "client.concurency",
        "client.headers.X-Key",
        "client.headers.X-Key",
        "name",
        "rate_limits.0.interval",
        "rate_limits.0.limit",
        "stages.historical.fields.close_price",
        "stages.historical.paginator.type",
        "stages.profile.data_selector",
    ] == sorted(problem.field for problem in problems)
    said = str(InputError(problems))
    assert all(name in said for name in ("FIRST", "SECOND", "THIRD"))


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("version: 1\nname: [a\n", "line 3", "indentation, quotes and colons"),
        ("a: b: c", "line 1", "indentation, quotes and colons"),
        ("a: \x07", "source file", "control character"),
        ("a: 1\n---\nb: 2", "line 2", "mend the YAML"),
        ("", "source file", "must hold keys and values"),
        ("- a", "source file", "must hold keys and values"),
        ("a: &x 1\nb: *x", "line 2", "aliases"),
        ("a: " + "[" * 10_000, "line 1", "at most 20 levels"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\na: 4", "a.b", "lines 2 and 4"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\na: 4", "a", "lines 1 and 5"),
        ("? [a, b]\n: 1", "line 1", "must be plain text"),
        ("# " + "x" * 200_000, "source file", "at most 200,000"),
    ],
)
def test_yaml_that_cannot_be_read_is_named_by_line_or_key(text: str, field: str, words: str) -> None:
    problems = problems_of(text)

    assert [problem for problem in problems if problem.field.split(",")[0] == field and words in str(problem)], problems


def test_plain_values_mean_what_they_look_like() -> None:
    loaded = source({"stages.active.params": {"no": "no", "since": "2026-01-31", "at": "12:30", "size": 50, "x": True}})

    text = source_text().replace("size: 50", "country: no\n      since: 2026-01-31\n      at: 12:30\n      open: true")
    assert "country: no" in text
    stage = load_source(text, ENV).stages[Stage.ACTIVE]
    assert ["no", "2026-01-31", "12:30", "true"] == [template.query({}) for template in stage.endpoint.params.values()]
    assert loaded.has_active


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8765", "[::1]:8765"])
def test_a_practice_api_on_this_machine_may_speak_http(host: str) -> None:
    assert f"http://{host}" == source({"client.base_url": f"http://{host}/reso/odata/"}).client.base_url.origin


@pytest.mark.parametrize("value", ["", " padded", "line\nbreak", "caf\u00e9", "x" * 8_001])
def test_a_secret_that_no_header_can_carry_is_named_and_not_shown(value: str) -> None:
    (problem,) = problems_of(source_text(), {"LISTING_TOKEN": value})

    assert "client.auth.token" == problem.field
    assert "LISTING_TOKEN" in problem.remedy
    assert not value or value not in str(problem)


def test_the_schema_for_editors_is_the_one_that_the_code_checks_by() -> None:
    committed = (PACKAGE / "schemas" / "source.schema.json").read_text(encoding="utf-8")

    assert json.dumps(source_schema(), indent=2, ensure_ascii=False) + "\n" == committed


@pytest.mark.parametrize("name", ["source_reso", "sandbox_reso", "sandbox_plain"])
def test_the_source_files_that_init_writes_are_right(name: str) -> None:
    text = (PACKAGE / "templates" / f"{name}.yaml").read_text(encoding="utf-8")

    loaded = load_source(text, {"LISTING_TOKEN": "x", "SANDBOX_TOKEN": "x"})

    assert loaded.has_active
    assert text.startswith("# yaml-language-server: $schema=./source.schema.json\n")
