"""One service for all tests of a file: each makes its own batches."""

from collections.abc import Iterator

import pytest

from tests.e2e.machine import TOKEN
from tests.web.service import EVERYBODY, Service
from tests.web.service import service as running_service


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SANDBOX_TOKEN", TOKEN)
        with running_service(tmp_path_factory.mktemp("service")) as lent:
            yield lent


@pytest.fixture(scope="module")
def finished(service: Service) -> str:
    """Give a batch that is over: everybody of the market, and one whom it does not know."""
    return service.finished(service.ordered([*EVERYBODY, "nobody/at all"]))
