"""A preview as a table, as JSON and as a Parquet file."""

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import engine
from tests.command_line import document, run_here


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> tuple[str, ...]:
    root = tmp_path_factory.mktemp("output")
    made = engine.write_sample(root, nights=["2021-11-22"], alerts_per_night=20)
    return "preview", "--archive", made.archive, "--nights", "2021-11-22"


def test_all_columns_go_into_a_file_that_others_read(sample, tmp_path):
    file = tmp_path / "my alerts.parquet"
    done = run_here(*sample, "--content", "full", "--limit", 3, "--output", file)
    assert done.returncode == 0, done.stderr
    assert "3 alerts in " in done.stderr
    assert "objectId" in done.stdout
    expected = document(run_here(*sample, "--content", "full", "--limit", 3, "--json"))
    columns = list(expected[0])
    for read in (pd.read_parquet(file), pl.read_parquet(file)):
        assert list(read.columns) == columns
        assert read["candid"].to_list() == [row["candid"] for row in expected]
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_json_stays_a_list_beside_a_file(sample, tmp_path):
    done = run_here(*sample, "--limit", 2, "--output", tmp_path / "a.parquet", "--json")
    assert len(document(done)) == 2
    assert pq.read_metadata(tmp_path / "a.parquet").num_rows == 2


def test_none_are_a_file_with_the_columns(sample, tmp_path):
    done = run_here(*sample, "--where", "candidate.magpsf > 99", "--output", tmp_path / "a.parquet")
    assert done.returncode == 0
    assert pq.read_schema(tmp_path / "a.parquet").names[0] == "objectId"


def test_a_file_that_is_there_stays_unless_the_user_says_so(sample, tmp_path):
    file = tmp_path / "a.parquet"
    file.write_text("mine")
    done = run_here(*sample, "--output", file)
    assert done.returncode == 2
    assert "--overwrite" in done.stderr
    assert file.read_text() == "mine"
    assert run_here(*sample, "--output", file, "--overwrite").returncode == 0
    assert pq.read_metadata(file).num_rows == 10
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--output", "alerts.csv"], "alerts.parquet"),
        (["--output", "/no/such/folder/a.parquet"], "/no/such/folder"),
        (["--output", "."], ".parquet"),
        (["--overwrite"], "--output"),
        (["--output", ""], "--output is empty"),
    ],
)
def test_where_nothing_can_be_written_nothing_is_read(words, said):
    done = run_here("preview", "--archive", "/nowhere", "--nights", "2021-11-22", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "there is no archive" not in done.stderr
