"""What every test shares: a clean environment, and the real data beside the checkout."""

import os
from pathlib import Path

import hypothesis
import pytest

# A busy machine is not a failing property.
hypothesis.settings.register_profile("prograde", deadline=None)
# make fuzz: as many examples as somebody has patience for.
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=int(os.environ.get("EXAMPLES", "5000")))
# make test-gcp: there an example is a dozen calls to a stand-in, and others try many.
hypothesis.settings.register_profile("few", deadline=None, max_examples=6)
hypothesis.settings.load_profile("prograde")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings and proxies of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("PROGRADE_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_data(pytestconfig: pytest.Config) -> Path:
    """
    The folder of real data beside the checkout.

    A test that needs it fails when it is missing: a skipped oracle proves nothing.
    """
    folder = (pytestconfig.rootpath / ".." / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.fail(f"this test needs real data in ../shared/data beside the checkout, and {folder} is no folder")
    return folder
