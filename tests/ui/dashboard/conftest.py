"""What tests of the page's parts share: a small archive, and a session on it that no browser has."""

from collections.abc import Iterator

import pytest

import engine
from ui.dashboard.services import Services
from ui.dashboard.session import Session, User


@pytest.fixture(scope="session")
def sample_archive(tmp_path_factory) -> str:
    """Root of an archive of two nights, ten alerts each."""
    folder = tmp_path_factory.mktemp("page")
    return engine.write_sample(folder, nights=["2021-11-22", "2021-11-24"], alerts_per_night=10).archive


@pytest.fixture
def services(sample_archive) -> Iterator[Services]:
    """Services of two sources: ZTF's archive, and one of LSST that nobody has read."""
    sources = {
        "main": {"archive": sample_archive},
        "rubin": {"archive": "/nowhere/lsst", "survey": "lsst", "tns_catalogue": "/nowhere/tns.parquet"},
    }
    made = Services(engine.Settings(kafka="127.0.0.1:1", dashboard={"sources": sources}))
    yield made
    made.close()


@pytest.fixture
def session(services) -> Iterator[Session]:
    """A session of the user `me`."""
    made = Session(services, User(name="me"))
    yield made
    made.end()
