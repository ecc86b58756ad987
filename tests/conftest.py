"""Fixtures that every room's tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import distributed
import hypothesis
import pytest

from engine.local import local_cluster, start_broker

# Machines are busy with other work at times: how long an example takes to draw or to run says nothing of the code.
hypothesis.settings.register_profile(
    "any-machine",
    hypothesis.settings.default,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any-machine")

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("ALERT_TRANSFER_SHARED", REPOSITORY.parent / "shared"))


def _shared(name: str) -> Path:
    path = SHARED / name
    if not path.is_dir():
        pytest.skip(f"the real alerts are not here: no {path} (set ALERT_TRANSFER_SHARED to the folder that has them)")
    return path


@pytest.fixture(scope="session")
def shared_archive() -> Path:
    """Root of the archive of real alerts: 106 of them, four nights."""
    return _shared("fink-archive") / "science"


@pytest.fixture(scope="session")
def shared_service() -> Path:
    """Folder with a real Avro schema and 31 real output alerts of the service that this project replaces."""
    return _shared("fink-service")


@pytest.fixture(scope="session")
def shared_surveys() -> Path:
    """Folder with 27 real alerts of LSST and 556 simulated ones of ELAsTiCC, a Parquet file each."""
    return _shared("other-surveys")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Address of a real Kafka."""
    with start_broker() as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def dask_client() -> Iterator[distributed.Client]:
    """Client of a real Dask cluster: a scheduler and two workers, processes of their own."""
    with local_cluster(num_workers=2) as client:
        yield client
