"""Alerts a second over a job's time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.dashboard.plots import Finished, RatePlot, rates_of

part = st.builds(
    Finished,
    time=st.floats(-100, 5_000),
    seconds=st.floats(0, 1_000),
    num_alerts=st.integers(0, 10**6),
)


@given(st.lists(part, max_size=20), st.floats(0, 4_000))
def test_the_spans_hold_all_alerts_whatever_the_clocks_say(parts, length):
    rates = rates_of(parts, begun=0, until=length)
    sent = (rates.alerts_per_s * np.diff(rates.edges_s)).sum()
    assert sent == pytest.approx(sum(one.num_alerts for one in parts))
    assert (rates.alerts_per_s >= -1e-6).all()
    assert len(rates.alerts_per_s) <= 60


def test_a_part_counts_over_the_seconds_that_it_took():
    rates = rates_of([Finished(time=110, seconds=5, num_alerts=1_000)], begun=100, until=110)
    assert rates.alerts_per_s.tolist() == pytest.approx([0] * 5 + [200] * 5)
    assert "200 alerts a second" in rates.text


def test_nothing_sent_is_said_and_drawn():
    rates = rates_of([], begun=0, until=0)
    plot = RatePlot("#000000")
    plot.show(rates)
    assert "No alert" in rates.text
    assert rates.alerts_per_s.tolist() == [0]
