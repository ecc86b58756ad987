from .calls import translate_call
from .evaluation import CALL, DTYPES, FUNCTIONS, evaluate, parse_call
from .signatures import FUNCTION_NAMES, OF_TEXT, SEARCHES

__all__ = [
    "CALL",
    "DTYPES",
    "FUNCTIONS",
    "FUNCTION_NAMES",
    "OF_TEXT",
    "SEARCHES",
    "evaluate",
    "parse_call",
    "translate_call",
]
