"""Counts of alerts by brightness."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ui.dashboard.plots import Brightness, HistogramPlot

values = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=50)


@given(st.lists(values, max_size=4), st.booleans())
def test_each_alert_is_in_a_bar_or_without_one(batches, is_magnitude):
    counted = Brightness(is_magnitude=is_magnitude)
    for batch in batches:
        counted.add(np.array(batch, dtype=np.float64))
    bars = counted.bars()
    assert bars.counts.sum() == counted.num_counted
    assert counted.num_counted + counted.num_without == sum(map(len, batches))
    assert len(bars.edges) == len(bars.counts) + 1
    assert len(bars.counts) <= 42


def test_bars_begin_where_the_alerts_do_and_the_text_says_so():
    counted = Brightness(is_magnitude=True)
    counted.add(np.array([17.02, 17.03, 18.98, np.nan]))
    bars = counted.bars()
    assert (round(bars.edges[0], 6), round(bars.edges[-1], 6)) == (17.0, 19.0)
    text = counted.text(name="magnitude", unit="mag")
    assert "3 alerts of magnitude 17.0 to 19.0 mag" in text
    assert "1 without one" in text


def test_a_flux_counts_by_its_logarithm_and_those_below_zero_are_told():
    counted = Brightness(is_magnitude=False)
    counted.add(np.array([1e3, 1e5, -20.0, 0.0]))
    assert counted.num_counted == 2
    assert "2 not above zero" in counted.text(name="flux", unit="nJy")
    plot = HistogramPlot(name="flux", unit="nJy", is_magnitude=False, colour="#000000")
    plot.show(counted.bars())
    assert plot.figure.x_range.flipped


def test_no_alert_with_a_brightness_is_said():
    assert "No alert" in Brightness(is_magnitude=True).text(name="magnitude", unit="mag")
