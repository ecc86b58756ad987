"""An archive of a few small files, and a cache that is the test's own."""

from pathlib import Path

import pytest

from tests.engine.catalogue.archives import alerts, write


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path) -> Path:
    """Two nights of one month and one of another; one file lacks finkclass."""
    root = tmp_path / "science"
    write(root, "2021-11-22", "a", alerts(0, 10))
    write(root, "2021-11-22", "b", alerts(10, 6, finkclass=False))
    write(root, "2021-11-23", "a", alerts(20, 8, ra=200.0))
    write(root, "2022-01-01", "a", alerts(30, 5))
    return root
