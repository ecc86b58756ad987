"""What the settings name is tried, and told within a time."""

import socket
import time

import pytest

import engine
from engine.transfer import check_settings


@pytest.fixture
def silent() -> str:
    """Address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_nothing_is_needed():
    assert [(one.name, one.state) for one in check_settings(engine.Settings())] == [
        *(("archive", "not set"), ("kafka", "not set"), ("dask", "not set")),
    ]


def test_what_answers_is_described(tmp_path, kafka, dask_client):
    made = engine.write_sample(tmp_path, alerts_per_night=5)
    address = dask_client.scheduler.address
    archive, broker, dask = check_settings(engine.Settings(archive=made.archive, kafka=kafka, dask=address))
    assert (archive.state, broker.state, dask.state) == ("ok", "ok", "ok")
    assert archive.message == "3 years, year=2021 to year=2025"
    assert "topic" in broker.message
    assert dask.message == "2 workers, 2 threads"


def test_whatever_hangs_is_told_in_time(silent):
    away = {"endpoint_url": f"http://{silent}", "anon": True}
    settings = engine.Settings(archive="s3://b/x", storage_options=away, kafka=silent, dask=f"tcp://{silent}")
    begun = time.monotonic()
    found = check_settings(settings, within_s=0.5)
    assert time.monotonic() - begun < 9
    assert [one.state for one in found] == ["failed"] * 3
    assert {one.message for one in found} == {"no answer within 0.5 s"}
    assert all(one.next_step for one in found)
    assert found[1].address == silent


def test_what_is_wrong_is_told_with_a_next_step(tmp_path, dask_client, monkeypatch):
    monkeypatch.setenv("ONLY_HERE_IS_THIS_SET", "a-secret")
    settings = engine.Settings(
        archive=str(tmp_path / "none"),
        kafka="127.0.0.1:1",
        dask=dask_client.scheduler.address,
        storage_options={"secret": {"env": "ONLY_HERE_IS_THIS_SET"}},
    )
    archive, broker, dask = check_settings(settings)
    assert (archive.state, broker.state, dask.state) == ("failed", "failed", "failed")
    assert "year=" in archive.message
    assert "127.0.0.1:1" in broker.message
    assert "ONLY_HERE_IS_THIS_SET, which is not set on the worker tcp://" in dask.message
    assert "1 other worker" in dask.message
    assert archive.next_step
    assert broker.next_step
    assert dask.next_step
    in_clear = settings.model_copy(update={"storage_options": {"secret": "hunter2"}, "archive": None, "kafka": None})
    *_, dask = check_settings(in_clear)
    assert "storage_options.secret would be sent" in dask.message
    assert "hunter2" not in str(dask)
