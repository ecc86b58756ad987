"""What an operator allows one request, in numbers, before anything is started."""

import pytest

import engine
from engine.errors import RequestError
from engine.transfer.allowed import check_alerts, check_nights

NIGHTS = ["2021-11-22", "2021-11-23"]


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    nights = engine.TransferRequest(nights=NIGHTS).dates()
    return engine.write_sample(tmp_path_factory.mktemp("allowed"), nights=nights, alerts_per_night=30).archive


def limits(**given: int):
    return engine.Settings(limits=given).limits


def plan(archive: str, **more: object) -> engine.TransferPlan:
    return engine.plan(engine.TransferRequest(archive=archive, nights=NIGHTS, **more), settings=engine.Settings())


def test_nights_are_counted_as_they_are_asked_for():
    request = engine.TransferRequest(nights=["2021-11", "2021-11-22"])
    check_nights(request, limits(max_nights=30))
    check_nights(request, limits())
    with pytest.raises(RequestError, match="30 nights") as caught:
        check_nights(request, limits(max_nights=29))
    assert "29 nights at most, by limits.max_nights" in caught.value.accepted


@pytest.mark.parametrize(
    ("more", "allowed", "refused"),
    [
        ({}, {"max_alerts": 60}, {"max_alerts": 59}),
        ({"limit": 10}, {"max_alerts": 10}, {"max_alerts": 9}),
        ({"limit": 1000}, {"max_alerts": 60}, {"max_alerts": 59}),
        ({"where": "candidate.magpsf > 17", "limit": 10}, {"max_alerts": 10}, {"max_alerts": 9}),
        ({"where": "candidate.magpsf > 17"}, {"max_alerts": 1, "max_nbytes": 1}, None),
    ],
)
def test_alerts_are_counted_where_their_number_is_known(archive, more, allowed, refused):
    found = plan(archive, **more)
    check_alerts(found, limits(**allowed))
    if refused:
        with pytest.raises(RequestError, match="alerts") as caught:
            check_alerts(found, limits(**refused))
        assert f"{refused['max_alerts']} alerts at most" in caught.value.accepted


def test_bytes_are_those_of_the_archive(archive):
    found = plan(archive)
    nbytes = 60 * found.alert_nbytes
    check_alerts(found, limits(max_nbytes=nbytes))
    with pytest.raises(RequestError, match=f"{nbytes:,} bytes"):
        check_alerts(found, limits(max_nbytes=nbytes - 1))


def test_submit_asks_before_anything_is_started(archive, kafka):
    request = engine.TransferRequest(archive=archive, nights=NIGHTS)
    for given in ({"max_nights": 1}, {"max_alerts": 59}):
        with pytest.raises(RequestError) as caught:
            engine.submit(request, settings=engine.Settings(kafka=kafka, limits=given))
        assert f"limits.{next(iter(given))}" in caught.value.accepted
