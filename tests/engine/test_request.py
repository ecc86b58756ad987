"""TransferRequest: what is accepted, what is refused, and how it travels."""

import datetime as dt

import pytest

from engine.errors import InputError, RequestError
from engine.request import TransferRequest, parse_nights


def test_defaults():
    request = TransferRequest(nights="2021-11-22")
    assert (request.survey, request.content, request.limit, request.where) == ("ztf", "lightcurve", None, None)
    assert request.to_dict() == {"nights": ["2021-11-22"]}


def test_nights_are_ordered_and_unique():
    nights = parse_nights(["2021-12-31:2022-01-02", "2021-11-22", "2022-01-01"])
    assert nights == [dt.date(2021, 11, 22), dt.date(2021, 12, 31), dt.date(2022, 1, 1), dt.date(2022, 1, 2)]


def test_a_request_survives_yaml():
    request = TransferRequest(
        archive="s3://bucket/science",
        nights=["2021-11-22:2021-11-30", "2022-08-04"],
        classes=["SN candidate", "(TNS) SN Ia"],
        exclude_classes="Solar System MPC",
        where="candidate.magpsf > 19.5; -- faint\ncandidate.ssnamenr = 'null;';",
        content="fields",
        fields=["candidate.magpsf", "cdsxmatch"],
        limit=10,
        topic="ftransfer_ztf_mine",
        skip_unreadable=True,
        widen="candidate.fid",
    )
    assert TransferRequest.from_yaml(request.to_yaml()) == request


def test_yaml_dates_are_nights():
    assert TransferRequest.from_yaml("nights: 2021-11-22").nights == ("2021-11-22",)
    assert TransferRequest.from_yaml("nights: [2021-11-22, 2021-11-23]").nights == ("2021-11-22", "2021-11-23")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "nights"),
        ({"nights": []}, "nights"),
        ({"nights": "22-11-2021"}, "22-11-2021"),
        ({"nights": "2021-02-30"}, "2021-02-30"),
        ({"nights": "2021-11-22:2021-11-20"}, "2021-11-22:2021-11-20"),
        ({"nights": "2021-11-22:2021-11-23:2021-11-24"}, "range"),
        ({"nights": 20211122}, "20211122"),
        ({"nights": "2021-11-22", "content": "lightcurves"}, "did you mean 'lightcurve'"),
        ({"nights": "2021-11-22", "content": "fields"}, "no field"),
        ({"nights": "2021-11-22", "fields": ["candid"]}, "'lightcurve'"),
        ({"nights": "2021-11-22", "limit": 0}, "0"),
        ({"nights": "2021-11-22", "limit": True}, "True"),
        ({"nights": "2021-11-22", "limit": "ten"}, "ten"),
        ({"nights": "2021-11-22", "survey": "lsst"}, "lsst"),
        ({"nights": "2021-11-22", "topic": "mine"}, "ftransfer_"),
        ({"nights": "2021-11-22", "topic": "ftransfer_x_schema"}, "_schema"),
        ({"nights": "2021-11-22", "topic": "ftransfer_with space"}, "with space"),
        ({"nights": "2021-11-22", "where": 3}, "3"),
        ({"nights": "2021-11-22", "classes": [3]}, "3"),
        ({"nights": "2021-11-22", "skip_unreadable": "yes"}, "yes"),
        ({"nights": "2021-11-22", "clases": ["SN"]}, "did you mean 'classes'"),
    ],
)
def test_what_is_wrong_is_said(values, said):
    with pytest.raises(InputError) as caught:
        TransferRequest.from_dict(values)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b", "nights: [", "just text"])
def test_yaml_that_is_no_request_is_refused(text):
    with pytest.raises(RequestError):
        TransferRequest.from_yaml(text)


def test_requests_are_immutable():
    with pytest.raises(AttributeError):
        TransferRequest(nights="2021-11-22").limit = 3
