"""Labels become names of folders that are distinct and valid on any disk, and that every reader reads back."""

import dask.dataframe as dd
import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.dataset.folder_names import NULL_FOLDER, NameRule
from consumer.errors import InputError

KEPT = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.%")
# Labels that differ in little, so that names could meet: by case, by Unicode's forms, by what encodings look like.
ALIKE = "aAbBéÉ*.%2_ /\\=~ßſKkİi\u0301e\u212a\x00\n"
labels = st.text(st.sampled_from(ALIKE), min_size=1, max_size=6) | st.text(min_size=1)
HOSTILE = [
    *("C*", "RR*", "Galaxy", "galaxy", "low-mass*", "Low-Mass*", "BrownD*", "brownD*", "SN candidate", "(TNS) SN Ia"),
    *(".", "..", "...", "a.", ".x", "_x", "a%2Fb", "%", "%2A", "a=b", "a/b", "a\\b", "a:b", 'a"b', "<|>", "?", "[a]"),
    *("~", "é", "e\u0301", "É", "CON", "nul.txt", "new\nline", "nul\0", " a", "a ", "+", "\U0001f52d", "L" * 80),
]


@given(st.booleans(), labels, labels)
@example(True, "Galaxy", "galaxy")
@example(True, "J", "%4A")
@example(False, "a", "a.")
@example(True, NULL_FOLDER.lower(), NULL_FOLDER)
def test_different_labels_have_different_names(ignores_case, one, other):
    rule = NameRule(ignores_case=ignores_case)
    names = [rule.name(one), rule.name(other), NULL_FOLDER]
    if ignores_case:
        names = [name.casefold() for name in names]
    assert len(set(names)) == 3 - (one == other)


@given(st.booleans(), labels)
@example(False, NULL_FOLDER)
@example(False, ".")
def test_a_name_is_valid_everywhere(ignores_case, label):
    name = NameRule(ignores_case=ignores_case).name(label)
    assert set(name) <= KEPT
    assert not name.endswith(".")
    assert name != NULL_FOLDER


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        (NameRule(), ["C%2A", "Galaxy", "SN%20candidate", "%C3%A9.%2E", "a%7Eb", "%5F_HIVE_DEFAULT_PARTITION__"]),
        (
            NameRule(ignores_case=True),
            [
                *("%43%2A", "%47alaxy", "%53%4E%20candidate", "%C3%A9.%2E", "a%7Eb"),
                "%5F_%48%49%56%45_%44%45%46%41%55%4C%54_%50%41%52%54%49%54%49%4F%4E__",
            ],
        ),
        (NameRule.from_owner({}), ["C*", "Galaxy", "SN%20candidate", "%C3%A9..", "a%7Eb", NULL_FOLDER]),
    ],
)
def test_names_look_as_each_rule_says(rule, names):
    assert [rule.name(label) for label in ("C*", "Galaxy", "SN candidate", "é..", "a~b", NULL_FOLDER)] == names
    assert rule.name(None) == rule.name("") == NULL_FOLDER


@pytest.mark.parametrize("rule", [NameRule(), NameRule(ignores_case=True)])
def test_a_rule_is_read_back(rule):
    assert NameRule.from_owner(rule.to_owner()) == rule


def test_a_rule_of_a_later_version_is_refused():
    with pytest.raises(InputError, match="later version") as caught:
        NameRule.from_owner({"name_rule": {"version": 3, "unheard": True}})
    assert "update" in caught.value.next_step


# Dask calls pandas in a way that the next pandas will no longer know.
of_dask = pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index")


def _write(root, rule, labels):
    for number, label in enumerate(labels):
        path = root / f"finkclass={rule.name(label)}" / "part-00000.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"n": [number]}), path)


@of_dask
@pytest.mark.parametrize("rule", [NameRule(), NameRule(ignores_case=True)], ids=["capitals kept", "encoded"])
def test_readers_read_all_labels_back(tmp_path, rule):
    _write(tmp_path, rule, HOSTILE)
    arrow = ds.dataset(tmp_path, partitioning="hive").to_table().to_pydict()
    frame = pd.read_parquet(tmp_path)
    dask_frame = dd.read_parquet(tmp_path).compute()
    lazy = pl.scan_parquet(tmp_path).collect()
    duck = duckdb.sql(f"select n, finkclass from '{tmp_path}/*/*.parquet'").fetchall()
    for read in (
        zip(arrow["n"], arrow["finkclass"], strict=True),
        zip(frame["n"], frame["finkclass"].astype(object), strict=True),
        zip(dask_frame["n"], dask_frame["finkclass"].astype(object), strict=True),
        zip(lazy["n"].to_list(), lazy["finkclass"].to_list(), strict=True),
        duck,
    ):
        assert dict(read) == dict(enumerate(HOSTILE))


@of_dask
def test_readers_read_a_missing_label_beside_others(tmp_path):
    _write(tmp_path, NameRule(), ["C*", None])
    expected = [(0, "C*"), (1, None)]
    assert ds.dataset(tmp_path, partitioning="hive").to_table().to_pydict() == {"n": [0, 1], "finkclass": ["C*", None]}
    assert sorted(pl.scan_parquet(tmp_path).collect().rows()) == expected
    assert sorted(duckdb.sql(f"select n, finkclass from '{tmp_path}/*/*.parquet'").fetchall()) == expected
    # pandas and Dask have to be told, as the README says.
    for read in (pd.read_parquet, lambda path: dd.read_parquet(path).compute()):
        with pytest.raises(pa.ArrowInvalid):
            read(tmp_path)
    told = ds.HivePartitioning.discover()
    frame = pd.read_parquet(tmp_path, partitioning=told).sort_values("n")
    hive = {"flavor": "hive", "schema": pa.schema([("finkclass", pa.string())])}
    dask_frame = dd.read_parquet(tmp_path, dataset={"partitioning": hive}).compute().sort_values("n")
    for rows in (frame, dask_frame):
        assert rows["finkclass"].iloc[0] == "C*"
        assert pd.isna(rows["finkclass"].iloc[1])
