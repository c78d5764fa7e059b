"""Who is told of a run, and what its log says."""

import json
from dataclasses import replace

from prograde.sandbox.server import SandboxServer
from tests.e2e.machine import Workplace
from tests.local.receivers import Webhook, serving


def test_the_beginning_and_the_end_of_a_batch_are_told(workplace: Workplace) -> None:
    with serving(Webhook()) as webhook:
        told = replace(workplace, env={**workplace.env, "PROGRADE_SLACK_WEBHOOK": webhook.url})
        batch_id = told.run()["batch_id"]

    assert [f"*prograde: batch {what}: {batch_id}*" for what in ("running", "complete")] == [
        text.splitlines()[0] for text in webhook.posted
    ]


def test_a_webhook_that_cannot_be_is_refused_before_anything_starts(workplace: Workplace) -> None:
    wrong = replace(workplace, env={**workplace.env, "PROGRADE_SLACK_WEBHOOK": "chat.example.org/hook"})
    done = wrong.prograde("run", "source.yaml", "--roster", "roster.csv")
    assert 2 == done.returncode
    assert "PROGRADE_SLACK_WEBHOOK: must be the https:// URL of an incoming webhook" in done.stderr
    assert not (workplace.folder / "prograde-data" / "state.db").exists()


def test_the_log_of_a_batch_says_what_went_wrong_where(practice_api: SandboxServer, workplace: Workplace) -> None:
    ids = (workplace.folder / "roster.csv").read_text(encoding="utf-8").splitlines()[:4]
    (workplace.folder / "few.csv").write_text("\n".join([*ids, "nobody-here"]) + "\n", encoding="utf-8")
    done = workplace.prograde("run", "source.yaml", "--roster", "few.csv", "--output", "json")
    batch_id = json.loads(done.stdout)["batch_id"]

    shown = workplace.prograde("logs", batch_id)
    lines = [json.loads(line) for line in workplace.prograde("logs", batch_id, "--output", "json").stdout.splitlines()]

    assert {batch_id} == {line["batch_id"] for line in lines}
    (missing,) = [line for line in lines if line["message"] == "no page came"]
    expected = {"professional_id": "nobody-here", "stage": "profile", "page": 1, "attempt": 1, "outcome": "NotFound"}
    assert expected.items() <= missing.items()
    assert "professional_id=nobody-here" in shown.stdout
    assert "the batch is complete" in shown.stdout
    assert "the batch is complete" not in workplace.prograde("logs", batch_id, "--level", "error").stdout
    assert "there is no batch b-none" in workplace.prograde("logs", "b-none").stderr
