"""Every function that a condition can call, by each of its names.

A family's module lists its entries; a further function is one more entry there, and nothing else. The parser, the
notes, the refusals, the workers and the table in docs/conditions.md read them here.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from engine.conditions.expressions import Term
from engine.conditions.functions.casts import Computation
from engine.conditions.functions.choices import CHOICES
from engine.conditions.functions.entry import Function
from engine.conditions.functions.instead import INSTEAD
from engine.conditions.functions.lists import LISTS
from engine.conditions.functions.numbers import NUMBERS
from engine.conditions.functions.operators import OPERATORS
from engine.conditions.functions.sky import SKY
from engine.conditions.functions.texts import TEXTS
from engine.conditions.operands import Translator

__all__ = [
    "computation",
    "function_called",
    "function_named",
    "function_names",
    "functions",
    "is_computed",
    "register",
    "translate_call",
]

_FUNCTIONS: dict[str, Function] = {}
_BY_ANY_NAME: dict[str, Function] = {}


def register(function: Function) -> None:
    """Take a function into the language of the conditions.

    Raises
    ------
    ValueError
        If one of its names is another function's, or an operator's.
    """
    taken = [name for name in function.names if name in _BY_ANY_NAME]
    if taken or (function.compute is not None and function.name in OPERATORS):
        raise ValueError(f"there are two functions named {(taken or [function.name])[0]}")
    _FUNCTIONS[function.name] = function
    _BY_ANY_NAME.update(dict.fromkeys(function.names, function))


for _family in (NUMBERS, CHOICES, TEXTS, LISTS, SKY):
    for _function in _family:
        register(_function)


def functions() -> Iterator[Function]:
    """Yield every entry, those of a family together."""
    yield from _FUNCTIONS.values()


def function_names() -> tuple[str, ...]:
    """Return every name of every function, in alphabetical order."""
    return tuple(sorted(_BY_ANY_NAME))


def function_named(name: str) -> Function | None:
    """Return the function that a condition calls by a name, in whatever case."""
    return _BY_ANY_NAME.get(name.lower())


def function_called(term: Term) -> Function | None:
    """Return the function whose result a term is, as it stands; None of anything else."""
    name, opened, _ = term.sql.partition("(")
    return _FUNCTIONS.get(name.rpartition("_")[0]) if opened else None


def translate_call(to: Translator, node: exp.Anonymous) -> Term:
    """Return the term of a call of a function.

    Raises
    ------
    ConditionError
        If there is no such function, or its arguments are not what it takes.
    """
    function = function_named(node.name)
    if function is not None:
        return function(to, node)
    missing, given = f"there is no function {node.name[:50]}", node.name.lower()
    if given in INSTEAD:
        to.fail(node, missing, next_step=INSTEAD[given])
    to.fail(node, missing, names=(given, function_names()))


def is_computed(function: str) -> bool:
    """Return whether an operator or a function of this name is computed on columns."""
    return function in OPERATORS or (function in _FUNCTIONS and _FUNCTIONS[function].compute is not None)


def computation(function: str) -> tuple[Computation, bool]:
    """Return what computes an operator or a function, and whether it is strict."""
    if function in OPERATORS:
        return OPERATORS[function]
    found = _FUNCTIONS[function]
    if found.compute is None:
        raise KeyError(function)
    return found.compute, found.is_strict
