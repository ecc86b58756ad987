"""The fields that a condition names are found, and have one type in every night."""

import pyarrow as pa
import pytest

from engine.conditions import filter_table, leaf_type, parse_conditions
from engine.errors import ConditionError
from tests.engine.conditions.tables import ALERT, flat


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("CANDIDATE.MagPSF > 1", ("candidate.magpsf",)),
        ("cutoutScience.fileName IS NULL", ("cutoutScience.fileName",)),
        ("mangrove.HyperLEDA_name = 'x'", ("mangrove.HyperLEDA_name",)),
        ("mangrove.`2MASS_name` = 'x'", ("mangrove.2MASS_name",)),
        ("mangrove['2MASS_name'] = 'x'", ("mangrove.2MASS_name",)),
        ("`odd name` = 1", ("odd name",)),
        ('`quo"te` = 1', ('quo"te',)),
        ("`twin` = 1 AND Twin = 2", ("twin", "Twin")),
        ("size(prv_candidates) > 1", ("size(prv_candidates)",)),
        ("candidate.fid = 1 AND candidate.fid < 3", ("candidate.fid",)),
        ("1 = 1", ("objectId",)),
    ],
)
def test_fields_are_found_whatever_their_place_and_case(text, leaves):
    conditions = parse_conditions(text, ALERT)
    assert conditions.leaves == leaves
    filter_table(flat(**{leaf: [None] for leaf in leaves}), conditions.sql)


def test_struct_and_map_are_asked_alike():
    as_map = pa.schema([("mangrove", pa.map_(pa.string(), pa.string()))])
    for schema in (ALERT, as_map):
        conditions = parse_conditions("mangrove.HyperLEDA_name IS NOT NULL", schema)
        assert conditions.leaves == ("mangrove.HyperLEDA_name",)
        assert leaf_type(schema, "mangrove.HyperLEDA_name") == pa.string()


def test_leaves_have_types_that_do_not_depend_on_the_night():
    schema = pa.schema(
        [
            ("f", pa.float32()),
            ("i", pa.int8()),
            ("t", pa.timestamp("ns")),
            ("n", pa.null()),
            ("d", pa.dictionary(pa.int8(), pa.string())),
            ("m", pa.map_(pa.string(), pa.float32())),
            ("l", pa.list_(pa.int8())),
        ]
    )
    types = [leaf_type(schema, leaf) for leaf in ("f", "i", "t", "n", "d", "m.any", "size(l)")]
    text, double = pa.string(), pa.float64()
    assert types == [double, pa.int8(), text, text, text, double, pa.int32()]
    for leaf in ("l", "m", "nothing", "size(f)", "f.x"):
        with pytest.raises(ConditionError):
            leaf_type(schema, leaf)
