"""Something happens right before any write of a run, whatever it writes to: the end is the one that was promised."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from prograde.domain.batch import BatchStatus
from prograde.errors import ConflictError
from prograde.use_cases.start_batch import start_batch
from tests.use_cases.bench import Bench, an_order, opened

WRITES_OF_A_RUN = 30
"""A batch of two writes at least so often."""


def disturbed_runs(folder: Path, happening: Callable[[Bench], object]) -> Iterator[Bench]:
    """Run a batch of two, once for each of its writes, with something happening before that write."""
    for nth in count(1):
        with opened(folder / str(nth)) as bench:
            happened: list[bool] = []

            def happen(bench: Bench = bench, happened: list[bool] = happened) -> None:
                happened.append(True)
                if any(bench.services.store.batches()):
                    happening(bench)

            services = bench.before_write(nth, happen)
            start_batch(services, an_order("A1", "A2"))
            bench.run(services)
            if not happened:
                assert nth > WRITES_OF_A_RUN
                return
            yield bench


def refused(steer: Callable[[], object]) -> bool:
    """Try to steer a batch, and tell whether it was too late for that."""
    try:
        steer()
    except ConflictError:
        return True
    return False


def test_a_pause_and_a_resume_at_any_moment_change_nothing_in_the_end(tmp_path: Path) -> None:
    digests = set()

    def pause_and_resume(bench: Bench) -> None:
        if not refused(bench.pause):
            bench.resume()
            bench.wake()

    for bench in disturbed_runs(tmp_path, pause_and_resume):
        batch = bench.batch()
        digests.add(batch.export_digest)
        assert (BatchStatus.COMPLETE, "", None) == (batch.status, batch.reason, batch.waking)
        assert [] == bench.misbooked()
        assert 6 == len(bench.source.requests)

    assert 1 == len(digests)


def test_no_call_is_made_after_a_pause_at_any_moment_and_nothing_is_missing_after_the_resume(tmp_path: Path) -> None:
    digests = set()
    calls: list[int] = []

    def pause(bench: Bench) -> None:
        if not refused(bench.pause):
            calls.append(len(bench.source.requests))

    for bench in disturbed_runs(tmp_path, pause):
        if BatchStatus.PAUSED == bench.batch().status:
            assert calls[-1] == len(bench.source.requests)
            bench.resume()
            bench.run()
        digests.add(bench.batch().export_digest)
        assert BatchStatus.COMPLETE == bench.batch().status
        assert [] == bench.misbooked()
        assert 6 == len(bench.source.requests)

    assert 1 == len(digests)
    assert {0, 1, 2, 3, 4, 5, 6} == set(calls)


def test_a_cancel_at_any_moment_makes_no_more_calls_and_ends_with_an_export_that_says_so(tmp_path: Path) -> None:
    calls: list[int] = []

    def cancel(bench: Bench) -> None:
        if not refused(bench.cancel):
            calls.append(len(bench.source.requests))

    for bench in disturbed_runs(tmp_path, cancel):
        assert [] == bench.misbooked()
        assert 0 == bench.pending()
        manifest = bench.manifest()
        assert 2 == manifest["professionals"]["total"]
        if BatchStatus.COMPLETE == bench.batch().status:
            assert not manifest["is_cancelled"]
        else:
            assert BatchStatus.CANCELLED == bench.batch().status
            assert calls[-1] == len(bench.source.requests)
            assert manifest["is_cancelled"]
            assert bench.batch().export_digest == manifest["export_digest"]

    assert {0, 1, 2, 3, 4, 5, 6} == set(calls)
