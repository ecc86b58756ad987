"""Numbers that follow each other, whichever of them are null: read together as they are one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.decoding import Datums, Decoder
from tests.consumer.decoding.oracle import read, rows_of, written

KINDS = ("float", "double", "boolean", ["null", "float"], ["double", "null"], ["null", "boolean"], ["float"])


def schema_of(kinds, *, in_list):
    fields = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(kinds)]
    record = {"type": "record", "name": "one", "fields": [*fields, {"name": "behind", "type": "string"}]}
    inner = {"type": "array", "items": record} if in_list else record
    return {"type": "record", "name": "r", "fields": [{"name": "x", "type": inner}, {"name": "end", "type": "int"}]}


def value_of(kind, random):
    if isinstance(kind, list):
        return (
            None if "null" in kind and random.random() < 0.5 else value_of(next(k for k in kind if k != "null"), random)
        )
    return bool(random.random() < 0.5) if kind == "boolean" else float(np.float32(random.normal()))


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=12),
    in_list=st.booleans(),
    num_patterns=st.integers(1, 40),
    seed=st.integers(0, 1000),
    cut=st.booleans(),
)
def test_values_and_refusals_are_those_of_fastavro(kinds, in_list, num_patterns, seed, cut):
    random = np.random.default_rng(seed)
    schema = schema_of(kinds, in_list=in_list)
    some = [{f"f{n}": value_of(k, random) for n, k in enumerate(kinds)} | {"behind": "b"} for _ in range(num_patterns)]
    datums = []
    for number in range(60):
        one = some[int(random.integers(num_patterns))]
        x = [some[int(random.integers(num_patterns))] for _ in range(int(random.integers(0, 5)))] if in_list else one
        datum = written(schema, {"x": x, "end": number})
        if cut and random.random() < 0.3:
            at = int(random.integers(len(datum)))
            datum = datum[:at] if random.random() < 0.5 else datum[:at] + b"\x05" + datum[at + 1 :]
        datums.append(datum)
    decoder = Decoder(schema)
    decoded = decoder.decode(Datums.of(datums))
    expected = read(schema, decoder.schema, datums)
    assert decoded.good.tolist() == sorted(expected)
    assert rows_of(decoded.batch) == [expected[at] for at in sorted(expected)]


@pytest.mark.parametrize("nulls", [0.0, 1.0])
def test_one_pattern_and_the_rest_of_the_buffer_does_not_count(nulls):
    schema = schema_of((["null", "float"],) * 8, in_list=False)
    random = np.random.default_rng(1)
    rows = [
        {"x": {f"f{n}": None if random.random() < nulls else 1.5 for n in range(8)} | {"behind": ""}, "end": 1}
        for _ in range(9)
    ]
    whole = Datums.of([written(schema, row) for row in rows])
    changed = whole.data.copy()
    changed[whole.ends[-1] :] = 255
    decoder = Decoder(schema)
    after = decoder.decode(Datums(data=changed, starts=whole.starts, ends=whole.ends))
    assert after.batch.equals(decoder.decode(whole).batch)
    assert after.batch.num_rows == 9
