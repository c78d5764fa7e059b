import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from prograde.adapters.documents import read_finalize_task, read_page_task, read_seed_task, read_sounding_task
from prograde.adapters.listing_api.expressions import parse_expression
from prograde.adapters.listing_api.source_file import load_source
from prograde.adapters.listing_api.source_yaml import TEXT_LENGTH_MAX, read_yaml
from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.source_files import SourceFolder
from prograde.adapters.roster_csv import clean_roster
from prograde.bootstrap.hosting import function_app
from prograde.bootstrap.local_machine import local_machine
from prograde.entrypoints.order import checked_order
from prograde.entrypoints.order_files import given_files
from prograde.entrypoints.parameters import ParametersModel
from prograde.errors import InputError
from tests.fuzz.answers import TOKENS, changed, values, written
from tests.fuzz.effort import effort
from tests.listing_api.source_texts import ENV, RIGHT, source_text

TODAY = date(2026, 11, 21)
SECONDS_MAX = 10.0
KEYS = sorted(ParametersModel.model_fields)


@contextmanager
def in_time() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < SECONDS_MAX


def refuse(read: Callable[[], object]) -> None:
    """Read, or be told what is wrong: with problems that can be shown, and nothing else."""
    with in_time():
        error = refusal(read)
    if error is not None:
        assert error.problems
        assert str(error).encode()
        assert all(len(str(problem.value)) < 1_000_000 for problem in error.problems)


def refusal(read: Callable[[], object]) -> InputError | None:
    try:
        read()
    except InputError as error:
        return error
    return None


def as_roster(content: bytes) -> None:
    def read() -> None:
        with clean_roster(io.BytesIO(content)) as roster:
            ids = roster.lines.read().decode().split("\n")
        assert ids[:-1] == list(dict.fromkeys(ids[:-1]))
        assert roster.professionals == len(ids) - 1

    refuse(read)


CELLS = st.sampled_from(
    ["professional_id", "A1", "", '"', '""', '"a\nb"', "\x00", "\u2028", "x" * 256, "é", "\ufeff", " "]
)
ENDS = st.sampled_from([",", ";", "\t", "\n", "\r\n", "\r", ",\n"])


@effort(80)
@given(
    st.binary(max_size=300)
    | st.lists(st.tuples(CELLS, ENDS), max_size=30).map(lambda parts: "".join(map("".join, parts)).encode())
)
def test_any_bytes_are_a_roster_or_bad_input(content: bytes) -> None:
    as_roster(content)
    as_roster(b"professional_id\n" + content)
    as_roster(b"name;professional_id\n" + content)


@pytest.mark.parametrize("line", [b"a" * 3_000_000, b"a," * 1_500_000, b'"\n",' * 750_000, b'"' + b"\n" * 3_000_000])
def test_a_row_without_end_is_bad_input(line: bytes) -> None:
    with (
        in_time(),
        pytest.raises(InputError, match=r"longer than|field limit"),
        clean_roster(io.BytesIO(b"professional_id\n" + line)),
    ):
        pass
    with in_time(), pytest.raises(InputError), clean_roster(io.BytesIO(line)):
        pass


def test_rows_of_many_lines_are_a_roster_however_many_there_are() -> None:
    row = b'A%d,"' + b"\n" * 60_000 + b'"\n'
    with clean_roster(io.BytesIO(b"professional_id,note\n" + b"".join(row % n for n in range(40)))) as roster:
        assert 40 == roster.professionals


SYNTAX = [
    *("a: ", "- ", "? ", "[", "]", "{", "}", ",", "\n", "\n  ", "'", '"', "|", ">", "#", "&a ", "*a", "<<: ", "!!int "),
    *("!<x> ", "!%FF ", "%YAML 1.1\n", f"%YAML 1.{'1' * 5_000}\n", "%TAG ! x\n", "---\n", "\t", "\ufeff", "\x85"),
    *('"\\UFFFFFFFF"', '"\\ud800"', '"\\x00"', '"\\q"', "\ud800", "~", "9" * 5_000, ".nan", "1e400", "0x1", "\x00"),
]  # fmt: skip


@effort(300)
@given(st.text(max_size=100) | st.lists(st.sampled_from(SYNTAX), max_size=12).map("".join))
def test_any_text_is_yaml_or_bad_input(text: str) -> None:
    refuse(lambda: read_yaml(text))
    refuse(lambda: load_source(text, ENV))


@pytest.mark.parametrize(
    "token", ['"\\UFFFFFFFF"', '"\\ud800"', '{"\\udfff": 1}', "%YAML 1." + "1" * 5_000 + "\n---\na"]
)
def test_yaml_that_the_library_trips_over_is_bad_input(token: str) -> None:
    with pytest.raises(InputError, match=r"line 1|source file"):
        read_yaml(token if token.startswith("%") else f"a: {token}")


