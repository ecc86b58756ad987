"""Bars of nights, and what brushing over them chooses."""

import datetime as dt
from types import SimpleNamespace

import pytest
from bokeh.events import SelectionGeometry, Tap

from ui.dashboard.night_chart import NightChart, bars_of

DAY = dt.timedelta(days=1)
FIRST = dt.date(2021, 11, 20)


def milliseconds(night, hours=0):
    return (
        dt.datetime(night.year, night.month, night.day) - dt.datetime(1970, 1, 1)
    ).total_seconds() * 1e3 + hours * 36e5


@pytest.fixture
def brushed():
    return []


@pytest.fixture
def chart(brushed):
    made = NightChart(lambda *nights: brushed.append(nights))
    made.show({FIRST + number * DAY: 10 * number for number in range(5)}, [FIRST])
    return made


def test_few_nights_have_a_bar_each_and_many_one_a_month():
    assert bars_of({FIRST: 3}) == [(FIRST, FIRST, 3)]
    many = {dt.date(2020, 1, 1) + number * DAY: 1 for number in range(366)}
    bars = bars_of(many)
    assert len(bars) == 12
    assert bars[1] == (dt.date(2020, 2, 1), dt.date(2020, 2, 29), 29)
    assert bars_of({}) == []


def test_the_chosen_nights_stand_out(chart):
    [source] = [renderer.data_source for renderer in chart.plot.renderers]
    assert [alpha == 1 for alpha in source.data["alpha"]] == [True, False, False, False, False]
    chart.choose([FIRST + DAY, FIRST + 2 * DAY])
    assert [alpha == 1 for alpha in source.data["alpha"]] == [False, True, True, False, False]


def test_a_brush_chooses_the_nights_that_it_touches(chart, brushed):
    geometry = {"type": "rect", "x0": milliseconds(FIRST + DAY, 1), "x1": milliseconds(FIRST + 3 * DAY, -1)}
    chart.plot._trigger_event(SelectionGeometry(chart.plot, geometry=geometry, final=False))
    assert brushed == []
    chart.plot._trigger_event(SelectionGeometry(chart.plot, geometry=geometry, final=True))
    assert brushed == [(FIRST + DAY, FIRST + 3 * DAY)]


def test_a_tap_chooses_a_night_and_beside_the_bars_nothing(chart, brushed):
    chart.plot._trigger_event(Tap(chart.plot, x=milliseconds(FIRST + 2 * DAY)))
    chart.plot._trigger_event(Tap(chart.plot, x=milliseconds(FIRST + 300 * DAY)))
    assert brushed == [(FIRST + 2 * DAY, FIRST + 2 * DAY)]


def test_an_empty_archive_has_an_empty_chart(brushed):
    chart = NightChart(lambda *nights: brushed.append(nights))
    chart.show({}, [])
    chart.plot._trigger_event(Tap(chart.plot, x=0))
    assert brushed == []
    assert SimpleNamespace(**chart.plot.renderers[0].data_source.data).top == []
