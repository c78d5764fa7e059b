import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from prograde.adapters.local.green_threads import GreenThreads
from prograde.adapters.local.pacer import WAIT_SECONDS_MAX, Pacer, Windows, remembered
from prograde.adapters.local.rate_ledger import RateLedger
from prograde.adapters.system_clock import SystemClock
from prograde.domain.pace import RateLimit
from prograde.errors import CorruptionError, InterruptedCallError
from prograde.ports import Clock
from tests.local.shifted_clock import ShiftedClock

SECOND = timedelta(seconds=1)

MakePacer = Callable[..., Pacer]


@pytest.fixture
def make_pacer(tmp_path: Path) -> Iterator[MakePacer]:
    """Makes pacers over one ledger file, each with a ledger object of its own, as processes have."""
    ledgers = []

    def make(*limits: tuple[int, timedelta], clock: Clock | None = None) -> Pacer:
        windows = [RateLimit(limit, interval) for limit, interval in limits]
        ledgers.append(RateLedger(tmp_path / "ledger", remembered(windows)))
        return Pacer(windows, ledgers[-1], clock or SystemClock())

    yield make
    for ledger in ledgers:
        ledger.close()


def overfull(sent: Sequence[datetime], limit: int, interval: timedelta) -> list[tuple[datetime, datetime]]:
    """Find the windows, shorter than the interval, that hold more calls than the limit."""
    ordered = sorted(sent)
    pairs = zip(ordered, ordered[limit:], strict=False)
    return [(first, last) for first, last in pairs if last - first < interval]


def test_no_sliding_second_holds_more_than_the_limit_however_many_threads_call(
    make_pacer: MakePacer,
    record_property: Callable[[str, object], None],
) -> None:
    pacer = make_pacer((200, SECOND))
    end = time.monotonic() + 2

    def call(_: int) -> list[datetime]:
        sent = []
        while time.monotonic() < end:
            sent.append(pacer.pass_one())
        return sent

    with ThreadPoolExecutor(8) as threads:
        sent = [moment for moments in threads.map(call, range(8)) for moment in moments]

    utilisation = len(sent) / (200 * (max(sent) - min(sent)).total_seconds())
    record_property("utilisation", utilisation)
    print(f"utilisation {utilisation:.1%}")  # noqa: T201  # shown by pytest -s: a figure to watch, not a promise
    assert [] == overfull(sent, 200, SECOND)
    assert len(sent) == len(set(sent)) == pacer.calls


def test_no_sliding_second_holds_more_than_the_limit_however_many_green_threads_call(make_pacer: MakePacer) -> None:
    pacer = make_pacer((200, SECOND))
    sent: list[datetime] = []

    def call() -> None:
        while len(sent) < 500:
            sent.append(pacer.pass_one())

    with GreenThreads("pages") as green:
        for _ in range(8):
            green.submit(call)

    assert [] == overfull(sent, 200, SECOND)
    assert len(sent) == len(set(sent)) == pacer.calls


def test_closing_wakes_a_green_thread_that_waits(make_pacer: MakePacer) -> None:
    pacer = make_pacer((1, timedelta(seconds=2)))
    pacer.pass_one()
    told: list[str] = []

    def call() -> None:
        try:
            pacer.pass_one()
        except InterruptedCallError as error:
            told.append(str(error))

    with GreenThreads("pages") as green:
        for _ in range(3):
            green.submit(call)
        while pacer.wait is None:
            time.sleep(0.001)
        pacer.close()

    assert 3 * ["shutting down: the call was not made"] == told


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_a_window_of_a_few_calls_is_kept(make_pacer: MakePacer, limit: int) -> None:
    interval = timedelta(milliseconds=100)
    pacer = make_pacer((limit, interval))

    sent = [pacer.pass_one() for _ in range(3 * limit + 1)]

    assert [] == overfull(sent, limit, interval)
    assert sent[-1] - sent[0] >= 3 * interval


def test_calls_at_a_share_of_the_rate_are_spaced_evenly_however_many_threads_call(make_pacer: MakePacer) -> None:
    pacer = make_pacer((100, SECOND))

    with ThreadPoolExecutor(4) as threads:
        sent = sorted(threads.map(lambda _: pacer.pass_one(0.25), range(20)))

    # Nothing leaves too early; a late wake-up of a busy machine is made up for by nobody.
    assert min(later - earlier for earlier, later in pairwise(sent)) >= SECOND / 25


