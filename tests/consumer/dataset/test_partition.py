"""Alerts go to the folder of their UTC date or class."""

import math
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.dataset import Partitioning, column_at
from consumer.errors import InputError, WireError

NULL = "__HIVE_DEFAULT_PARTITION__"
FLAT = pa.schema([("jd", pa.float64()), ("year", pa.int32()), ("finkclass", pa.string())])


def _folders(partitioning: Partitioning, table: pa.Table) -> list[str]:
    folders = [None] * table.num_rows
    for folder, positions in partitioning.split(table):
        assert list(positions) == sorted(positions)
        for at in positions.tolist():
            assert folders[at] is None
            folders[at] = folder
    return folders


def _table(jd=None, labels=None) -> pa.Table:
    num = len(jd if jd is not None else labels)
    return pa.table({"jd": jd or [2459541.0] * num, "year": [2021] * num, "finkclass": labels or ["x"] * num}, FLAT)


@given(st.lists(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), min_size=1, max_size=20))
def test_the_folder_is_the_utc_date_of_the_julian_date(times):
    days = [(time.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1) for time in times]
    julian = [day + 2440587.5 for day in days]
    expected = [datetime(1970, 1, 1) + timedelta(days=math.floor(jd - 2440587.5)) for jd in julian]
    assert _folders(Partitioning("time", FLAT, "jd"), _table(jd=julian)) == [
        f"year={day.year:04d}/month={day.month:02d}/day={day.day:02d}" for day in expected
    ]


def test_midnight_is_where_the_date_changes():
    edges = [2459540.5, math.nextafter(2459540.5, 0), 2459541.4999999, 2440587.5]
    assert _folders(Partitioning("time", FLAT, "jd"), _table(jd=edges)) == [
        "year=2021/month=11/day=22",
        "year=2021/month=11/day=21",
        "year=2021/month=11/day=22",
        "year=1970/month=01/day=01",
    ]


@pytest.mark.parametrize(
    ("time_field", "accepted"), [("jd", "time, finkclass, none"), ("candidate.jd", "finkclass, none")]
)
def test_what_the_alerts_can_be_partitioned_by_is_told(time_field, accepted):
    with pytest.raises(InputError, match="tnsclass") as caught:
        Partitioning("tnsclass", FLAT, time_field)
    assert caught.value.accepted == accepted


@pytest.mark.parametrize("jd", [None, math.nan, math.inf, -math.inf, 1e300, -1e12])
def test_no_date_has_a_folder_of_its_own(jd):
    folders = _folders(Partitioning("time", FLAT, "jd"), _table(jd=[jd, 2459540.5]))
    assert folders == [f"year={NULL}/month={NULL}/day={NULL}", "year=2021/month=11/day=22"]


def test_the_date_may_lie_inside_a_struct_that_may_be_null():
    candidate = pa.array([{"jd": 2459540.5}, None], pa.struct([("jd", pa.float64())]))
    table = pa.table({"candidate": candidate})
    folders = _folders(Partitioning("time", table.schema, "candidate.jd"), table)
    assert folders == ["year=2021/month=11/day=22", f"year={NULL}/month={NULL}/day={NULL}"]


@given(st.lists(st.none() | st.text(max_size=12), min_size=1, max_size=20))
def test_labels_are_encoded_so_that_readers_get_them_back(labels):
    folders = _folders(Partitioning("finkclass", FLAT, "jd"), _table(labels=labels))
    for label, folder in zip(labels, folders, strict=True):
        name, _, value = folder.partition("=")
        assert name == "finkclass"
        assert all(c.isascii() and (c.isalnum() or c in "_-.%") for c in value)
        assert value == NULL if not label else unquote(value) == label


def test_a_label_looks_as_the_convention_says():
    labels = ["SN candidate", "(TNS) SN Ia", "C*", "a/b~c.d-e_f"]
    assert _folders(Partitioning("finkclass", FLAT, "jd"), _table(labels=labels)) == [
        "finkclass=SN%20candidate",
        "finkclass=%28TNS%29%20SN%20Ia",
        "finkclass=C%2A",
        "finkclass=a%2Fb%7Ec.d-e_f",
    ]


@pytest.mark.parametrize(
    ("by", "names"), [("time", ["jd", "finkclass"]), ("finkclass", ["jd", "year"]), ("none", FLAT.names)]
)
def test_columns_of_the_path_are_not_in_the_files(by, names):
    partitioning = Partitioning(by, FLAT, "jd")
    assert partitioning.schema.names == names
    assert partitioning.without_path_columns(_table(labels=["x"])).schema.names == names


@pytest.mark.parametrize("by", ["time", "finkclass", "none"])
def test_a_table_without_alerts_has_the_columns_that_readers_show(by):
    names = Partitioning(by, FLAT, "jd").empty_table().schema.names
    assert set(names) == set(FLAT.names) | ({"month", "day"} if by == "time" else set())


def test_what_cannot_be_partitioned_by_is_refused():
    with pytest.raises(InputError, match="tnsclass"):
        Partitioning("tnsclass", FLAT, "jd")
    with pytest.raises(InputError, match=r"candidate\.jd"):
        Partitioning("time", FLAT, "candidate.jd")
    with pytest.raises(InputError, match="colour"):
        Partitioning("colour", FLAT, "jd")


def test_a_path_to_nothing_is_an_error():
    with pytest.raises(WireError, match=r"candidate\.x"):
        column_at(_table(labels=["x"]), "candidate.x")
    assert np.array_equal(column_at(_table(labels=["x"]), "year"), [2021])


def test_alerts_of_a_survey_that_counts_tai_go_to_their_utc_date():
    schema = pa.schema([("diaSource", pa.struct([("midpointMjdTai", pa.float64())]))])
    # 36 s and 38 s after TAI's midnight, which is 37 s before UTC's; and no time.
    times = [61041 + 36 / 86400, 61041 + 38 / 86400, None]
    table = pa.table({"diaSource": [{"midpointMjdTai": time} for time in times]}, schema)
    partitioning = Partitioning("time", schema, "diaSource.midpointMjdTai", time_scale="mjd_tai")
    assert _folders(partitioning, table) == [
        "year=2025/month=12/day=31",
        "year=2026/month=01/day=01",
        f"year={NULL}/month={NULL}/day={NULL}",
    ]
