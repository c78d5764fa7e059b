"""The command line as a person meets it."""

import json
import re
from pathlib import Path

from prograde.sandbox.server import SandboxServer
from tests.e2e.conftest import AS_OF
from tests.e2e.machine import TOKEN, Workplace, read_csv
from tests.e2e.test_killed_run import wait_for_calls


def test_init_writes_a_source_file_that_works(workplace: Workplace, practice_api: SandboxServer) -> None:
    done = workplace.prograde("init", "new")
    assert 0 == done.returncode, done.stderr
    assert ["roster.csv", "source.schema.json", "source.yaml"] == sorted(
        path.name for path in (workplace.folder / "new").iterdir()
    )
    place = Workplace(workplace.folder, {**workplace.env, "LISTING_TOKEN": "secret"})
    checked = place.prograde("validate", "new/source.yaml", "--roster", "new/roster.csv")
    assert 0 == checked.returncode, checked.stderr
    # With nothing but its address changed, it reads the practice API.
    source = workplace.folder / "new" / "source.yaml"
    text = re.sub(r"base_url: \S+", f"base_url: {practice_api.reso_url}", source.read_text(encoding="utf-8"))
    source.write_text(re.sub(r"limit: \d+", "limit: 500", text), encoding="utf-8")
    graded = Workplace(workplace.folder, {**workplace.env, "LISTING_TOKEN": TOKEN}).prograde(
        "run", "new/source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF)
    )
    assert 0 == graded.returncode, graded.stderr
    assert "60 done, 0 failed, 0 left" in graded.stdout
    again = workplace.prograde("init", "new")
    assert 2 == again.returncode
    assert "exists already" in again.stderr


def test_a_run_publishes_its_files_and_status_and_export_find_them(workplace: Workplace) -> None:
    summary = workplace.run("--as-of", str(AS_OF))
    folder = workplace.folder / summary["export"]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert summary["export_digest"] == manifest["export_digest"]
    assert {"missing_raw_ids": [], "differences": []} == manifest["reconciliation"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*manifest["files"], "manifest.json"])
    graded = read_csv(folder / "graded.csv")
    assert len(graded) == manifest["files"]["graded.csv"]["rows"] == sum(summary["by_grade"].values())
    for grade, count in summary["by_grade"].items():
        name = "grade_" + grade.lower().replace("+", "_plus") + ".csv"
        assert count == len(read_csv(folder / name))

    listed = json.loads(workplace.prograde("status", "--output", "json").stdout)
    assert [(summary["batch_id"], "complete")] == [(each["batch_id"], each["status"]) for each in listed]
    assert "complete" in workplace.prograde("status", summary["batch_id"]).stdout
    copied = workplace.prograde("export", "--to", "handed-out")
    assert 0 == copied.returncode, copied.stderr
    assert (folder / "graded.csv").read_bytes() == (workplace.folder / "handed-out" / "graded.csv").read_bytes()


def test_a_professional_that_fails_is_named_and_the_exit_code_says_so(workplace: Workplace) -> None:
    text = (workplace.folder / "roster.csv").read_text(encoding="utf-8")
    (workplace.folder / "roster.csv").write_text(text + "NOBODY,Nobody\n", encoding="utf-8")
    done = workplace.prograde("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF))
    assert 0 == done.returncode, "an unknown professional is not a failed one"
    assert "1 not found" in done.stdout
    export = next((workplace.folder / "prograde-data" / "blobs" / "exports").glob("*/001"))
    assert [("NOBODY", "not_found")] == [
        (row["professional_id"], row["outcome"]) for row in read_csv(export / "ungraded.csv")
    ]


def test_a_source_file_with_a_wrong_path_pauses_the_run_and_says_why(workplace: Workplace) -> None:
    source = workplace.folder / "source.yaml"
    source.write_text(source.read_text(encoding="utf-8").replace("path: Member", "path: Membr"), encoding="utf-8")
    done = workplace.prograde("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF))
    assert 4 == done.returncode
    assert "the source refuses everybody the profile stage, and never answered it: not_found: status 404" in done.stderr


def test_a_source_file_that_reads_no_prices_is_warned_of(workplace: Workplace) -> None:
    source = workplace.folder / "source.yaml"
    text = source.read_text(encoding="utf-8").replace("close_price: ClosePrice", "close_price: Closed")
    source.write_text(text, encoding="utf-8")
    summary = workplace.run("--as-of", str(AS_OF))
    (warning,) = summary["warnings"]
    assert "without a single price: check stages.historical.fields.close_price" in warning


def test_an_interrupted_batch_is_listed_as_such(workplace: Workplace, practice_api: SandboxServer) -> None:
    place = Workplace.make(workplace.folder, practice_api, calls_a_second=5)
    process = place.start("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF))
    wait_for_calls(practice_api, 5)
    assert "interrupted" not in place.prograde("status").stdout
    process.kill()
    process.communicate()
    assert "interrupted" in place.prograde("status").stdout


def test_two_runs_of_the_same_market_give_the_same_bytes(workplace: Workplace, practice_api: SandboxServer) -> None:
    run = ("run", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF), "--output", "json")
    # Two interpreters, so that sets and hashes have another order.
    first, second = (json.loads(workplace.installed(*run).communicate(timeout=60)[0]) for _ in range(2))
    assert first["batch_id"] != second["batch_id"]
    assert first["export_digest"] == second["export_digest"]
    assert 0 < practice_api.stats().calls


def test_a_roster_from_a_spreadsheet_is_understood_and_reported(workplace: Workplace) -> None:
    lines = (workplace.folder / "roster.csv").read_text(encoding="utf-8").splitlines()
    some = [line.split(",")[0] for line in lines[1:4]]
    text = (
        "Name;Professional_ID\r\n" + "".join(f'"Agent; {key}";{key}\r\n' for key in some) + f"\r\nagain;{some[0]}\r\n"
    )
    (workplace.folder / "messy.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    done = workplace.prograde("run", "source.yaml", "--roster", "messy.csv", "--as-of", str(AS_OF))
    assert 0 == done.returncode, done.stderr
    assert "1 line(s) (6) repeated an earlier professional" in done.stderr
    assert "1 line(s) (5) were blank" in done.stderr
    assert "3 professionals" in done.stderr


def test_every_command_explains_itself(workplace: Workplace) -> None:
    for command in ("run", "resume", "status", "export", "validate", "init", "sandbox"):
        done = workplace.prograde(command, "--help")
        assert 0 == done.returncode
        assert "Usage:" in done.stdout
    assert not (workplace.folder / "prograde-data").exists()
    assert Path(workplace.folder / "source.yaml").exists()


def test_a_plan_is_assumed_at_first_and_then_taken_from_the_last_batch(workplace: Workplace) -> None:
    plan = ("plan", "source.yaml", "--roster", "roster.csv", "--as-of", str(AS_OF))
    assumed = workplace.prograde(*plan)
    assert 0 == assumed.returncode, assumed.stderr
    assert "about 240 (assumed: 4 calls a professional" in assumed.stdout
    assert not (workplace.folder / "prograde-data").exists()

    batch_id = workplace.run("--as-of", str(AS_OF))["batch_id"]

    learnt = json.loads(workplace.prograde(*plan, "--output", "json").stdout)
    assert batch_id == learnt["from_batch"]
    assert (
        learnt["calls"]
        == json.loads(
            (workplace.folder / "prograde-data" / "blobs" / "exports" / batch_id / "001" / "manifest.json").read_text()
        )["calls"]
    )
