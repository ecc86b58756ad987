"""A line through what was measured: what is fixed, and what each one more takes."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from benchmarks.figures import Figure
from benchmarks.fitting import Line, fit, fitted_figures, points_of

COSTS = st.floats(0.001, 1_000)


@given(COSTS, COSTS, st.lists(st.integers(1, 10**6), min_size=2, max_size=6, unique=True))
def test_a_line_is_found_again(fixed, each, numbers):
    line = fit([(number, fixed + each * number) for number in numbers])
    for number in numbers:
        assert line.at(number) == pytest.approx(fixed + each * number, rel=1e-6)


def test_each_point_counts_by_the_share_by_which_it_is_missed():
    exact = [(1, 2.0), (10, 11.0), (100, 101.0)]
    line = fit([*exact, (1_000, 1.1 * 1_001)])
    assert line.each == pytest.approx(1, rel=0.1)
    assert line.fixed == pytest.approx(1, abs=0.15), "a tenth of a large one is no reason to miss all small ones"


def test_neither_cost_is_below_zero():
    assert fit([(1, 5.0), (2, 4.0), (4, 3.5)]).each == 0
    falling = fit([(1, 5.0), (2, 5.0), (4, 4.9)])
    assert falling == Line(fixed=pytest.approx(4.97, abs=0.01), each=0)
    assert fit([(1, 1.0), (10, 20.0)]).fixed == 0
    assert fit([(3, 6.0), (3, 6.0)]) == Line(fixed=0, each=2)


def figure(case: str, quantity: str, *runs: float, what: str = "alert-transfer") -> Figure:
    return Figure(section="growth", case=case, what=what, quantity=quantity, runs=runs)


def test_figures_of_an_axis_are_fitted_by_their_medians():
    figures = [
        figure("fragments 2000", "cpu_s", 21.0),
        figure("fragments 500", "cpu_s", 6.0, 900.0, 5.0),
        figure("fragments 500", "cpu_s", 1.0, what="status"),
        figure("fragments 500", "seconds", 3.0),
        figure("alerts 500", "cpu_s", 3.0),
    ]
    assert points_of(figures, "fragments", "cpu_s") == [(500, 6.0), (2_000, 21.0)]
    found = {
        (one.case, one.quantity): one.median for one in fitted_figures(figures, ["fragments"], ["cpu_s", "seconds"])
    }
    assert found == {
        ("fragments", "fixed_cpu_s"): pytest.approx(1),
        ("fragments", "each_cpu_s"): pytest.approx(0.01),
    }