@pytest.mark.parametrize("piece", ["[", "{", "? ", "- ", "a: {", "&a ", "'", "\n ", "!", "%", "#"])
def test_yaml_without_end_is_read_in_bounded_time(piece: str) -> None:
    refuse(lambda: read_yaml(piece * (TEXT_LENGTH_MAX // len(piece))))
    refuse(lambda: read_yaml(piece * TEXT_LENGTH_MAX))


@effort(60)
@given(changed(RIGHT))
def test_a_source_file_with_one_thing_wrong_is_a_source_or_bad_input(document: object) -> None:
    # JSON is YAML, as far as its texts are.
    refuse(lambda: load_source(written(document).decode(errors="replace"), ENV))


# What the library calls deprecated is of no concern here.
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@effort(200)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            ["a", "`1`", "'x'", '"\\ud800"', '"', "`", "[", "]", "[*]", "[?", "[::0]", "(", ")", "@", "&", "|"]
        )
        | st.sampled_from(
            ["join(", "to_number(", "sum(", "x(", ",", ".", "*", "||", "==", "!", "{", "}", ":", "-", "9" * 400]
        ),
        max_size=10,
    ).map("".join)
)
def test_any_text_is_an_expression_or_says_where_it_is_wrong(text: str) -> None:
    with in_time(), suppress(ValueError):
        parse_expression(text)


@pytest.fixture(scope="module")
def source_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sources") / "reso.yaml"
    path.write_text(source_text(), encoding="utf-8")
    return path


def check(source: Path, settings: list[str], file: Path | None = None) -> None:
    with checked_order(given_files(source, None, file, settings, None), TODAY, ENV):
        pass


# As Python reads the bytes of a command line.
as_arguments = st.sampled_from([token.text.decode(errors="surrogateescape") for token in TOKENS])


@effort(60)
@given(
    st.lists(
        st.text(max_size=40)
        | st.builds("{}={}".format, st.sampled_from(KEYS), st.text(max_size=30) | st.sampled_from(SYNTAX))
        | st.builds("{}={}".format, st.sampled_from(KEYS), as_arguments),
        max_size=3,
    )
)  # fmt: skip
def test_any_setting_is_a_parameter_or_bad_input(source_path: Path, settings: list[str]) -> None:
    refuse(lambda: check(source_path, settings))


@effort(60)
@given(st.binary(max_size=200) | st.dictionaries(st.sampled_from(KEYS), values, max_size=4).map(written))
def test_any_file_is_parameters_or_bad_input(source_path: Path, content: bytes) -> None:
    file = source_path.with_name("parameters.txt")
    file.write_bytes(content)
    refuse(lambda: check(source_path, [], file))


TASK = {
    "batch_id": "b", "professional_id": "p", "step": 1, "wake": 0, "offset": 0, "grading_run": 1,
    "due_at": "2026-11-21T00:00:00Z", "sent_at": "2026-11-21T00:00:00Z",
}  # fmt: skip


@effort(150)
@given(st.binary(max_size=200) | changed(TASK).map(written) | values.map(written))
def test_any_body_is_a_task_or_bad_input(body: bytes) -> None:
    for read in (read_page_task, read_seed_task, read_finalize_task, read_sounding_task):
        refuse(lambda read=read: read(body))  # type: ignore[misc]


@pytest.fixture(scope="module")
def client(source_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("data")
    with local_machine(DataDirectory(folder), SourceFolder(source_path.parent), ENV) as machine:
        yield function_app("start_batch", machine.services).test_client()


def answered(client: Client, **sent: object) -> int:
    with in_time():
        response = client.post("/v1/batches", **sent)
    assert response.status_code in {400, 404, 413, 415}
    assert response.get_data()
    return response.status_code


BROKEN_JSON = [
    "[" * 100_000,
    "[" * 900 + "]" * 900,
    '{"a":' * 950 + "1" + "}" * 950,
    '{"page_limit": NaN}',
    '{"page_limit": 9' + "9" * 5_000 + "}",
    '{"as_of": "\\ud800"}',
    '{"\\ud800": 1}',
    '{"tiers": [{}' + ",{}" * 5_000 + "]}",
    '{"tiers": [{"name": "A", "minimum_sides": 1e400}]}',
    '"' + "x" * 400_000 + '"',
    json.dumps({f"k{n}": n for n in range(30_000)}),
]


@pytest.mark.parametrize("parameters", BROKEN_JSON, ids=range(len(BROKEN_JSON)))
def test_a_form_with_broken_parameters_is_answered_as_bad_input(client: Client, parameters: str) -> None:
    roster = (io.BytesIO(b"professional_id\nA1\n"), "roster.csv")
    assert 400 == answered(client, data={"source": "reso", "parameters": parameters, "roster": roster})


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="source"\r\n\r\nreso\r\n'
    b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    b'--b\r\nContent-Disposition: form-data; name="roster"; filename="%b"\r\n\r\nprofessional_id\r\n%b\r\n--b--\r\n'
)


@effort(150)
@given(
    st.binary(max_size=200)
    | st.builds(
        lambda name, value, file, ids: FORM % (name, value, file, ids),
        st.sampled_from([b"parameters", b"x", b'"', b"\xff"]),
        st.sampled_from([token.text for token in TOKENS]) | st.binary(max_size=50),
        st.binary(max_size=20),
        st.just(b""),
    ),
    st.sampled_from(
        ["multipart/form-data; boundary=b", "multipart/form-data", "application/json", "text/x; charset=\xff", ""]
    ),
)
def test_any_form_is_answered_as_bad_input(client: Client, body: bytes, content_type: str) -> None:
    answered(client, data=body, content_type=content_type)
