"""Class labels: Fink's rules one by one, the service's own labels on real alerts, TNS by position."""

import math
import pickle
import re
from collections import Counter
from pathlib import Path

import fastavro
import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.enrichment import FinkClass, TnsClass, find_catalogue
from engine.enrichment.fink_rules import finkclass_rules
from engine.errors import JobError, RequestError
from engine.surveys import survey_named

CLASSES = survey_named("ztf").classes
PAGE = (Path(__file__).resolve().parents[3] / "docs" / "classes.md").read_text(encoding="utf-8")

SUPERNOVA = {
    "cdsxmatch": "Unknown",
    "roid": 0,
    "mulens": 0.0,
    "snn_snia_vs_nonia": 0.6,
    "snn_sn_vs_all": 0.1,
    "rf_snia_vs_nonia": 0.1,
    "rf_kn_vs_nonkn": 0.1,
    "tracklet": "",
    "candidate.ndethist": 5,
    "candidate.drb": 0.9,
    "candidate.classtar": 0.9,
    "candidate.jd": 2459500.5,
    "candidate.jdstarthist": 2459490.5,
}
TYPES = {name: pa.string() if isinstance(value, str) else pa.float64() for name, value in SUPERNOVA.items()}


def finkclass(leaves: pa.Table) -> pa.Array:
    """Return the labels of alerts; leaves that are absent are null."""
    needs = FinkClass().needs
    columns = [
        leaves[field.name].combine_chunks().cast(field.type)
        if field.name in leaves.column_names
        else pa.nulls(len(leaves), field.type)
        for field in needs
    ]
    return FinkClass()(pa.record_batch(columns, schema=needs)).column("finkclass")


def label(**changes) -> str:
    alert = SUPERNOVA | {name.replace("candidate_", "candidate."): value for name, value in changes.items()}
    (found,) = finkclass(pa.table({name: pa.array([value], TYPES[name]) for name, value in alert.items()})).to_pylist()
    return found


def test_inputs_are_those_of_the_rules():
    assert set(FinkClass().needs.names) == set(SUPERNOVA)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "SN candidate"),
        ({"snn_snia_vs_nonia": 0.5}, "Unknown"),
        ({"snn_snia_vs_nonia": None}, "Unknown"),
        ({"snn_snia_vs_nonia": math.nan}, "Unknown"),
        ({"snn_snia_vs_nonia": 0.1, "snn_sn_vs_all": 0.6}, "SN candidate"),
        ({"cdsxmatch": None}, "Unknown"),
        ({"candidate_drb": 0.5}, "Unknown"),
        ({"candidate_drb": None}, "Unknown"),
        ({"candidate_classtar": 0.4}, "Unknown"),
        ({"candidate_jdstarthist": 2459500.5 - 90}, "SN candidate"),
        ({"candidate_jdstarthist": 2459500.5 - 90.01}, "Unknown"),
        ({"candidate_jdstarthist": None}, "Unknown"),
        ({"candidate_ndethist": 1}, "Unknown"),
        ({"rf_snia_vs_nonia": 0.6}, "Early SN Ia candidate"),
        ({"rf_snia_vs_nonia": 0.6, "candidate_ndethist": 20}, "Early SN Ia candidate"),
        ({"rf_snia_vs_nonia": 0.6, "candidate_ndethist": 21}, "SN candidate"),
        ({"rf_snia_vs_nonia": 0.6, "candidate_ndethist": 1}, "Early SN Ia candidate"),
        ({"rf_kn_vs_nonkn": 0.6}, "SN candidate"),
        ({"rf_kn_vs_nonkn": 0.6, "candidate_jdstarthist": 2459500.5 - 4.9}, "Kilonova candidate"),
        ({"rf_kn_vs_nonkn": 0.6, "candidate_jdstarthist": 2459500.5 - 5}, "SN candidate"),
        ({"rf_kn_vs_nonkn": 0.6, "candidate_jdstarthist": 2459499.5, "candidate_ndethist": 20}, "SN candidate"),
        ({"roid": 2}, "Ambiguous"),
        ({"roid": 2, "snn_snia_vs_nonia": 0.1}, "Solar System candidate"),
        ({"roid": 3}, "Solar System MPC"),
        ({"roid": 3, "rf_snia_vs_nonia": 0.6}, "Solar System MPC"),
        ({"roid": 3, "tracklet": "TRCK_1"}, "Solar System MPC"),
        ({"tracklet": "TRCK_1"}, "Tracklet"),
        ({"tracklet": None}, "SN candidate"),
        ({"mulens": 0.1}, "Ambiguous"),
        ({"mulens": 0.1, "snn_snia_vs_nonia": 0.1}, "Microlensing candidate"),
        ({"mulens": 0.1, "roid": 3}, "Ambiguous"),
        ({"mulens": 0.1, "tracklet": "TRCK_1", "snn_snia_vs_nonia": 0.1}, "Tracklet"),
        ({"cdsxmatch": "Star"}, "Star"),
        ({"cdsxmatch": "Star", "roid": 3, "mulens": 1.0}, "Star"),
        ({"cdsxmatch": "Seyfert_1"}, "Seyfert_1"),
        ({"cdsxmatch": "galaxy"}, "galaxy"),
        ({"cdsxmatch": "Galaxy"}, "SN candidate"),
        ({"cdsxmatch": "GalaxyInCluster"}, "Unknown"),
        ({"cdsxmatch": "Transient"}, "SN candidate"),
        ({"cdsxmatch": "Fail 504"}, "SN candidate"),
        ({"cdsxmatch": "Failure"}, "Unknown"),
        ({"cdsxmatch": "Candidate_SN*"}, "Candidate_SN*"),
        ({"cdsxmatch": "unknown"}, "unknown"),
    ],
)
def test_rules(changes, expected):
    assert label(**changes) == expected


