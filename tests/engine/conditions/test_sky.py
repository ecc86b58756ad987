"""Cones hold what astropy's separation says, and dates are astropy's Julian dates."""

import datetime as dt
import math
import warnings

import numpy as np
import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conditions import filter_table, parse_conditions
from engine.errors import ConditionError
from engine.sky import DateError, julian_date
from engine.sky.angles import separation_deg

SCHEMA = pa.schema(
    [
        ("candid", pa.int64()),
        ("candidate", pa.struct([("jd", pa.float64()), ("ra", pa.float64()), ("dec", pa.float64())])),
    ]
)
POSITION = ("candidate.ra", "candidate.dec")
NAN = math.nan


def kept(text: str, ra: list, dec: list) -> list[int]:
    conditions = parse_conditions(text, SCHEMA, POSITION)
    columns = {"candidate.ra": pa.array(ra, pa.float64()), "candidate.dec": pa.array(dec, pa.float64())}
    return filter_table(pa.table(columns).select(list(conditions.leaves)), conditions.sql).tolist()


def refusal(text: str, **options) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        parse_conditions(text, SCHEMA, **({"position": POSITION} | options))
    return caught.value


def carets(error: ConditionError) -> str:
    line, marks = error.message.splitlines()[-2:]
    return line[marks.index("^") : marks.rindex("^") + 1]


# --- Cones ----------------------------------------------------------------------------------------------------------

ra_values = st.floats(0, 360) | st.sampled_from([0.0, 360.0, 1e-9, 359.999999999, 180.0])
dec_values = st.floats(-90, 90) | st.sampled_from([-90.0, 90.0, 0.0, 89.9999999, -89.9999999])
centres = st.tuples(ra_values, dec_values)
steps = st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.sampled_from([0.0, 1e-8, 1e-6, 1e-3, 1.0, 90.0]))


