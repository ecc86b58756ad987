"""Nights of a sample archive share one sky: an object is seen again, as itself, and remembers what was seen before."""

import datetime
import itertools
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from engine.sample import write_sample

ALERTS = 300
FIRST = datetime.date(2021, 11, 22)
NIGHTS = [
    *(FIRST + datetime.timedelta(days=days) for days in (0, 1, 2, 3, 29, 45)),
    datetime.date(2019, 9, 3),
    datetime.date(2022, 8, 4),
    datetime.date(2025, 7, 31),
]
ALWAYS_SAME = ["DR3Name", "Plx", "e_Plx", "vsx", "gcvs", "roid"]
# What the years call the same kind: the name of 2019, that of 2022, and that of 2021 and 2025.
NAMES = """
    RRLyr/RRLyr/RRLyrae EB*/EB*/EclBin LPV*/LPV*/LongPeriodV* V*/V*/Variable* RSCVn/RSCVn/RSCVnV* WD*/WD*/WhiteDwarf
    PulsV*delSct/PulsV*delSct/delSctV* PulsV*WVir/PulsV*WVir/Type2Cep Orion_V*/Orion_V*/OrionV*
    Candidate_EB*/EB*_Candidate/EclBin_Candidate Candidate_RRLyr/RRLyr_Candidate/RRLyrae_Candidate
    Candidate_LP*/LP*_Candidate/LongPeriodV*_Candidate Candidate_YSO/YSO_Candidate/YSO_Candidate
    Candidate_CV*/CV*_Candidate/CataclyV*_Candidate Candidate_AGB*/AGB*_Candidate/AGB*_Candidate
    Seyfert_1/Seyfert_1/Seyfert1 Seyfert_2/Seyfert_2/Seyfert2 EmG/EmG/EmissionG GinCl/GinCl/GtowardsCl SN/SN/Supernova
"""
GENERATIONS = {2019: 0, 2021: 2, 2022: 1, 2025: 2}
RENAMED = {name: names.split("/")[-1] for names in NAMES.split() for name in names.split("/")}


def nights_of(archive: str) -> dict[datetime.date, list[dict]]:
    """Give each night's alerts, without their stamps, in order of time."""
    alerts: dict[datetime.date, list[dict]] = {}
    for path in Path(archive).rglob("*.parquet"):
        names = set(pq.read_schema(path).names)
        columns = ["objectId", "candid", "cdsxmatch", "candidate", "prv_candidates", *ALWAYS_SAME]
        table = pq.read_table(path, partitioning=None, columns=[name for name in columns if name in names])
        year, month, day = (int(part.split("=")[1]) for part in path.parent.parts[-3:])
        rows = sorted(table.to_pylist(), key=lambda alert: alert["candidate"]["jd"])
        alerts.setdefault(datetime.date(year, month, day), []).extend(rows)
    shutil.rmtree(archive)
    return dict(sorted(alerts.items()))


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    directory = tmp_path_factory.mktemp("again")
    return nights_of(write_sample(directory, nights=NIGHTS, alerts_per_night=ALERTS, seed=4).archive)


@pytest.fixture(scope="module")
def pairs(nights) -> list[tuple[dict, dict]]:
    """Every alert that is not its object's first, with the one before it."""
    found, latest = [], {}
    for alert in itertools.chain.from_iterable(nights.values()):
        if alert["objectId"] in latest:
            found.append((latest[alert["objectId"]], alert))
        latest[alert["objectId"]] = alert
    return found


def share_seen_before(nights: dict, night: datetime.date, earlier: list[datetime.date]) -> float:
    before = {alert["objectId"] for date in earlier for alert in nights[date]}
    return np.mean([alert["objectId"] in before for alert in nights[night]])


def test_half_of_the_next_night_and_two_thirds_of_the_fourth_were_seen_before(nights):
    assert 0.45 < share_seen_before(nights, NIGHTS[1], NIGHTS[:1]) < 0.7
    assert 0.6 < share_seen_before(nights, NIGHTS[3], NIGHTS[:3]) < 0.8


