"""Cores and Rubin's nights, worked out by hand beside what the functions say."""

import pytest

from benchmarks.capacity import RUBIN, alerts_an_hour, capacity_lines, costs, needs, yield_of_cores
from benchmarks.figures import Figure


def figures(axis: str, quantity: str, *points: tuple[float, float]) -> list[Figure]:
    return [
        Figure(section="growth", case=f"{axis} {at:g}", what="alert-transfer", quantity=quantity, runs=[value])
        for at, value in points
    ]


MEASURED = [
    *figures("alerts", "cpu_s", (10_000, 0.6), (20_000, 0.7), (40_000, 0.9)),  # 10 µs
    *figures("alerts", "nbytes_sent", (10_000, 1e6), (20_000, 2e6), (40_000, 4e6)),
    *figures("full", "cpu_s", (1_000, 0.7), (2_000, 0.9)),  # 200 µs
    *figures("full", "nbytes_sent", (1_000, 54_044_000), (2_000, 108_088_000)),  # half of Rubin's
    *figures("workers", "send_s", (1, 10.0), (2, 6.25)),
    *figures("workers", "cpu_s", (1, 20.0), (2, 21.0)),  # 20 µs
    *figures("workers", "num_alerts", (1, 1e6), (2, 1e6)),
    *figures("workers", "nbytes_sent", (1, 3e8), (2, 3e8)),
]


def test_cores_and_alerts_an_hour():
    found, share = costs(MEASURED), yield_of_cores(MEASURED)
    assert share == pytest.approx(0.8)
    assert found["alerts"].cpu_s == pytest.approx(1e-5)
    assert found["full"].nbytes == pytest.approx(54_044)
    assert alerts_an_hour(found["alerts"], 1, share) == pytest.approx(360e6)
    assert alerts_an_hour(found["alerts"], 11, share) == pytest.approx(9 * 360e6)


def test_a_night_of_rubins():
    lightcurve, medium, full = needs(costs(MEASURED), 0.8)
    assert (lightcurve.content, medium.content, full.content) == tuple(RUBIN)
    assert lightcurve.cpu_hours == pytest.approx(200 / 3600)
    assert lightcurve.cores_in_an_hour == lightcurve.cpu_hours
    assert lightcurve.sent_gb == pytest.approx(5.39)
    assert full.cpu_hours == pytest.approx(4_000 / 3600), "twice as large, 400 µs each"
    assert full.cores_in_an_hour == pytest.approx(1 + (4_000 / 3600 - 1) / 0.8)
    assert full.cores_in_a_night == pytest.approx(400 / 3600)
    assert full.gb_s_in_an_hour == pytest.approx(1080.88 / 3600)


def test_what_was_not_measured_is_left_out():
    assert capacity_lines([]) == []
    assert yield_of_cores([]) == 1
    some = [one for one in MEASURED if not one.case.startswith("full")]
    assert [need.content for need in needs(costs(some), 1.0)] == ["lightcurve", "medium"]
    text = "\n".join(capacity_lines(MEASURED))
    assert "| lightcurve, a third kept | 10 | 360 |" in text
    assert "| full | 108,088 | 1.1 |" in text