def test_absent_and_all_null_columns_count_as_null():
    assert finkclass(pa.table({"roid": pa.array([3, 0, None], pa.int32())})).to_pylist() == [
        *("Solar System MPC", "Unknown", "Unknown")
    ]
    nulls = pa.table({name: pa.nulls(2) for name in FinkClass().needs.names})
    assert finkclass(nulls).to_pylist() == ["Unknown", "Unknown"]
    assert finkclass(nulls.slice(0, 0)).to_pylist() == []
    assert finkclass(nulls).type == pa.string()


def test_the_last_rule_that_holds_gives_the_label():
    alerts = [{}, {"rf_snia_vs_nonia": 0.6}, {"roid": 3}, {"cdsxmatch": "Star"}, {"mulens": 1.0, "roid": 3}]
    columns = {name: pa.array([(SUPERNOVA | alert)[name] for alert in alerts], TYPES[name]) for name in SUPERNOVA}
    rules = finkclass_rules(pa.table(columns))
    held = [[name for name, holds in rules.items() if holds[i]] for i in range(len(alerts))]
    assert held == [
        ["SN candidate"],
        ["SN candidate", "Early SN Ia candidate"],
        ["Solar System MPC"],
        ["SIMBAD"],
        ["Microlensing candidate", "Solar System MPC", "Ambiguous"],
    ]
    last = ["SN candidate", "Early SN Ia candidate", "Solar System MPC", "Star", "Ambiguous"]
    assert finkclass(pa.table(columns)).to_pylist() == last


def test_service_gave_real_alerts_the_same_labels_by_the_same_rule(shared_service: Path):
    with (shared_service / "part-3-305711.avro").open("rb") as file:
        alerts = list(fastavro.reader(file))

    def value(alert: dict, leaf: str):
        root, _, name = leaf.rpartition(".")
        return alert[root][name] if root else alert[leaf]

    table = pa.table({leaf: pa.array([value(alert, leaf) for alert in alerts]) for leaf in FinkClass().needs.names})
    assert finkclass(table).to_pylist() == [alert["finkclass"] for alert in alerts]
    rules = finkclass_rules(table)
    for i, alert in enumerate(alerts):
        # Why: each is a supernova candidate by one of the two deep scores, of an object that SIMBAD does not know, and
        # no rule that comes later holds.
        assert [name for name, holds in rules.items() if holds[i]] == ["SN candidate"], alert["candid"]
        candidate = alert["candidate"]
        assert max(alert["snn_snia_vs_nonia"], alert["snn_sn_vs_all"]) > 0.5
        assert alert["cdsxmatch"] == "Unknown"
        assert min(candidate["drb"] - 0.5, candidate["classtar"] - 0.4) > 0
        assert candidate["jd"] - candidate["jdstarthist"] <= 90
        assert candidate["ndethist"] > 1
        assert alert["roid"] != 3
        assert alert["rf_snia_vs_nonia"] <= 0.5
        assert alert["rf_kn_vs_nonkn"] <= 0.5


