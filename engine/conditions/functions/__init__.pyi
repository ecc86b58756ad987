from .casts import DTYPES
from .entry import Function
from .evaluation import CALL, evaluate, parse_call
from .page import table_of_functions
from .registry import (
    function_called,
    function_named,
    function_names,
    functions,
    is_computed,
    register,
    translate_call,
)

__all__ = [
    "CALL",
    "DTYPES",
    "Function",
    "evaluate",
    "function_called",
    "function_named",
    "function_names",
    "functions",
    "is_computed",
    "parse_call",
    "register",
    "table_of_functions",
    "translate_call",
]
