from .dask_sql_adapter import filter_table
from .fields import leaf_type
from .known_functions import ConditionFunction, condition_functions
from .lists import input_schema, with_predicates
from .parser import all_of, parse_conditions
from .texts import looks_like_condition, notes_on_comments, one_text

__all__ = [
    "ConditionFunction",
    "all_of",
    "condition_functions",
    "filter_table",
    "input_schema",
    "leaf_type",
    "looks_like_condition",
    "notes_on_comments",
    "one_text",
    "parse_conditions",
    "with_predicates",
]