def test_what_lives_long_is_seen_again_after_years_and_nothing_else(nights):
    assert share_seen_before(nights, NIGHTS[-1], NIGHTS[:-1]) > 0.05
    long_ago = {alert["objectId"] for date in NIGHTS[:-1] for alert in nights[date]}
    again = [alert for alert in nights[NIGHTS[-1]] if alert["objectId"] in long_ago]
    assert all(alert["roid"] != 3 for alert in again)
    assert all(alert["candidate"]["jd"] - alert["candidate"]["jdstarthist"] > 365 for alert in again)


def test_no_two_alerts_of_any_night_share_a_candid(nights):
    candids = [alert["candid"] for alerts in nights.values() for alert in alerts]
    assert len(set(candids)) == len(candids) == ALERTS * len(NIGHTS)


def test_an_object_stays_where_it_is_and_as_it_is(pairs):
    assert len(pairs) > 2 * ALERTS
    for before, now in pairs:
        old, new = before["candidate"], now["candidate"]
        away_deg = np.hypot((new["ra"] - old["ra"]) * np.cos(np.radians(new["dec"])), new["dec"] - old["dec"])
        assert away_deg * 3600 < 1
        assert {RENAMED.get(alert["cdsxmatch"], alert["cdsxmatch"]) for alert in (before, now)} == {
            RENAMED.get(now["cdsxmatch"], now["cdsxmatch"])
        }
        for name in ("field", "rcid", "jdstarthist", "magnr", "objectidps1", "sgscore1", "neargaia"):
            assert new[name] == pytest.approx(old[name], rel=1e-6), name
        for name in ALWAYS_SAME:
            same = before.get(name), now.get(name)
            # What nobody knows is NaN in the files of Spark and null in those of pandas, and one word or another.
            known = [
                value for value in same if value is not None and value == value and value not in ("nan", "Unknown")
            ]
            assert len(set(known)) <= 1, name


def test_detections_are_counted_up(pairs):
    for before, now in pairs:
        old, new = before["candidate"], now["candidate"]
        assert new["jd"] > old["jd"]
        assert new["ndethist"] > old["ndethist"] >= 1
        assert new["ncovhist"] > old["ncovhist"]
        assert (new["jdendhist"], old["jdendhist"]) == (new["jd"], old["jd"])
        assert old["jdstarthist"] <= old["jd"]
        assert (old["ndethist"] == 1) == (old["jdstarthist"] == old["jd"])


def test_history_holds_the_earlier_alerts_of_thirty_days_and_none_that_is_older(nights):
    earlier: dict[str, list[dict]] = {}
    num_within, num_older = 0, 0
    for alert in itertools.chain.from_iterable(nights.values()):
        history = {epoch["jd"]: epoch for epoch in alert["prv_candidates"] or []}
        for before in earlier.get(alert["objectId"], []):
            told = history.get(before["jd"])
            if before["jd"] > alert["candidate"]["jd"] - 30:
                for name in ("fid", "pid", "field", "programid", "tblid", "nneg"):
                    assert told[name] == before[name], name
                for name in ("magpsf", "sigmapsf", "ra", "dec", "diffmaglim", "rb", "magzpsci", "clrcoeff", "distnr"):
                    assert told[name] == pytest.approx(before[name], rel=1e-6), name
                num_within += 1
            else:
                assert told is None
                num_older += 1
        earlier.setdefault(alert["objectId"], []).append(alert["candidate"])
    assert num_within > 3 * ALERTS
    assert num_older > ALERTS / 4


def test_each_detection_of_a_month_is_in_the_history_of_the_next_whatever_was_written(nights):
    """Nights that were not written were observed all the same: two histories of an object agree where they overlap."""
    known: dict[str, dict[float, float]] = {}
    for alert in itertools.chain.from_iterable(nights[date] for date in NIGHTS[:5]):
        seen = {epoch["jd"]: epoch["magpsf"] for epoch in [*(alert["prv_candidates"] or []), alert["candidate"]]}
        before = known.get(alert["objectId"], {})
        assert {jd: seen[jd] for jd in seen.keys() & before.keys()} == {
            jd: before[jd] for jd in seen.keys() & before.keys()
        }
        start = alert["candidate"]["jd"] - 30
        assert {jd for jd in before if jd > start} <= set(seen)
        known[alert["objectId"]] = before | seen


