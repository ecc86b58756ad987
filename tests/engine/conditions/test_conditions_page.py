"""The page of the conditions' language keeps what it says: every example runs, every function is on it."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import engine
from engine.archive import Archive, cut_fragments
from engine.conditions import filter_table, input_schema, leaf_type, parse_conditions, with_predicates
from engine.conditions import tokens as splitting
from engine.conditions.functions import function_names, table_of_functions
from engine.errors import ConditionError
from engine.schema import union_schemas
from engine.surveys import survey_named

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "conditions.md").read_text(encoding="utf-8")
POSITION = ("candidate.ra", "candidate.dec")
CLASS_COLUMNS = survey_named("ztf").class_columns


def tables() -> list[list[dict[str, str]]]:
    """Return the page's tables, each row a dict from the column's title."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        cells = [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.splitlines()]
        titles, _, *rows = cells
        found.append([dict(zip(titles, row, strict=True)) for row in rows])
    return found


def spans(cell: str) -> list[str]:
    """Return the pieces of code in a cell."""
    return [code.strip().replace("\\|", "|") for _, code in re.findall(r"(`+)(.+?)\1(?!`)", cell)]


def column(title: str) -> list[str]:
    return [code for table in tables() for row in table if title in row for code in spans(row[title])]


BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = list(dict.fromkeys([*BLOCKS, *column("Example"), *column("Instead")]))
REFUSED = column("Refused")
NOTED = [row for table in tables() for row in table if "Noted" in row]
TRUTHS = [(spans(row["Expression"])[0], row["Is"]) for table in tables() for row in table if "Expression" in row]


def union_of(archive: Archive) -> pa.Schema:
    footers = archive.footers(archive.files(archive.nights()))
    union = union_schemas([(footer.file.path, footer.schema) for footer in reversed(footers)])
    for name in CLASS_COLUMNS:
        union = union if name in union.names else union.append(pa.field(name, pa.string()))
    return union


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Archive:
    return Archive(engine.write_sample(str(tmp_path_factory.mktemp("sample")), alerts_per_night=40, seed=3).archive)


@pytest.fixture(scope="module")
def sample_union(sample) -> pa.Schema:
    return union_of(sample)


@pytest.fixture(scope="module")
def real_union(shared_archive) -> pa.Schema:
    return union_of(Archive(str(shared_archive)))


@pytest.fixture(scope="module")
def keep(sample, sample_union):
    """Return what tells how many alerts of the sample a condition keeps, and how many there are."""
    footers = sample.footers(sample.files(sample.nights()))
    fragments = cut_fragments(footers, ["candidate"], target_nbytes=2**25, max_alerts=10_000)

    def run(text: str) -> tuple[int, int]:
        conditions = parse_conditions(text, sample_union, POSITION)
        narrow = pa.schema([(leaf, leaf_type(sample_union, leaf)) for leaf in conditions.leaves])
        needed = input_schema(narrow)
        stored = [pa.field("candid", pa.int64()), *(f for f in needed if f.name not in (*CLASS_COLUMNS, "candid"))]
        num_kept = num_all = 0
        for fragment in fragments:
            table = sample.read_leaves(fragment, [f.name for f in stored], [f.type for f in stored])
            for name in CLASS_COLUMNS:
                table = table.append_column(name, pa.repeat(pa.scalar("Unknown"), fragment.num_alerts))
            num_kept += len(filter_table(with_predicates(table, narrow), conditions.sql))
            num_all += fragment.num_alerts
        return num_kept, num_all

    return run


def test_the_page_has_examples():
    assert len(EXAMPLES) > 100
    assert len(REFUSED) > 20
    assert len(TRUTHS) > 10


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_runs_on_a_sample(keep, example):
    num_kept, num_all = keep(example)
    assert 0 <= num_kept <= num_all


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_parses_on_real_alerts(real_union, example):
    assert parse_conditions(example, real_union, POSITION).sql


@pytest.mark.parametrize("example", REFUSED)
def test_what_the_page_says_is_refused_is(sample_union, example):
    with pytest.raises(ConditionError) as caught:
        parse_conditions(example, sample_union, POSITION, survey_named("ztf"))
    assert caught.value.accepted or caught.value.next_step


@pytest.mark.parametrize(
    "text",
    [
        "prv_candidates[size(prv_candidates) - 1].magpsf < 18",
        "prv_candidates[1 + 1].magpsf < 18",
        "exists(a[0], x -> x > 1)",
        "forall(a[0], x -> x > 1)",
        "size(filter(a[0], x -> x > 1)) = 1",
        "array_contains(a[0], 1)",
    ],
)
def test_what_lists_have_in_spark_alone_is_refused_with_the_words_of_the_page(sample_union, text):
    union = sample_union.append(pa.field("a", pa.list_(pa.list_(pa.int32()))))
    assert parse_conditions("a[0][1] > 1; exists(a, x -> exists(x, y -> y > 1))", union, POSITION).sql
    with pytest.raises(ConditionError) as caught:
        parse_conditions(text, union, POSITION)
    said = caught.value.message.removeprefix("the condition: ").split(" (line")[0]
    assert f"`{said}`" in PAGE


@pytest.mark.parametrize("row", NOTED, ids=lambda row: row["Noted"])
def test_what_the_page_says_is_noted_is_and_its_way_out_is_not(real_union, row):
    noted, instead = (
        parse_conditions(spans(row[title])[0], real_union, POSITION, survey_named("ztf"))
        for title in ("Noted", "Instead")
    )
    assert noted.sql
    assert noted.notes
    assert instead.notes == ()


@pytest.mark.parametrize(("expression", "value"), TRUTHS)
def test_truth_value_is_what_the_page_says(keep, expression, value):
    expected = {
        "true": f"({expression}) IS TRUE",
        "false": f"({expression}) IS FALSE",
        "unknown": f"({expression}) IS NULL",
    }
    num_kept, num_all = keep(expected[value])
    assert num_kept == num_all


def test_the_page_has_every_function_and_no_other():
    named = {match[1].lower() for row in column("Function") if (match := re.match(r"(\w+)\(", row))}
    assert named == set(function_names())


def test_the_table_of_functions_is_that_of_the_registry():
    assert table_of_functions() in PAGE, "run: python -m engine.conditions.functions.page"


def test_every_function_has_an_example():
    used = {name.lower() for example in EXAMPLES for name in re.findall(r"(\w+)\(", example)}
    assert set(function_names()) <= used


def test_the_page_has_the_limits():
    limits = {row["Of all conditions together"]: row["At most"] for row in tables()[-1]}
    assert limits == {
        "characters": f"{splitting.MAX_CHARACTERS:,}",
        "numbers and texts": f"{splitting.MAX_VALUES:,}",
        "other words, names and signs": f"{splitting.MAX_WORDS:,}",
        "levels of nesting": f"{splitting.MAX_DEPTH}",
    }


def test_nan_counts_as_large_and_null_as_unknown(keep):
    # What the page says of Plx, on alerts that have it all: numbers, NaN and null.
    with_nan, num_all = keep("Plx > 5")
    without, _ = keep("Plx > 5 AND NOT isnan(Plx)")
    is_nan, is_null = keep("isnan(Plx)")[0], keep("Plx IS NULL")[0]
    assert with_nan == without + is_nan
    assert keep("NOT (Plx > 5)")[0] == num_all - with_nan - is_null
    assert np.all([with_nan, is_null, is_nan])