def test_a_call_that_waits_at_a_small_share_does_not_hold_up_the_next_at_the_whole_rate(make_pacer: MakePacer) -> None:
    pacer = make_pacer((100, SECOND))
    first = pacer.pass_one()

    slow = pacer.pass_one(0.25)
    quick = [pacer.pass_one() for _ in range(3)]

    assert slow - first >= SECOND / 25
    assert quick[-1] - slow < SECOND, "the rate is not lowered for good"


def test_a_clock_that_is_set_back_neither_stalls_the_calls_nor_crowds_them(make_pacer: MakePacer) -> None:
    clock = ShiftedClock()
    interval = timedelta(milliseconds=200)
    pacer = make_pacer((10, interval), clock=clock)
    began = time.monotonic()
    true_moments = []

    for number in range(45):
        if number in (5, 14, 15, 28):
            clock.set_by(-3600)
        pacer.pass_one()
        true_moments.append(clock.true_moment)

    assert [] == overfull(true_moments, 10, interval)
    assert time.monotonic() - began < 60


def test_a_clock_that_is_set_back_a_little_does_not_crowd_the_calls(make_pacer: MakePacer) -> None:
    clock = ShiftedClock()
    interval = timedelta(milliseconds=200)
    pacer = make_pacer((10, interval), clock=clock)
    true_moments = []

    for _ in range(45):
        clock.set_by(-0.005)
        pacer.pass_one()
        true_moments.append(clock.true_moment)

    assert [] == overfull(true_moments, 10, interval)


def test_a_clock_that_jumps_ahead_keeps_the_window_by_the_recorded_times(make_pacer: MakePacer) -> None:
    clock = ShiftedClock()
    interval = timedelta(milliseconds=200)
    pacer = make_pacer((10, interval), clock=clock)
    sent = []

    for number in range(45):
        if number in (5, 14, 15, 28):
            clock.set_by(0.15)
        sent.append(pacer.pass_one())

    assert [] == overfull(sent, 10, interval)


def test_closing_tells_who_waits_and_who_comes_that_the_call_was_not_made(make_pacer: MakePacer) -> None:
    pacer = make_pacer((1, 2 * SECOND))
    pacer.pass_one()

    with ThreadPoolExecutor(4) as threads:
        waiting = [threads.submit(pacer.pass_one) for _ in range(4)]
        pacer.close()
        errors = [call.exception(timeout=30) for call in waiting]

    assert [InterruptedCallError] * 4 == [type(error) for error in errors]
    with pytest.raises(InterruptedCallError):
        pacer.pass_one()
    assert 1 == pacer.calls


def test_three_windows_at_once_are_each_kept_over_restarts(make_pacer: MakePacer) -> None:
    limits = (5, timedelta(milliseconds=50)), (12, timedelta(milliseconds=300)), (30, SECOND)
    sent = []

    # A pacer of its own for every seven calls: as if the process had died and begun again.
    for _ in range(9):
        pacer = make_pacer(*limits)
        sent += [pacer.pass_one() for _ in range(7)]

    for limit, interval in limits:
        assert [] == overfull(sent, limit, interval)
    assert max(sent) - min(sent) < 2.5 * SECOND, "63 calls at 30 a second, and no window waited for in vain"


def test_two_processes_share_the_windows_of_a_credential(make_pacer: MakePacer) -> None:
    pacers = [make_pacer((10, timedelta(milliseconds=200))) for _ in range(3)]

    with ThreadPoolExecutor(3) as threads:
        moments = threads.map(lambda pacer: [pacer.pass_one() for _ in range(15)], pacers)

    assert [] == overfull([moment for some in moments for moment in some], 10, timedelta(milliseconds=200))


def test_a_larger_limit_keeps_the_calls_that_a_smaller_one_recorded(make_pacer: MakePacer) -> None:
    interval = timedelta(milliseconds=400)
    sent = [make_pacer((3, interval)).pass_one() for _ in range(3)]
    larger = make_pacer((8, interval))
    sent += [larger.pass_one() for _ in range(12)]
    assert [] == overfull(sent, 8, interval)
    smaller = make_pacer((2, interval))
    sent += [smaller.pass_one() for _ in range(4)]
    assert [] == overfull(sent[-5:], 2, interval)