def test_light_curves_go_on(nights):
    """A star that varies by half a magnitude does so around one brightness, in one band, through all nights."""
    curves: dict[tuple[str, int], list[float]] = {}
    for alert in itertools.chain.from_iterable(nights.values()):
        if alert["DR3Name"] not in ("nan", None) and alert["candidate"]["magpsf"] < 18:
            curves.setdefault((alert["objectId"], alert["candidate"]["fid"]), []).append(alert["candidate"]["magpsf"])
    longest = [curve for curve in curves.values() if len(curve) >= 4]
    assert len(longest) > 10
    assert max(max(curve) - min(curve) for curve in longest) < 1.7
    assert np.median([max(curve) - min(curve) for curve in longest]) > 0.1


def test_a_class_has_its_year_s_name(nights):
    generations = [{names.split("/")[place] for names in NAMES.split()} for place in range(3)]
    for date, alerts in nights.items():
        found = {alert["cdsxmatch"] for alert in alerts} & {*RENAMED}
        assert found <= generations[GENERATIONS.get(date.year, 2)]
        assert len(found) > 8


def test_one_object_bears_both_names(pairs):
    renamed = {(before["cdsxmatch"], now["cdsxmatch"]) for before, now in pairs}
    renamed = {(old, new) for old, new in renamed if old != new}
    assert renamed
    assert all(RENAMED[old] == RENAMED[new] for old, new in renamed)


def test_a_night_is_the_same_alone_and_a_larger_one_begins_with_a_smaller(tmp_path, nights):
    alone = nights_of(write_sample(tmp_path / "a", nights=[NIGHTS[3]], alerts_per_night=ALERTS, seed=4).archive)
    assert str(alone[NIGHTS[3]]) == str(nights[NIGHTS[3]])  # text, since NaN is not itself
    few = nights_of(write_sample(tmp_path / "b", nights=[NIGHTS[3]], alerts_per_night=40, seed=4).archive)
    larger = {alert["candid"]: alert["candidate"] for alert in nights[NIGHTS[3]]}
    for alert in few[NIGHTS[3]]:
        assert alert["candidate"] == larger[alert["candid"]]


def test_another_seed_has_another_sky(tmp_path, nights):
    other = nights_of(write_sample(tmp_path, nights=[NIGHTS[0]], alerts_per_night=ALERTS, seed=5).archive)
    places = {(alert["candidate"]["ra"], alert["candidate"]["dec"]) for alert in nights[NIGHTS[0]]}
    assert not places & {(alert["candidate"]["ra"], alert["candidate"]["dec"]) for alert in other[NIGHTS[0]]}


def test_groups_of_a_large_night_share_no_object_and_no_candid(tmp_path):
    made = write_sample(tmp_path, nights=[FIRST], alerts_per_night=3_100)
    columns = ["candid", "objectId", "candidate"]
    groups = [
        group for path in Path(made.archive).rglob("*.parquet") for group in row_groups(pq.ParquetFile(path), columns)
    ]
    shutil.rmtree(made.archive)
    assert len(groups) == 2
    names = [set(group["objectId"].to_pylist()) for group in groups]
    assert not any(one & two for one, two in itertools.combinations(names, 2))
    whole = pa.concat_tables(groups)
    assert pc.count_distinct(whole["candid"]).as_py() == 3_100
    places = pc.count_distinct(pc.struct_field(whole["candidate"], "magnr")).as_py()
    assert places <= len(set().union(*names))


def row_groups(file: pq.ParquetFile, columns: list[str]) -> list[pa.Table]:
    return [file.read_row_group(place, columns=columns) for place in range(file.num_row_groups)]