def test_service_s_labels_are_explained_on_the_page(shared_service: Path, tmp_path):
    with (shared_service / "part-3-305711.avro").open("rb") as file:
        alerts = list(fastavro.reader(file))
    scores = Counter((alert["snn_snia_vs_nonia"] > 0.5, alert["snn_sn_vs_all"] > 0.5) for alert in alerts)
    detections = [alert["candidate"]["ndethist"] for alert in alerts]
    types = Counter(alert["tnsclass"] for alert in alerts)
    told = " ".join(PAGE.split())
    for sentence in (
        f"Of {len(alerts)} alerts",
        f"seen {min(detections)} to {max(detections)} times",
        f"snn_snia_vs_nonia in {scores[True, False]}, snn_sn_vs_all in {scores[False, True]}, and both in "
        f"{scores[True, True]}.",
        f"`Unknown` in {types['Unknown']}, `(TNS) SN II` in {types['(TNS) SN II']} and `(TNS) SN Ia` in "
        f"{types['(TNS) SN Ia']}",
    ):
        assert sentence in told
    ra, dec = ([alert["candidate"][name] for alert in alerts] for name in ("ra", "dec"))
    path = catalogue(tmp_path / "tns.parquet", ra, dec, [alert["tns"] for alert in alerts])
    assert labels(path, ra, dec) == [alert["tnsclass"] for alert in alerts]


def test_the_page_has_the_rules_in_their_order_and_what_labels_are_compared_with():
    rules = re.findall(r"^\| `?([^`|]+)`? \| [^|`]+ \|$", PAGE, re.MULTILINE)[1:]
    assert rules == [*list(finkclass_rules(pa.table({"roid": [3]})))[:-1], "SIMBAD's type"]
    written = re.findall(r"^\| `(.+)` \| `(\w+)` \| `(.+)` \|$", PAGE, re.MULTILINE)
    assert len(written) == 5
    for label_, column, values in written:
        found, names = CLASSES.column_and_names(label_)
        assert (found, sorted(names)) == (column, sorted(values.split("`, `")))


@given(st.sets(st.sampled_from(FinkClass().needs.names)))
def test_impossible_labels_are_those_that_never_come(missing):
    """Each label that is not called impossible is reached by some alert without these inputs, and no other is."""
    reaching = {
        "Microlensing candidate": {"mulens": 1.0, "snn_snia_vs_nonia": 0.0},
        "SN candidate": {"snn_sn_vs_all": 0.6},
        "Early SN Ia candidate": {"rf_snia_vs_nonia": 0.6, "snn_sn_vs_all": 0.6},
        "Kilonova candidate": {"rf_kn_vs_nonkn": 0.6, "candidate.jdstarthist": 2459499.5},
        "Solar System candidate": {"roid": 2, "snn_snia_vs_nonia": 0.0},
        "Tracklet": {"tracklet": "TRCK_1"},
        "Solar System MPC": {"roid": 3},
        "SIMBAD's types": {"cdsxmatch": "Star"},
    }
    # Of microlensing, supernova and Solar System any two make it ambiguous.
    ambiguous = [{"mulens": 1.0, "snn_sn_vs_all": 0.6}, {"mulens": 1.0, "roid": 3}, {"roid": 2, "snn_sn_vs_all": 0.6}]
    reached = set()
    for changes in [*reaching.values(), *ambiguous]:
        alert = {k: None if k in missing else v for k, v in (SUPERNOVA | changes).items()}
        (found,) = finkclass(pa.table({k: pa.array([v], TYPES[k]) for k, v in alert.items()})).to_pylist()
        reached.add("SIMBAD's types" if found == "Star" else found)
    impossible = sorted({*reaching, "Ambiguous"} - reached)
    found, told = FinkClass().outcome_without(missing).split(" becomes ")[-1].split(", "), "rules on them are false"
    assert sorted(found) == (impossible or [told])


