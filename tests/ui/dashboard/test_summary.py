"""The summary says what the query selects, and whether the operator allows it."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.ui.dashboard.waiting import until
from ui.dashboard.estimating import estimator_of
from ui.dashboard.plots.palette import BAD, GOOD, WARN
from ui.dashboard.summary import Summary, num_conditions, summary_html


@pytest.fixture(autouse=True)
def here(services, monkeypatch):
    monkeypatch.setattr(services, "compute", services.run)


def limits(alerts=None, nbytes=None):
    return SimpleNamespace(max_alerts=alerts, max_nbytes=nbytes)


def made(session, limits):
    """Return the summary of a session as soon as its estimate is there."""

    async def look():
        estimator = estimator_of(session)
        await until(lambda: estimator.estimate or estimator.problem)
        return summary_html(session.query, estimator, limits)

    return asyncio.run(look())


def test_it_says_in_words_what_is_chosen(session):
    session.query.update(
        nights=["2021-11-22:2021-11-24"],
        where="candidate.magpsf > 0; candidate.rb >= 0 -- a; b;",
        exclude_classes=["QSO"],
    )
    html = made(session, limits())
    for text in (" alerts, ", "22 Nov 2021 to 24 Nov 2021, 2 with data", "all, without QSO", "<dd>2</dd>"):
        assert text in html


@pytest.mark.parametrize(("most", "colour"), [(1000, GOOD), (22, WARN), (19, BAD)])
def test_the_gauge_of_alerts_is_held_against_the_operators_limit(session, most, colour):
    session.query.nights = ["2021-11"]
    html = made(session, limits(alerts=most))
    assert f"stroke:{colour}" in html
    assert ("above the limit of 19" in html) == (most == 19)


def test_without_limits_nothing_is_too_much(session):
    session.query.nights = ["2021-11"]
    html = made(session, limits())
    assert "100% of the nights" in html
    assert f"stroke:{GOOD}" in html


def test_bytes_are_held_against_their_limit(session):
    session.query.nights = ["2021-11"]
    assert "above the limit of 10 bytes" in made(session, limits(nbytes=10))


def test_an_empty_result_is_told_from_a_failure(session):
    session.query.update(nights=["2021-11-22"], where="candidate.magpsf < 0")
    assert "No alert fulfils this" in made(session, limits())


def test_what_users_wrote_is_text(session):
    session.query.update(nights=["2021-11-22"], classes=["<script>alert(1)</script>"], where="<img src=x>")
    assert "<script" not in made(session, limits())


def test_an_error_stands_in_the_summary_only_where_its_step_does_not_show_it(session):
    session.query.update(nights=["2021-11-22"], where="candidate.foo > 1")

    async def look():
        view = Summary(session).view()
        await until(lambda: estimator_of(session).problem)

        def shown():
            return " ".join(str(part.object) for part in view.select(lambda part: hasattr(part, "object")))

        await until(lambda: "there is no field candidate.foo" in shown())
        session.step = 1
        await until(lambda: "there is no field candidate.foo" not in shown())
        assert "can't be sent as it is" in shown().replace("&#x27;", "'")

    asyncio.run(look())


@pytest.mark.parametrize(
    ("where", "number"),
    [("", 0), ("a > 1", 1), ("a > 1;\nb = ';';", 2), ("-- a; b\na > 1;;\n", 1), ("-- only words", 0)],
)
def test_conditions_are_counted_as_they_are_meant(where, number):
    assert num_conditions(where) == number


def test_an_interval_is_told_and_the_exact_number_is_a_click_away(session):
    session.query.nights = ["2021-11"]

    async def look():
        view = Summary(session).view()
        estimator = estimator_of(session)
        [button] = view.select(lambda part: getattr(part, "label", "") == "Count exactly")
        await until(lambda: estimator.estimate)
        assert not button.visible
        estimator.estimate = replace(estimator.estimate, exact=False, num_alerts_low=15, num_alerts_high=26)
        html = summary_html(session.query, estimator, limits())
        assert "About 20 alerts" in html
        assert "most likely 15 to 26" in html
        await until(lambda: button.visible)
        button.param.trigger("clicks")
        await until(lambda: estimator.estimate.exact)
        await until(lambda: not button.visible)

    asyncio.run(look())
