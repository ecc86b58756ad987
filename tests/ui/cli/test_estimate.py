"""`alert-transfer estimate`."""

import pytest

import engine
from tests.command_line import document, run_here


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    nights = engine.TransferRequest(nights=["2021-11-22"]).dates()
    return engine.write_sample(tmp_path_factory.mktemp("estimate"), nights=nights, alerts_per_night=60).archive


def test_it_tells_how_many_alerts_a_request_selects(archive):
    words = ("estimate", "--archive", archive, "--nights", "2021-11-22", "--where", "candidate.magpsf > 0")
    done = run_here(*words)
    assert done.returncode == 0
    assert "60 alerts" in done.stdout
    assert "all 60 alerts of these nights" in done.stdout
    found = document(run_here(*words, "--exact", "--json"))
    assert (found["num_alerts"], found["exact"], found["per_night"]) == (60, True, {"2021-11-22": 60})
    assert document(run_here(*words, "--exact", "--json"))["from_cache"] is True


def test_a_request_that_is_not_valid_is_bad_input(archive):
    done = run_here("estimate", "--archive", archive, "--nights", "2021-11-22", "--where", "candidate.nope > 0")
    assert done.returncode == 2
    assert "candidate.nope" in done.stderr
