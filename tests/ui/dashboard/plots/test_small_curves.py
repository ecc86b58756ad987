"""Small light curves as SVG."""

import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

import engine
from ui.dashboard.plots import curve_svg, ticks

ZTF = engine.survey_named("ztf")
any_number = st.floats(allow_nan=True, allow_infinity=True) | st.none() | st.integers(-(10**6), 10**6)
detection = st.fixed_dictionaries(
    {
        "jd": any_number | st.just(2459541.5),
        "fid": st.sampled_from([1, 2, 5, None, "<b>", "'\""]),
        "magpsf": any_number,
        "sigmapsf": any_number,
        "diffmaglim": any_number,
        "isdiffpos": st.sampled_from(["t", "f", None]),
    }
)


@given(detection, st.lists(detection, max_size=5), st.text(st.characters(categories=["L", "P", "S"]), max_size=20))
def test_any_row_is_drawn_as_sound_xml(own, earlier, label):
    drawn = curve_svg({"candidate": own, "prv_candidates": earlier}, ZTF, label=label)
    ElementTree.fromstring(drawn)  # raises unless it is


def test_bright_is_above_for_magnitudes_and_limits_are_hollow():
    own = {"jd": 2459541.5, "fid": 1, "magpsf": 17.0, "sigmapsf": 0.1, "isdiffpos": "t"}
    earlier = [{"jd": 2459540.5, "fid": 1, "magpsf": 19.0, "sigmapsf": 0.1}, {"jd": 2459539.5, "diffmaglim": 20.0}]
    root = ElementTree.fromstring(curve_svg({"candidate": own, "prv_candidates": earlier}, ZTF, label="a"))
    marks = {mark[0].text: mark for mark in root if mark.tag == "path" and len(mark)}
    heights = {text: float(mark.get("transform").split()[1].rstrip(")")) for text, mark in marks.items()}
    by_value = sorted(heights, key=heights.__getitem__)
    assert [text.split()[-2] for text in by_value] == ["17", "19", "20"]
    assert [marks[text].get("fill") for text in by_value][2] == "none"
    assert "fainter than" in by_value[2]


def test_a_row_without_a_measurement_says_so():
    assert "No measurement" in curve_svg({"candidate": {"jd": None}}, ZTF, label="a")


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_few_and_inside(low, span, most):
    found = ticks(low, low + span, most)
    assert len(found) <= most + 1
    assert all(low - span * 1e-6 - 1e-6 <= tick <= low + span * (1 + 1e-6) + 1e-6 for tick in found)