def test_who_waits_for_a_window_sleeps_and_says_until_when(make_pacer: MakePacer) -> None:
    pacer = make_pacer((1, 2 * SECOND))
    sent = pacer.pass_one()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(pacer.pass_one)
        before = time.process_time()
        time.sleep(0.3)
        busy = time.process_time() - before
        assert pacer.wait is not None
        assert 2 * SECOND <= pacer.wait.until - sent < 3 * SECOND
        pacer.close()
        assert isinstance(waiting.exception(timeout=30), InterruptedCallError)
    print(f"processor time while waiting 0.3 s: {busy:.3f} s")  # noqa: T201  # a figure to watch


def test_who_would_wait_for_long_is_told_at_once_for_how_long(make_pacer: MakePacer) -> None:
    pacer = make_pacer((1, timedelta(hours=1)))
    sent = pacer.pass_one()
    began = time.monotonic()
    with pytest.raises(InterruptedCallError) as refused:
        pacer.pass_one()
    assert time.monotonic() - began < 1
    assert refused.value.wait_seconds == pytest.approx(3_600, abs=5)
    assert pacer.wait is not None
    assert timedelta(hours=1) <= pacer.wait.until - sent < timedelta(hours=1, seconds=1)
    assert RateLimit(1, timedelta(hours=1)) == pacer.wait.limit


def test_nobody_stands_long_in_a_line_that_moves_slowly(make_pacer: MakePacer) -> None:
    pacer = make_pacer((1, 2 * SECOND))
    pacer.pass_one()
    began = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        line = [threads.submit(pacer.pass_one) for _ in range(4)]
        errors = [call.exception(timeout=30) for call in line]
    assert time.monotonic() - began < 2 * WAIT_SECONDS_MAX + 1
    assert 3 <= errors.count(None) + sum(isinstance(error, InterruptedCallError) for error in errors) <= 4
    assert any(isinstance(error, InterruptedCallError) for error in errors)


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(b"something else, longer than a header")
    with pytest.raises(CorruptionError, match="is no rate ledger"):
        RateLedger(path, 10)
    assert b"something else, longer than a header" == path.read_bytes()


def test_the_calls_of_the_last_ten_seconds_tell_the_pace(make_pacer: MakePacer) -> None:
    clock = ShiftedClock()
    pacer = make_pacer((1_000, timedelta(minutes=1)), clock=clock)
    assert 0.0 == pacer.calls_per_second()
    for _ in range(20):
        pacer.pass_one()
        clock.set_by(0.5)

    assert pacer.calls_per_second() == pytest.approx(2.0, rel=0.1)
    clock.set_by(11)
    assert 0.0 == pacer.calls_per_second()


def test_a_burst_is_not_told_for_the_pace(make_pacer: MakePacer) -> None:
    clock = ShiftedClock()
    pacer = make_pacer((5, SECOND), clock=clock)
    for _ in range(25):
        for _ in range(5):
            pacer.pass_one()
        clock.set_by(2)
        assert pacer.calls_per_second() <= 5


def test_a_limit_that_never_bites_makes_no_large_ledger() -> None:
    assert 100_000 == remembered([RateLimit(90_000, SECOND), RateLimit(50_000, timedelta(hours=1))])
    assert 200 == remembered([RateLimit(20, SECOND)])
    assert 40_000 == remembered([RateLimit(20, SECOND), RateLimit(40_000, timedelta(days=1))])


def test_a_quick_limit_is_told_by_as_many_calls_as_it_takes(make_pacer: MakePacer) -> None:
    clock = ShiftedClock()
    pacer = make_pacer((5, SECOND), clock=clock)
    for _ in range(40):
        pacer.pass_one()
        clock.set_by(0.25)

    assert pacer.calls_per_second() == pytest.approx(4.0, rel=0.1)


def test_sources_of_one_credential_keep_the_limits_of_each_other_while_both_ask(tmp_path: Path) -> None:
    """Whoever declares less for a credential is believed: the provider counts its calls together."""
    clock = ShiftedClock()
    windows = Windows()
    quick, slow = [RateLimit(20, SECOND)], [RateLimit(3, SECOND)]
    with (
        closing(RateLedger(tmp_path / "ledger", remembered(quick))) as one,
        closing(RateLedger(tmp_path / "ledger", remembered(slow))) as other,
    ):
        pacers = [Pacer(quick, one, clock, windows=windows), Pacer(slow, other, clock, windows=windows)]
        sent = [pacers[number % 2].pass_one() for number in range(12)]
        assert all(later - earlier >= SECOND for earlier, later in zip(sent[1:], sent[4:], strict=False))

        clock.set_by(60)
        again = [pacers[0].pass_one() for _ in range(20)]
        assert again[-1] - again[0] < SECOND
