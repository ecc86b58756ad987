"""Whether something that can't be compared is there at all: in archives whose files disagree on what it is."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import engine
from engine.archive import Archive
from engine.conditions import parse_conditions
from engine.errors import ConditionError
from engine.schema import columns_for

FEATURES = pa.struct([("deep", pa.struct([("mean", pa.float64())])), ("skew", pa.float64())])
STRINGS = pa.map_(pa.string(), pa.string())
NAMES = pa.struct([("name", pa.string())])
PRICES = pa.struct([("price", pa.decimal128(4, 1))])
MOMENTS = pa.list_(pa.struct([("jd", pa.float64())]))


def write(root: Path, night: int, **columns: pa.Array) -> None:
    folder = root / f"year=2021/month=01/day={night:02d}"
    folder.mkdir(parents=True)
    n = len(next(iter(columns.values()), [0, 0, 0, 0]))
    fixed = {
        "objectId": [f"ZTF{night}"] * n,
        "candid": list(range(10 * night, 10 * night + n)),
        "candidate": [{"jd": 2459215.5 + night}] * n,
    }
    pq.write_table(pa.table(fixed | columns), folder / "part.parquet")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Four nights: structs; a map where the others have a struct; columns of type null; none of the columns."""
    root = tmp_path_factory.mktemp("presence")
    features = [{"deep": {"mean": 1.0}, "skew": 2.0}, {"deep": {"mean": None}, "skew": None}, {"deep": None}, None]
    names = [{"name": "a"}, {"name": None}, {"name": "b"}, None]
    moments = [[{"jd": 1.0}], [], [None], None]
    exact = {
        "price": pa.array([Decimal("1.50"), None, Decimal("0"), None], pa.decimal128(5, 2)),
        "at": pa.array([dt.time(1, 2), None, dt.time(0), None], pa.time64("us")),
        "lasted": pa.array([dt.timedelta(1), None, dt.timedelta(0), None], pa.duration("us")),
        "s": pa.array([{"price": Decimal("1.5")}, {}, {"price": Decimal("0")}, None], PRICES),
    }
    write(root, 1, **exact, f=pa.array(features, FEATURES), m=pa.array(names, NAMES), a=pa.array(moments, MOMENTS))
    finer = pa.array([None, Decimal("0.0001"), None, Decimal("-1")], pa.decimal256(50, 4))
    write(
        root,
        2,
        price=finer,
        at=pa.nulls(4),
        lasted=pa.array([None, 5, None, 0], pa.duration("s")),
        m=pa.array([{"name": "a"}, {}, {"x": None}, None], STRINGS),
    )
    write(root, 3, f=pa.nulls(4), m=pa.nulls(4), a=pa.nulls(4))
    write(root, 4)
    return root


def selected(root: Path, where: str) -> list[int]:
    request = engine.TransferRequest(archive=str(root), nights="2021-01-01:2021-01-04", where=where)
    return engine.preview(request, limit=100, settings=engine.Settings())["candid"].to_pylist()


EVERY = [10 * night + row for night in (1, 2, 3, 4) for row in range(4)]


@pytest.mark.parametrize(
    ("field", "there"),
    [
        ("f", [10, 11, 12]),
        ("f.deep", [10, 11]),
        ("m", [10, 11, 12, 20, 21, 22]),
        ("a", [10, 11, 12]),
        ("candidate", EVERY),
        ("price", [10, 12, 21, 23]),
        ("at", [10, 12]),
        ("lasted", [10, 12, 21, 23]),
        ("s.price", [10, 12]),
    ],
)
def test_what_is_there_is_told_in_every_night(root, field, there):
    missing = [candid for candid in EVERY if candid not in there]
    assert selected(root, f"{field} IS NOT NULL") == selected(root, f"isnotnull({field})") == there
    assert selected(root, f"{field} IS NULL") == selected(root, f"NOT (({field}) IS NOT NULL)") == missing
    assert selected(root, f"{field} IS NULL OR candidate.jd > 0") == EVERY


def test_a_struct_and_one_of_its_fields_are_asked_together(root):
    assert selected(root, "f IS NOT NULL AND f.skew IS NULL") == [11, 12]
    assert selected(root, "f.deep.mean > 0 OR m IS NULL") == [10, 13, 23, *EVERY[8:]]


def test_what_is_only_asked_whether_it_is_there_is_not_compared(root):
    assert selected(root, "price IS NOT NULL AND (at IS NULL OR s.price IS NULL)") == [21, 23]
    for where in ("price > 0", "at = '01:02'", "price IN (1, null)", "coalesce(lasted, 0) = 0"):
        with pytest.raises(ConditionError) as caught:
            selected(root, where)
        assert "IS NOT NULL" in str(caught.value.next_step)


def test_of_a_struct_one_field_is_read(root):
    archive = Archive(str(root))
    (footer, *_) = archive.footers(archive.files(archive.nights()))
    leaves = parse_conditions("f IS NOT NULL AND m IS NULL AND a IS NULL", footer.schema).leaves
    assert leaves == ("present(f)", "present(m)", "size(a)")
    (file, *_) = sorted(root.rglob("*.parquet"))
    parquet = pq.ParquetFile(file)
    assert columns_for(parquet.schema_arrow, parquet.schema, leaves) == ["f.deep.mean", "m.name", "a.list.element.jd"]


def test_nights_without_it_are_noted(root):
    request = engine.TransferRequest(archive=str(root), nights="2021-01-01:2021-01-04", where="f IS NULL")
    notes = engine.plan(request, settings=engine.Settings()).notes
    assert "f is missing in 3 of 4 nights: null there" in notes
