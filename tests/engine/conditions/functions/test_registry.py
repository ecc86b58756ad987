"""The registry of functions: an entry is all that a function needs, and each entry's own examples run."""

import re

import numpy as np
import pyarrow as pa
import pytest

from engine.conditions import filter_table, leaf_type, parse_conditions
from engine.conditions.functions import (
    Function,
    function_named,
    function_names,
    functions,
    register,
    registry,
    table_of_functions,
)
from engine.errors import ConditionError

SCHEMA = pa.schema([("x", pa.float64()), ("s", pa.string())])
TABLE = pa.table({"x": [1.0, -4.0, None, float("nan")], "s": ["a", "b", "c", None]}, schema=SCHEMA)


def rows(text: str) -> list[int]:
    conditions = parse_conditions(text, SCHEMA)
    narrow = pa.schema([(leaf, leaf_type(SCHEMA, leaf)) for leaf in conditions.leaves])
    return filter_table(TABLE.select(narrow.names), conditions.sql).tolist()


@pytest.fixture
def doubled(monkeypatch):
    """A function that only this test has."""
    monkeypatch.setattr(registry, "_FUNCTIONS", dict(registry._FUNCTIONS))
    monkeypatch.setattr(registry, "_BY_ANY_NAME", dict(registry._BY_ANY_NAME))
    entry = Function(
        name="doubled",
        usage=("doubled(x)",),
        gives="twice x",
        examples=("doubled(candidate.magpsf) > 36", "twice(candidate.magpsf) > 36"),
        arguments=("double",),
        result="double",
        aliases=("twice",),
        compute=lambda result, x: 2 * np.abs(x),
        least={"double": 0.0},
    )
    register(entry)
    return entry


def test_a_function_is_one_entry(doubled):
    assert rows("doubled(x) = 8") == rows("TWICE(x) = 8") == [1]
    assert rows("doubled(x) IS NULL") == [2]
    assert rows("doubled('3') = 6 AND s = 'a'") == [0]  # texts are read as numbers, as of every function of numbers
    assert "| `doubled(x)`, `twice(x)` | twice x |" in table_of_functions()
    assert {"doubled", "twice"} <= set(function_names())
    (never, *_) = parse_conditions("doubled(x) < -1", SCHEMA).notes
    assert "no alert" in never
    for wrong in ("doubled(x, 1) > 2", "doubled() > 2"):
        with pytest.raises(ConditionError) as caught:
            parse_conditions(wrong, SCHEMA)
        assert caught.value.accepted == "1 of them"
    with pytest.raises(ConditionError) as caught:
        parse_conditions("dubled(x) > 1", SCHEMA)
    assert "doubled" in caught.value.accepted


def test_no_two_functions_have_a_name(doubled):
    with pytest.raises(ValueError, match="twice"):
        register(
            Function(name="twice", usage=("twice(x)",), gives="", examples=(), arguments=("double",), result="double")
        )


@pytest.mark.parametrize("entry", list(functions()), ids=lambda entry: entry.name)
def test_entry_says_all(entry):
    called = {name.lower() for example in entry.examples for name in re.findall(r"(\w+)\(", example)}
    assert set(entry.names) <= called
    assert all(usage.startswith(f"{entry.name}(") for usage in entry.usage)
    assert entry.gives
    assert all(function_named(name.upper()) is entry for name in entry.names)
    fewest, most = entry.num_arguments
    assert 1 <= fewest <= most
    assert entry.translate is not None or (entry.result is not None and entry.compute is not None)