# --- TNS by position ------------------------------------------------------------------------------------------------

ARCSEC = 1 / 3600


def catalogue(path: Path, ra: list, dec: list, types: list) -> Path:
    pq.write_table(pa.table({"ra": ra, "declination": dec, "type": types, "name": ["x"] * len(ra)}), path)
    return path


def matching(path: Path) -> TnsClass:
    return TnsClass(catalogue=find_catalogue(str(path)), ra_field="ra", dec_field="dec")


def matched(enrichment: TnsClass, ra: list, dec: list) -> list[str]:
    positions = [pa.array(axis, pa.float64()) for axis in (ra, dec)]
    return enrichment(pa.record_batch(positions, names=["ra", "dec"])).column("tnsclass").to_pylist()


def labels(catalogue_path: Path, ra: list, dec: list) -> list[str]:
    return matched(matching(catalogue_path), ra, dec)


def load(path: Path) -> None:
    matching(path).own_labels()


def test_nearest_within_1_5_arcsec_wins(tmp_path):
    path = catalogue(
        tmp_path / "tns.parquet", [10.0, 10.0 + 1.2 * ARCSEC, 200.0], [0.0, 0.0, -30.0], ["SN Ia", "SN II", None]
    )
    ra = [10.0, 10.0 + 1.0 * ARCSEC, 10.0 - 1.4 * ARCSEC, 10.0 - 1.6 * ARCSEC, 200.0, 50.0, math.nan]
    assert labels(path, ra, [0, 0, 0, 0, -30, 0, 0]) == [
        *("(TNS) SN Ia", "(TNS) SN II", "(TNS) SN Ia", "Unknown", "Unknown", "Unknown", "Unknown")
    ]


def test_an_object_without_type_hides_none_that_has_one(tmp_path):
    path = catalogue(tmp_path / "tns.parquet", [10.0, 10.0 + ARCSEC], [0.0, 0.0], [None, "SN Ia"])
    assert labels(path, [10.0, 10.0 - 0.9 * ARCSEC], [0, 0]) == ["(TNS) SN Ia", "Unknown"]


def test_catalogues_may_have_any_number_and_text_and_the_prefix_already(tmp_path):
    path = tmp_path / "tns.parquet"
    columns = {
        "ra": pa.array(["-350.0", "20", None]),
        "declination": pa.array([1, 2, 3], pa.int16()),
        "type": pa.array(["(TNS) SN Ia", " CV ", "SN II"]).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), path)
    assert labels(path, [10, 20, 30], [1, 2, 3]) == ["(TNS) SN Ia", "(TNS) CV", "Unknown"]


def test_separation_is_on_the_sphere(tmp_path):
    path = catalogue(tmp_path / "tns.parquet", [0.0, 0.0, 30.0], [0.0, 60.0, 90.0], ["SN Ia", "SN II", "CV"])
    across, at_60 = 360 - 1.4 * ARCSEC, 2.8 * ARCSEC
    assert labels(path, [across, at_60, at_60, 210.0], [0, 60, 0, 90 - 1.4 * ARCSEC]) == [
        *("(TNS) SN Ia", "(TNS) SN II", "Unknown", "(TNS) CV")
    ]


