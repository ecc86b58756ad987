from .avro import avro_schema, encode
from .conforming import conform
from .derived_leaves import columns_for, compute_leaves
from .distinct import once_a_schema
from .exact import kept_exact, origin_of, unit_of
from .leaf_columns import leaf_at, leaf_values, paths_in, plain_path
from .list_leaves import DERIVED_TYPES, PREDICATES, ListLeaf, list_leaf, paths_read, shown_leaf, split_leaf
from .paths import (
    combined,
    descend,
    existing,
    has_path,
    is_list,
    names_along,
    readable_together,
    stored,
    type_at,
    with_type,
)
from .union import time_of, union_schemas
from .unsettled import Unsettled, check_settled, field_at

__all__ = [
    "DERIVED_TYPES",
    "PREDICATES",
    "ListLeaf",
    "Unsettled",
    "avro_schema",
    "check_settled",
    "columns_for",
    "combined",
    "compute_leaves",
    "conform",
    "descend",
    "encode",
    "existing",
    "field_at",
    "has_path",
    "is_list",
    "kept_exact",
    "leaf_at",
    "leaf_values",
    "list_leaf",
    "names_along",
    "once_a_schema",
    "origin_of",
    "paths_in",
    "paths_read",
    "plain_path",
    "readable_together",
    "shown_leaf",
    "split_leaf",
    "stored",
    "time_of",
    "type_at",
    "union_schemas",
    "unit_of",
    "with_type",
]
