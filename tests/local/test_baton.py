import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from prograde.adapters.local.baton import Baton

PATIENCE_SECONDS = 30.0


@pytest.fixture
def others() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as others:
        yield others


def test_one_holds_it_at_a_time(others: ThreadPoolExecutor) -> None:
    baton, began = Baton(), threading.Event()

    def work() -> None:
        with baton.held():
            began.set()

    with baton.held():
        other = others.submit(work)
        assert not began.wait(0.05)
    other.result(PATIENCE_SECONDS)
    assert began.is_set()


def test_who_puts_it_down_lets_others_work_and_then_goes_on_alone(others: ThreadPoolExecutor) -> None:
    baton = Baton()

    def work() -> bool:
        with baton.held():
            return True

    with baton.held():
        with baton.put_down():
            assert others.submit(work).result(PATIENCE_SECONDS)
        late = others.submit(work)
        assert not late.done()
    assert late.result(PATIENCE_SECONDS)


def test_who_does_not_hold_it_puts_nothing_down(others: ThreadPoolExecutor) -> None:
    baton = Baton()

    def wait() -> bool:
        with baton.put_down():
            return True

    def work() -> bool:
        with baton.held():
            return True

    with baton.held():
        assert others.submit(wait).result(PATIENCE_SECONDS)
        late = others.submit(work)
        assert not late.done()
    assert late.result(PATIENCE_SECONDS)


def test_an_error_passes_it_on() -> None:
    baton = Baton()

    for _ in range(2):
        with pytest.raises(ZeroDivisionError), baton.held(), baton.put_down():
            raise ZeroDivisionError
