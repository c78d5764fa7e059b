"""
Requests generated from the HTTP API's description, against the service: make test-api.

What answers 500, or otherwise than described, fails. The service has a finished batch and one with dead letters, and
half of the generated ids are theirs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from base64 import b64encode
from pathlib import Path

from prograde.settings import WEBHOOK_SECRET
from tests.e2e.machine import TOKEN
from tests.web.service import EVERYBODY, Service, service

EXAMPLES = 15
SECONDS_MAX = 1_500
# Thresholds that contradict each other are well formed, and yet refused; a webhook is told apart by its signature.
LEFT_OUT = "positive_data_acceptance,ignored_auth"

SECRET = b"a secret of the tests' own"
HOOKS = f"""
import base64, hashlib, hmac, json, random, time
import schemathesis

@schemathesis.hook
def before_call(context, case, kwargs):
    # Most orders name a source that there is, and most webhooks are signed: what comes after that is to be met too.
    if not isinstance(case.body, dict) or random.random() < 0.2:
        return
    for order in (case.body, case.body.get("data")):
        if isinstance(order, dict) and "source" in order:
            order["source"] = "source"
    if case.path == "/v1/webhooks/batches":
        stamp = str(int(time.time()))
        name = f"msg-{{random.random()}}".replace(".", "-")
        signed = f"{{name}}.{{stamp}}.{{json.dumps(case.body)}}".encode()
        signature = base64.b64encode(hmac.digest({SECRET!r}, signed, "sha256")).decode()
        case.headers = {{"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": "v1," + signature}}
"""
"""Loaded by schemathesis, in its own environment."""


def configuration(lent: Service) -> str:
    """Name ids that are there."""
    batches = [
        lent.finished(lent.ordered([*EVERYBODY, "nobody/at all"])),
        lent.with_dead_letters(EVERYBODY[:5]),
        lent.with_dead_letters(EVERYBODY[5:9], "timeout"),
    ]
    return f"""
hooks = "hooks"

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "413", "415"]

[dictionaries]
batches = {{ values = {json.dumps(batches)} }}
professionals = {{ values = {json.dumps([*EVERYBODY, "nobody/at all"])} }}
files = {{ values = ["graded.csv", "ungraded.csv", "manifest.json"] }}
runs = {{ values = [1] }}

[parameters]
batch_id = {{ dictionary = "batches", probability = 0.5 }}
professional_id = {{ dictionary = "professionals", probability = 0.5 }}
name = {{ dictionary = "files", probability = 0.5 }}
run = {{ dictionary = "runs", probability = 0.5 }}
"""


def main() -> int:
    """Start the service, let schemathesis at it, and pass on its verdict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("schemathesis", type=Path)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    arguments = parser.parse_args()
    os.environ |= {"SANDBOX_TOKEN": TOKEN, WEBHOOK_SECRET: f"whsec_{b64encode(SECRET).decode()}"}
    with tempfile.TemporaryDirectory(prefix="prograde-") as name, service(Path(name) / "service") as lent:
        file = Path(name) / "schemathesis.toml"
        file.write_text(configuration(lent), encoding="utf-8")
        (Path(name) / "hooks.py").write_text(HOOKS, encoding="utf-8")
        command: list[str | Path] = [arguments.schemathesis.absolute(), "--config-file", file, "run"]
        options = ["--checks", "all", "--exclude-checks", LEFT_OUT, "--phases", "coverage,fuzzing", "--workers", "2"]
        options += ["--max-examples", str(arguments.examples), "--generation-database", "none", "--no-color"]
        done = subprocess.run(
            [*command, f"{lent.url}/v1/openapi.json", *options], cwd=name, timeout=SECONDS_MAX, check=False
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
