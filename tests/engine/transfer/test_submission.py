"""A test job: the first ten alerts, in a topic that says so."""

import datetime as dt
import re

import pytest

import engine
from engine.errors import RequestError
from engine.planning import new_topic


@pytest.mark.parametrize("limit", [1, 9, 11])
def test_a_limit_beside_a_test_is_refused_before_anything_is_asked(limit):
    request = engine.TransferRequest(archive="/no/such/archive", nights="2021-11-22", limit=limit)
    with pytest.raises(RequestError, match=f"test=True is limit=10, and limit={limit} is given") as raised:
        engine.submit(request, settings=engine.Settings(), test=True)
    assert raised.value.accepted == "one of the two"


def test_a_test_s_topic_says_so():
    now = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
    names = [new_topic("ztf", now, is_test=is_test) for is_test in (True, True, False)]
    assert re.fullmatch(r"ftransfer_ztf_2026-11-26_test_[0-9a-f]{12}", names[0])
    assert re.fullmatch(r"ftransfer_ztf_2026-11-26_[0-9a-f]{12}", names[2])
    assert len(set(names)) == 3
