"""An error stands beside what caused it, and its place in the conditions is known."""

import pytest

import engine
from ui.dashboard.causes import cause_of, place_of


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"where": "candidate.foo > 1"}, "where"),
        ({"where": "candidate.magpsf >"}, "where"),
        ({"classes": ["SN candidatee"]}, "classes"),
        ({"exclude_classes": ["(TNS) SN Iaa"]}, "classes"),
        ({"nights": ["2021-11-23"]}, "data"),
        ({"nights": ["2021-13"]}, "data"),
        ({"content": "fields"}, "fields"),
        ({"content": "fields", "fields": ["candidate.foo"]}, "fields"),
    ],
)
def test_the_engines_errors_have_their_places(session, values, cause):
    session.query.update(**({"nights": ["2021-11-22"]} | values))
    with pytest.raises(engine.AlertTransferError) as caught:
        engine.plan(session.query.request())
    assert cause_of(caught.value, session.query) == cause


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("candidate.magpsf > 18;\n  candidate.foo < 2", (2, 3, 13)),
        ("candidate.magpsf > ", (1, 18, 1)),
    ],
)
def test_the_place_in_the_conditions_is_where_the_carets_are(session, where, place):
    session.query.update(nights=["2021-11-22"], where=where)
    with pytest.raises(engine.ConditionError) as caught:
        engine.plan(session.query.request())
    assert place_of(caught.value) == place


def test_an_error_without_a_place_has_none():
    assert place_of(engine.RequestError("no")) is None
