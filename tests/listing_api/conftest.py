"""Tests that are marked `both_ways` run in a thread, as in the cloud, and in a green thread, as on one machine."""

from collections.abc import Callable, Generator
from concurrent.futures import Future

import pytest

from prograde.adapters.local.green_threads import GreenThreads


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both_ways"):
        metafunc.fixturenames.append("way")
        metafunc.parametrize("way", ["thread", "green"])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    callspec = getattr(pyfuncitem, "callspec", None)
    if callspec is not None and callspec.params.get("way") == "green":
        pyfuncitem.obj = _in_green(pyfuncitem.obj)
    return (yield)


def _in_green(test: Callable[..., None]) -> Callable[..., None]:
    def run(**fixtures: object) -> None:
        done: Future[None] = Future()

        def work() -> None:
            try:
                test(**fixtures)
                done.set_result(None)
            except BaseException as error:  # noqa: BLE001  # raised in the thread of the test
                done.set_exception(error)

        with GreenThreads("test") as green:
            green.submit(work)
        done.result()

    return run
