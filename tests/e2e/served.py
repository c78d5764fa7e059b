"""prograde serve in a process of its own, and what a client asks of it."""

import json
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from prograde.adapters.local.data_directory import DataDirectory
from prograde.adapters.local.sqlite_batch_store import SqliteBatchStore
from prograde.domain.batch import Batch
from tests.e2e.machine import Process, Workplace

DATA = "data"
PATIENCE_SECONDS = 60


@contextmanager
def served(workplace: Workplace, *, is_installed: bool = False) -> Iterator[tuple[str, Process]]:
    """Serve the workplace's data; the URL, and the process, which is stopped at the end if it still is there."""
    start = workplace.installed if is_installed else workplace.start
    process = start("serve", "--port", "0", "--data-dir", DATA, "--sources", ".")
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+/", line)
    assert found, line + (process.communicate()[1] if process.poll() is not None else "")
    try:
        yield found[0], process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)


def ordered(
    url: str,
    workplace: Workplace,
    key: str = "",
    roster: str = "roster.csv",
    source: str = "source",
    **parameters: object,
) -> str:
    """Start a batch and return its id."""
    with (workplace.folder / roster).open("rb") as file:
        response = requests.post(
            f"{url}v1/batches",
            data={"source": source, "parameters": json.dumps(parameters)},
            files={"roster": file},
            headers={"Idempotency-Key": key} if key else {},
            timeout=PATIENCE_SECONDS,
        )
    assert 202 == response.status_code, response.text
    batch_id: str = response.json()["batch_id"]
    return batch_id


def finished_batch(folder: Path, batch_id: str) -> Batch:
    """Wait until a batch is over."""
    store = SqliteBatchStore(DataDirectory(folder / DATA).state)
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while True:
            batch = store.batch(batch_id)
            assert batch is not None
            if batch.status.is_over:
                return batch
            assert time.monotonic() < deadline, f"the batch is {batch.status}"
            time.sleep(0.05)
    finally:
        store.close()
