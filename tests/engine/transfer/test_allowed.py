"""What an operator allows one request, in numbers, before anything is started."""

import pytest

import engine
from engine import estimation
from engine.errors import RequestError
from engine.transfer.allowed import check_alerts, check_nights

NIGHTS = ["2021-11-22", "2021-11-23"]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    nights = engine.TransferRequest(nights=NIGHTS).dates()
    return engine.write_sample(tmp_path_factory.mktemp("allowed"), nights=nights, alerts_per_night=30).archive


def settings(**given: int) -> engine.Settings:
    return engine.Settings(limits=given)


def plan(archive: str, **more: object) -> engine.TransferPlan:
    return engine.plan(engine.TransferRequest(archive=archive, nights=NIGHTS, **more), settings=engine.Settings())


def test_nights_are_counted_as_they_are_asked_for():
    request = engine.TransferRequest(nights=["2021-11", "2021-11-22"])
    check_nights(request, settings(max_nights=30).limits)
    check_nights(request, settings().limits)
    with pytest.raises(RequestError, match="30 nights") as caught:
        check_nights(request, settings(max_nights=29).limits)
    assert "29 nights at most, by limits.max_nights" in caught.value.accepted


@pytest.mark.parametrize(
    ("more", "most"),
    [
        ({}, 60),
        ({"limit": 10}, 10),
        ({"limit": 1000}, 60),
        ({"where": "candidate.magpsf > 0"}, 60),
        ({"where": "candidate.magpsf > 0", "limit": 10}, 10),
    ],
)
def test_as_many_alerts_as_are_allowed_pass_and_one_more_is_refused_in_numbers(archive, more, most):
    found = plan(archive, **more)
    check_alerts(found, settings(max_alerts=most))
    with pytest.raises(RequestError, match=f"sends {most} alerts") as caught:
        check_alerts(found, settings(max_alerts=most - 1))
    assert f"{most - 1} alerts at most, by limits.max_alerts" in caught.value.accepted


def test_conditions_count_so_that_a_large_archive_is_no_reason(archive):
    check_alerts(plan(archive, where="candidate.magpsf < 0"), settings(max_alerts=1, max_nbytes=1))


def test_bytes_are_those_of_datums_as_they_are_measured(archive):
    found = plan(archive, where="candidate.magpsf > 0")
    estimate = estimation.estimate_plan(found, settings=engine.Settings())
    check_alerts(found, settings(max_nbytes=estimate.nbytes))
    with pytest.raises(RequestError, match=f"60 alerts of about .* {estimate.nbytes:,} bytes"):
        check_alerts(found, settings(max_nbytes=estimate.nbytes - 1))


@pytest.mark.parametrize("more", [0, 1])
def test_where_a_sample_can_not_tell_all_alerts_are_counted_and_that_is_said(archive, monkeypatch, more):
    monkeypatch.setattr("engine.estimation.estimating.SMALL", 0)
    found = plan(archive, where="candidate.magpsf > 19")
    truth = engine.preview(found.request, limit=60, settings=engine.Settings()).num_rows
    assert 2 <= truth < 60
    told: list[str] = []
    if more:
        check_alerts(found, settings(max_alerts=truth), on_wait=told.append)
    else:
        with pytest.raises(RequestError, match=f"sends {truth} alerts"):
            check_alerts(found, settings(max_alerts=truth - 1), on_wait=told.append)
    assert "counting all alerts of these nights" in told