def neighbours(centre: tuple[float, float], moved: list[tuple[float, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Return positions at all distances of a centre, of its antipode, and across ra = 0 and the poles."""
    ra, dec = [], []
    for step_ra, step_dec, scale in moved:
        for base_ra, base_dec in (centre, (centre[0] + 180.0, -centre[1])):
            ra.append((base_ra + step_ra * scale) % 360.0)
            dec.append(min(90.0, max(-90.0, base_dec + step_dec * scale)))
    return np.array(ra), np.array(dec)


@settings(deadline=None)
@given(centres, st.lists(steps, min_size=1, max_size=8))
def test_separation_is_astropys(centre, moved):
    ra, dec = neighbours(centre, moved)
    theirs = SkyCoord(*centre, unit="deg").separation(SkyCoord(ra, dec, unit="deg")).deg
    ours = separation_deg(*map(np.float64, centre), ra, dec)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(separation_deg(ra, dec, *map(np.float64, centre)), ours, rtol=0, atol=1e-12)


@settings(deadline=None)
@given(centres, st.lists(steps, min_size=1, max_size=8), st.data())
def test_cone_holds_what_astropy_says(centre, moved, data):
    ra, dec = neighbours(centre, moved)
    separation = SkyCoord(*centre, unit="deg").separation(SkyCoord(ra, dec, unit="deg")).deg
    radius = data.draw(
        st.floats(0, 180) | st.sampled_from((separation * 1.001).tolist() + (separation * 0.999).tolist()), "radius"
    )
    radius = min(radius, 180.0)
    certain = np.abs(separation - radius) > 1e-9
    inside, outside = certain & (separation < radius), certain & (separation > radius)
    cone = f"cone({centre[0]!r}D, {centre[1]!r}D, {radius * 3600!r}D)"
    found, others = set(kept(cone, ra.tolist(), dec.tolist())), set(kept(f"NOT {cone}", ra.tolist(), dec.tolist()))
    assert set(np.flatnonzero(inside)) <= found
    assert set(np.flatnonzero(outside)) <= others
    assert found.isdisjoint(others)
    assert len(found) + len(others) == len(ra)


def test_tiny_separations_are_told_apart():
    milliarcsec = 1e-3 / 3600
    ra = [10.0, 10.0 + milliarcsec, 10.0 + 2.1 * milliarcsec, 10.0]
    dec = [0.0, 0.0, 0.0, -1.9 * milliarcsec]
    assert kept("cone(10, 0, 0.002)", ra, dec) == [0, 1, 3]
    assert kept("cone(10, 0, 0)", ra, dec) == [0]


def test_cone_reaches_across_zero_and_over_the_pole():
    assert kept("cone(0.001, 0, 10)", [359.9999, 0.0, 360.0, 0.01, 180.001], [0.0] * 5) == [0, 1, 2]
    assert kept("cone(360, 0, 10)", [359.9999, 0.0, 180.0], [0.0] * 3) == [0, 1]
    assert kept("cone(10, 89.9, 2*3600)", [190.0, 190.0, 100.0], [89.9, 80.0, 90.0]) == [0, 2]
    assert kept("cone(77, -90, 3600)", [0.0, 200.0, 77.0], [-89.5, -89.5, -88.5]) == [0, 1]


def test_the_whole_sky_is_a_cone():
    assert kept("cone(10, 20, 648000)", [10.0, 190.0, 0.0, 300.0], [20.0, -20.0, 90.0, 5.0]) == [0, 1, 2, 3]


def test_without_a_position_nothing_is_known():
    ra, dec = [10.0, None, 10.0, NAN, 10.0, math.inf, None], [20.0, 20.0, None, 20.0, NAN, 20.0, None]
    for text in ("cone(10, 20, 5)", "cone(10, 20, 648000)"):
        assert kept(text, ra, dec) == [0]
        assert kept(f"NOT {text}", ra, dec) == []
        assert kept(f"{text} IS NULL", ra, dec) == [1, 2, 3, 4, 5, 6]
    assert kept("cone(10, 20, 5) OR candidate.dec = 20", ra, dec) == [0, 1, 3, 5]


def test_cone_stands_wherever_a_truth_value_does():
    ra, dec = [10.0, 10.0, 200.0], [20.0, -20.0, 0.0]
    assert kept("NOT cone(10, 20, 5) AND candidate.dec < 0", ra, dec) == [1]
    assert kept("cone(10, 20, 5) OR cone(200, 0, 5)", ra, dec) == [0, 2]
    assert kept("CASE WHEN cone(10, 20, 5) THEN candidate.ra > 5 ELSE candidate.ra > 100 END", ra, dec) == [0, 2]
    assert kept("cone(10, 20, 5) = false; Cone(200, 0, 1.5e1)", ra, dec) == [2]
    assert kept("coalesce(cone(10., +20, (60 - 55) * 1), true)", [*ra, None], [*dec, 1.0]) == [0, 3]


def test_cone_is_a_registered_call_on_the_position():
    conditions = parse_conditions("cone(10.5, -20, 5) AND candid > 1", SCHEMA, POSITION)
    assert conditions.leaves == ("candidate.ra", "candidate.dec", "candid")
    assert 'cone_boolean("candidate.ra", "candidate.dec", 10.5, -20.0, 5.0)' in conditions.sql


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("cone(10, 90.5, 5)", "90.5", "-90 <= dec <= 90"),
        ("cone(10, -91, 5)", "91", "-90 <= dec <= 90"),
        ("cone(10, 20, -1)", "1", "0 <= radius"),
        ("cone(10, 20, 648001)", "648001", "648000"),
        ("cone(370, 20, 5)", "370", "the same direction is 10"),
        ("cone(-10.5, 20, 5)", "10.5", "the same direction is 349.5"),
        ("candid > 1 AND cone(10, 20, CAST('NaN' AS DOUBLE))", "'NaN'", "radius_arcsec"),
        ("cone(10, 1/0, 5)", "1/0", "dec"),
        ("cone(10, 20, 1e999)", "1e999", "648000"),
        ("cone(1e999 - 1e999, 20, 5)", "1e999 - 1e999", "ra"),
        ("cone('10:00:00', 20, 5)", "'10:00:00'", "degrees"),
        ("cone(candidate.ra, 20, 5)", "candidate.ra", "degrees"),
        ("cone(10, 20, NULL)", "cone(10, 20, NULL)", "arcsec"),
        ("cone(10, 20, TRUE)", "cone(10, 20, TRUE)", "arcsec"),
        ("cone(10, 20)", "cone(10, 20)"[:-1], "cone(ra, dec, radius_arcsec)"),
        ("cone(10, 20, 5) + 1 > 1", "cone(10, 20, 5) + 1", "CAST"),
    ],
)
def test_a_cone_that_is_none_is_refused_at_its_place(text, place, hint):
    error = refusal(text)
    assert carets(error) in (place, text)
    assert hint in f"{error.accepted} {error.next_step}"


def test_a_cone_needs_a_position():
    assert "no position" in refusal("cone(1, 2, 3)", position=None).message
    assert "candidate.rax" in refusal("cone(1, 2, 3)", position=("candidate.rax", "candidate.dec")).message


# --- Dates ----------------------------------------------------------------------------------------------------------


def astropys(text: str) -> float:
    # Of years far ahead astropy says that nobody knows their leap seconds.
    with iers.conf.set_temp("auto_download", False), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(Time(text, scale="utc").jd)


@settings(deadline=None)
@given(st.datetimes(dt.datetime(2017, 1, 1), dt.datetime(2200, 1, 1)), st.sampled_from(["T", " "]))
def test_dates_are_astropys_julian_dates(moment, separator):
    assert julian_date(moment.isoformat(separator)) == pytest.approx(astropys(moment.isoformat()), rel=0, abs=5e-10)
    assert julian_date(f"{moment:%Y-%m-%d}") == astropys(f"{moment:%Y-%m-%d}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2000-01-01T12:00", 2_451_545.0),
        ("2021-11-22", 2_459_540.5),
        ("2021-11-22T03:00", 2_459_540.625),
        ("2021-11-22 03:00:00", 2_459_540.625),
        ("2021-11-22T03:00:00Z", 2_459_540.625),
        ("2021-11-22t03:00z", 2_459_540.625),
        ("2021-11-22T03:00:00.000", 2_459_540.625),
        (" 2021-11-22 ", 2_459_540.5),
        ("2021-11-22T00:00:00.864", 2_459_540.50001),
        ("2099-12-31", 2_488_068.5),
    ],
)
def test_date_in_all_its_forms(text, expected):
    assert julian_date(text) == expected
    conditions = parse_conditions(f"candidate.jd >= jd('{text}')", SCHEMA)
    assert conditions.leaves == ("candidate.jd",)
    table = pa.table({"candidate.jd": [expected, math.nextafter(expected, 0), expected - 1, None]})
    assert filter_table(table, conditions.sql).tolist() == [0]


@pytest.mark.parametrize(
    "text",
    [
        *("", "2021", "2021-11", "22/11/2021", "22-11-2021", "20211122", "2021-13-01", "2021-02-29", "2021-00-10"),
        *("2021-11-22T", "2021-11-22T3:00", "2021-11-22T24:00", "2021-11-22T03:60", "2021-11-22T03:00:60", "now"),
        *("2021-11-22T03:00+01:00", "2021-11-22T03:00:00.", "2459540.5", "0000-01-01", "٢٠٢١-11-22", "2021-11-22Z"),
    ],
)
def test_a_date_that_is_none_is_refused_at_its_place(text):
    with pytest.raises(DateError):
        julian_date(text)
    error = refusal(f"candidate.jd > jd('{text}')")
    assert carets(error) == f"'{text}'"
    assert "jd('2021-11-22T03:00')" in error.accepted


@pytest.mark.parametrize("argument", ["candidate.jd", "2459540.5", "concat('2021', '-11-22')", "NULL", "candid"])
def test_jd_takes_a_date_in_quotes(argument):
    error = refusal(f"candidate.jd > jd({argument})")
    assert "in quotes" in error.message
    assert "jd('2021-11-22')" in error.accepted


def test_jd_alone_is_no_condition():
    assert "type double" in refusal("jd('2021-11-22')").message
