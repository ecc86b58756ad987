from .avro import avro_schema, encode
from .derived_leaves import DERIVED_TYPES, column_for, compute_leaf, split_leaf
from .exact import kept_exact, origin_of, unit_of
from .paths import combined, descend, existing, is_list, names_along, readable_together, stored, type_at
from .union import conform, time_of, union_schemas
from .unsettled import Unsettled, check_settled, field_at

__all__ = [
    "DERIVED_TYPES",
    "Unsettled",
    "avro_schema",
    "check_settled",
    "column_for",
    "combined",
    "compute_leaf",
    "conform",
    "descend",
    "encode",
    "existing",
    "field_at",
    "is_list",
    "kept_exact",
    "names_along",
    "origin_of",
    "readable_together",
    "split_leaf",
    "stored",
    "time_of",
    "type_at",
    "union_schemas",
    "unit_of",
]