def test_blank_types_and_lost_positions_are_unknown(tmp_path):
    path = catalogue(tmp_path / "tns.parquet", [1.0, 2.0, None], [1.0, 2.0, 3.0], ["", "  ", "SN Ia"])
    assert labels(path, [1, 2, 3], [1, 2, 3]) == ["Unknown"] * 3


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_matches_are_those_of_astropy(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    # In a patch of a few arcsec around a random place, so that many pairs are near the limit.
    ra0, dec0 = rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1)))
    ra, dec = (
        (ra0 + rng.normal(0, 2 * ARCSEC, (2, 20))) % 360,
        np.clip(dec0 + rng.normal(0, 2 * ARCSEC, (2, 20)), -90, 90),
    )
    path = catalogue(
        tmp_path_factory.mktemp("tns") / "t.parquet", list(ra[0]), list(dec[0]), [str(i) for i in range(20)]
    )
    sky = SkyCoord(ra[0], dec[0], unit="deg")
    expected = []
    for one_ra, one_dec in zip(ra[1], dec[1], strict=True):
        separations = SkyCoord(one_ra, one_dec, unit="deg").separation(sky).arcsec
        nearest = int(np.argmin(separations))
        expected.append(f"(TNS) {nearest}" if separations[nearest] <= 1.5 else "Unknown")
    assert labels(path, list(ra[1]), list(dec[1])) == expected


def test_no_catalogue_and_no_alerts():
    without = TnsClass(ra_field="ra", dec_field="dec")
    assert matched(without, [1.0], [1.0]) == ["Unknown"]
    assert matched(without, [], []) == []


def test_catalogue_is_read_once_and_travels(tmp_path, monkeypatch):
    path = catalogue(tmp_path / "tns.parquet", [1, 2], [5, -5], ["SN Ia", "CV"])
    opened = []

    def counted(where, *args, **kwargs):
        opened.append(where)
        return open_(where, *args, **kwargs)

    open_ = fsspec.open
    monkeypatch.setattr(fsspec, "open", counted)
    found = matching(path)
    assert matched(found, [2.0], [-5.0]) == ["(TNS) CV"]
    assert matched(pickle.loads(pickle.dumps(found)), [2.0], [-5.0]) == ["(TNS) CV"]
    assert matching(path).own_labels() == {"(TNS) SN Ia", "(TNS) CV"}
    assert opened == [str(path)]


def test_a_catalogue_that_was_replaced_is_another_one(tmp_path):
    path = catalogue(tmp_path / "tns.parquet", [1], [5], ["SN Ia"])
    assert labels(path, [1], [5]) == ["(TNS) SN Ia"]
    planned = matching(path)
    catalogue(path, [1], [5], ["SN II, after all"])
    assert labels(path, [1], [5]) == ["(TNS) SN II, after all"]
    with pytest.raises(JobError, match="not the one with which the job was planned"):
        matched(planned, [1], [5])


def test_bad_catalogues_are_refused(tmp_path):
    lacking = tmp_path / "lacking.parquet"
    pq.write_table(pa.table({"ra": [1.0], "dec": [2.0]}), lacking)
    with pytest.raises(RequestError, match=r"lacks declination, type; it has ra, dec"):
        load(lacking)
    texts = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"ra": ["10:20:30"], "declination": ["1:2:3"], "type": ["SN"]}), texts)
    with pytest.raises(RequestError, match="can't be read"):
        load(texts)
    for ra, dec, type_, culprit in (
        ([10.0], [200.0], ["SN"], "declination holds 200.0"),  # the columns changed places
        ([400.0], [1.0], ["SN"], "ra holds 400.0"),
        ([10.0], [1.0], [3], "type is of type int64"),
        ([10.0], [1.0], [{"name": "SN Ia"}], "type is of type struct"),
        ([{"deg": 10.0}], [1.0], ["SN"], "ra is of type struct"),
        ([None], [math.nan], ["SN"], "no object with a position"),
    ):
        path = catalogue(tmp_path / f"{culprit[:11]}{len(str(ra))}{dec[0]}.parquet", ra, dec, type_)
        with pytest.raises(RequestError, match=culprit) as caught:
            load(path)
        assert "degrees, as numbers" in caught.value.accepted
    none = tmp_path / "none.parquet"
    none.write_bytes(b"not parquet")
    for path in (none, tmp_path / "missing.parquet"):
        with pytest.raises(RequestError, match="can't be read") as caught:
            load(path)
        assert "declination" in caught.value.accepted
