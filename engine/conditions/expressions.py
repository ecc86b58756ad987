"""Typed pieces of a condition, written in dask-sql's dialect; the types and their rules are Spark 3.5's.

dask-sql gets AND, OR, NOT, IS NULL, IN and the comparisons that pandas makes as Spark does. Every other operator and
function becomes a call named by function and type of the result (`log10_double`), which the
adapter registers.
All conversions between types are written out, so that dask-sql needs to make none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

__all__ = [
    "FRACTIONS",
    "INTEGERS",
    "LIMITS",
    "NUMBERS",
    "Constant",
    "Term",
    "call",
    "cast",
    "chosen",
    "literal",
    "null",
    "number_type",
]

INTEGERS = ("tinyint", "smallint", "int", "bigint")
FRACTIONS = ("float", "double")
# A decimal is an exact number while it is a constant. Computed for a column, it is the double nearest to what Spark's
# exact arithmetic gives, which up to 15 digits is as good: 0.1 * 3 is the double that 0.3 is.
NUMBERS = (*INTEGERS, "decimal", *FRACTIONS)
LIMITS = {"tinyint": 2**7, "smallint": 2**15, "int": 2**31, "bigint": 2**63}
"""Type of whole numbers -> the first that is too large for it; the least is as far below 0."""
_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}

Constant: TypeAlias = bool | int | float | Decimal | str
"""A value as Python has it."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """A piece of a condition."""

    sql: str
    type: str
    """Spark's type: boolean, one of NUMBERS, string, or void (a bare NULL)."""
    value: Constant | None = None
    """What a literal stands for."""
    is_constant: bool = False
    """Whether no column is in it."""
    is_field: bool = False
    """Whether it is a column as it stands."""
    digits: tuple[int, int] | None = None
    """Of a decimal: its digits in all, and behind the point."""
    time: str | None = None
    """Of a text that is a column of times: `timestamp` or `date`."""

    @property
    def is_literal(self) -> bool:
        """Whether the value is known here."""
        return self.value is not None


def literal(value: Constant, type_: str | None = None) -> Term:
    """Return a constant; without a type, the one that Spark gives a literal of that kind."""
    match value:
        case bool():
            return Term(sql="TRUE" if value else "FALSE", type="boolean", value=value, is_constant=True)
        case int():
            if type_ is None:
                type_ = next((t for t in ("int", "bigint") if -LIMITS[t] <= value < LIMITS[t]), "decimal")
            return literal(Decimal(value)) if type_ == "decimal" else _number(str(value), type_, value)
        case Decimal():
            behind = max(-int(value.as_tuple().exponent), 0)  # a number has one: it is neither infinite nor NaN
            digits = (max(len(value.as_tuple().digits), behind), behind)
            return replace(_number(_float_text(float(value)), "decimal", value), digits=digits)
        case float():
            if not math.isfinite(value):
                text = literal("NaN" if value != value else "inf" if value > 0 else "-inf")
                return replace(call("cast", "double", text), value=value)
            return _number(_float_text(value), type_ or "double", value)
        case str():
            quoted = "'" + value.replace("'", "''") + "'"
            if value.startswith("_"):  # dask-sql would take it for the name of a character set
                quoted = f"unescape_string('={quoted[1:]})"
            return Term(sql=quoted, type="string", value=value, is_constant=True)
    raise TypeError(f"no literal for {type(value)}")


def _number(sql: str, type_: str, value: Constant) -> Term:
    return Term(sql=sql, type=type_, value=value, is_constant=True)


def _float_text(value: float) -> str:
    text = repr(value)
    return text if "." in text or "e" in text else text + ".0"


def null(type_: str) -> Term:
    """Return a null of a type."""
    if type_ in ("void", "decimal"):
        return Term(sql="null_double(0)", type=type_, is_constant=True, digits=(1, 0))
    return Term(sql=f"null_{type_}(0)", type=type_, is_constant=True)


def call(function: str, result: str, *operands: Term, digits: tuple[int, int] | None = None) -> Term:
    """Return a call of a registered function; a decimal, whose `digits` are given, is computed as a double."""
    arguments = ", ".join(x.sql for x in operands)
    is_constant = all(x.is_constant for x in operands)
    computed = "double" if result == "decimal" else result
    return Term(sql=f"{function}_{computed}({arguments})", type=result, is_constant=is_constant, digits=digits)


def number_type(*types: str) -> str:
    """Return the type that numbers of several types meet in."""
    kinds = set(types) - {"void"}
    if kinds & {"decimal"} and kinds & {"float", "double"}:
        return "double"
    return max(kinds, key=NUMBERS.index, default="double")


def cast(term: Term, type_: str) -> Term:
    """Return a term in another type; what can't be converted becomes null when it is computed."""
    if term.type == type_:
        return term
    if term.type == "void":
        return null(type_)
    if isinstance(term.value, int | Decimal | float) and not isinstance(term.value, bool):
        if type_ == "decimal":
            return literal(Decimal(term.value))
        if type_ == "double" and term.type != "float":
            return literal(float(term.value))
        if type_ in INTEGERS and not isinstance(term.value, float):
            whole = int(term.value)
            if -LIMITS[type_] <= whole < LIMITS[type_]:
                return literal(whole, type_)
    if type_ == "decimal":
        return replace(call("cast", "double", term), type="decimal", digits=(_DIGITS[term.type], 0))
    if term.type == "float" and type_ == "string":
        return call("floattext", "string", term)
    if term.type == "decimal" and type_ == "double":
        return replace(term, type="double")
    if term.type == "decimal" and type_ == "string" and term.is_literal:
        return literal(format(term.value, "f"))
    return call("cast", type_, term)


def chosen(function: str, values: Sequence[Term], operands: Sequence[Term]) -> Term:
    """Return a call that gives one of several values, which are alike."""
    first = values[0]
    return replace(call(function, first.type, *operands, digits=first.digits), time=first.time)
