"""Bad input: every message names field, value and remedy; the exit code is 2; nothing is created."""

import fcntl

import pytest

from tests.e2e.machine import Workplace

RUN = ("run", "source.yaml", "--roster", "roster.csv")


def refused(place: Workplace, *arguments: str) -> str:
    """Run, and give what standard error says; nothing may have been created."""
    before = sorted(place.folder.rglob("*"))
    done = place.prograde(*arguments)
    assert 2 == done.returncode, done.stderr
    assert "Traceback" not in done.stderr
    assert before == sorted(place.folder.rglob("*"))
    return done.stderr


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("page_limit=-1", ["page_limit: -1", "at least 1"]),
        ("failure_limit=0", ["failure_limit: 0", "at least 1"]),
        ("failure_limit=many", ["failure_limit: 'many'", "whole number"]),
        ("as_of=2026-02-30", ["as_of: '2026-02-30'", "no day of the calendar"]),
        ("as_of=20260630", ["as_of: 20260630", "date like 2026-06-30"]),
        ("as_of=2999-01-01", ["as_of: '2999-01-01'", "today"]),
        ("cutoff=2026-07-01", ["cutoff: '2026-07-01'", "as_of (2026-06-30)"]),
        ("atribution=full", ["atribution: 'full'", "did you mean attribution"]),
        ("attribution=half", ["attribution: 'half'", "'split', 'full' or 'list_only'"]),
        ("tiers_to_process=[Z]", ["tiers_to_process: 'Z'", "A+"]),
        (
            "tiers=[{name: A, minimum_volume: 5}, {name: B, minimum_volume: 6}, {name: F}]",
            ["tiers[1].minimum_volume: '6.00'", "list the tiers best first"],
        ),
        ("tiers=[{name: A, minimum_volume: 5}]", ["tiers[0]: 'A'", "takes everybody"]),
        ("tiers=[{name: A, minimum_volume: -5}, {name: F}]", ["tiers[0].minimum_volume", "at least 0"]),
        ("early_stop", ["--set: 'early_stop'", "key=value"]),
        ("tiers=[{name: A, minimum_volume: $40M}, {name: F}]", ["tiers[0].minimum_volume: '$40M': write 40000000"]),
        (
            "tiers=[{name: A, minimum_volume: 40,000,000}, {name: F}]",
            ["--set tiers: minimum_volume: '40,000,000': write 40000000"],
        ),
    ],
)
def test_a_bad_parameter_is_named_with_its_remedy(workplace: Workplace, setting: str, said: list[str]) -> None:
    as_of = () if setting.startswith("as_of") else ("--as-of", "2026-06-30")
    error = refused(workplace, *RUN, *as_of, "--set", setting)
    for words in said:
        assert words in error


def test_every_mistake_is_told_at_once(workplace: Workplace) -> None:
    (workplace.folder / "roster.csv").write_text("name\nAnn\n", encoding="utf-8")
    text = (workplace.folder / "source.yaml").read_text(encoding="utf-8")
    (workplace.folder / "source.yaml").write_text(text.replace("rate_limits:", "rate_limit:"), encoding="utf-8")
    error = refused(workplace, *RUN, "--as-of", "2026-06-30", "--set", "page_limit=-1", "--set", "cutoff=2026-07-01")
    for words in ("rate_limit", "did you mean rate_limits", "page_limit: -1", "cutoff", "column professional_id"):
        assert words in error


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name\nAnn\n", ["roster: 'name'", "column professional_id"]),
        (b"professional_id\n", ["roster: 'no rows'", "at least one"]),
        (b"", ["roster: ''", "column professional_id"]),
        (b"professional_id\nA1\n\xff\xfe\n", ["roster", "UTF-8"]),
        (
            b"PK\x03\x04\x14\x00",
            ["roster: 'begins with 50 4B 03 04': is a workbook", "save it as CSV (UTF-8): File > S"],
        ),
        ("professional_id\nA1\n".encode("utf-16"), ["roster: 'begins with FF FE", "UTF-16", "save it as CSV (UTF-8)"]),
        (b"professional_id,name\nA1,Ann\n,Bob\n", ["roster line 3: ''", "delete the line"]),
        (b'professional_id\n"A1\n', ["roster", "no CSV"]),
    ],
)
def test_a_bad_roster_is_named_by_line(workplace: Workplace, content: bytes, said: list[str]) -> None:
    (workplace.folder / "roster.csv").write_bytes(content)
    error = refused(workplace, *RUN)
    for words in said:
        assert words in error


def test_a_missing_secret_is_named(workplace: Workplace) -> None:
    env = {name: value for name, value in workplace.env.items() if name != "SANDBOX_TOKEN"}
    error = refused(Workplace(workplace.folder, env), *RUN)
    assert "client.auth.token" in error
    assert "SANDBOX_TOKEN" in error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "nowhere.yaml", "--roster", "roster.csv"), ["source: 'nowhere.yaml'", "No such file"]),
        (("run", "source.yaml", "--roster", "nowhere.csv"), ["roster: 'nowhere.csv'", "No such file"]),
        ((*RUN, "--parameters", "nowhere.yaml"), ["parameters: 'nowhere.yaml'", "No such file"]),
        (("run", "source.yaml"), ["--roster"]),
        (("resume", "--data-dir", "nowhere"), ["--data-dir: 'nowhere'", "holds no batches"]),
        (("status", "--data-dir", "nowhere"), ["--data-dir: 'nowhere'", "holds no batches"]),
        ((*RUN, "--data-dir", "roster.csv/x"), ["--data-dir: 'roster.csv/x'", "choose another"]),
    ],
)
def test_what_cannot_be_read_or_used_is_named(
    workplace: Workplace, arguments: tuple[str, ...], said: list[str]
) -> None:
    error = refused(workplace, *arguments)
    for words in said:
        assert words in error


def test_a_data_directory_in_use_is_refused(workplace: Workplace) -> None:
    data_dir = workplace.folder / "prograde-data"
    data_dir.mkdir()
    with (data_dir / "lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        error = refused(workplace, *RUN)
    assert "--data-dir: 'prograde-data': is in use by process 4711" in error
