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
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TypeAlias

__all__ = [
    "FRACTIONS",
    "INTEGERS",
    "NUMBERS",
    "Constant",
    "Term",
    "alike",
    "both",
    "call",
    "cast",
    "chosen",
    "compare",
    "decimal",
    "either",
    "is_exact",
    "is_in",
    "is_null",
    "literal",
    "negation",
    "null",
    "number_type",
    "rounded",
    "same",
    "spread",
    "whole",
]

INTEGERS = ("tinyint", "smallint", "int", "bigint")
FRACTIONS = ("float", "double")
# A decimal is an exact number while it is a constant. Computed for a column, it is the double nearest to what Spark's
# exact arithmetic gives, which up to 15 digits is as good: 0.1 * 3 is the double that 0.3 is.
NUMBERS = (*INTEGERS, "decimal", *FRACTIONS)
_LIMITS = {"tinyint": 2**7, "smallint": 2**15, "int": 2**31, "bigint": 2**63}
_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_EXACT = Context(prec=76)
_MOST_DIGITS = 38

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
                type_ = next((t for t in ("int", "bigint") if -_LIMITS[t] <= value < _LIMITS[t]), "decimal")
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
            if -_LIMITS[type_] <= whole < _LIMITS[type_]:
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


def is_null(term: Term) -> Term:
    """Return whether a term is null."""
    if term.is_constant:
        return call("isnull", "boolean", term)
    return Term(sql=f"({term.sql} IS NULL)", type="boolean")


def negation(term: Term) -> Term:
    """Return NOT of a truth value."""
    if term.is_constant:
        return literal(not term.value) if term.is_literal else call("not", "boolean", term)
    return Term(sql=f"(NOT {term.sql})", type="boolean")


def both(terms: Sequence[Term], anchor: Term) -> Term:
    """Return AND of truth values; `anchor` is any column, over which constants are spread."""
    return _joined(" AND ", terms, anchor)


def either(terms: Sequence[Term], anchor: Term) -> Term:
    """Return OR of truth values."""
    return _joined(" OR ", terms, anchor)


def _joined(word: str, terms: Sequence[Term], anchor: Term) -> Term:
    if len(terms) == 1:
        return terms[0]
    # In halves, so that thousands of terms are a shallow tree.
    middle = len(terms) // 2
    halves = [_joined(word, part, anchor) for part in (terms[:middle], terms[middle:])]
    first, second = (spread(half, anchor).sql for half in halves)
    return Term(sql=f"({first}{word}{second})", type="boolean")


def spread(term: Term, anchor: Term) -> Term:
    """Return a truth value as a column, a constant one repeated on each row."""
    if not term.is_constant:
        return term
    return replace(call("everywhere", "boolean", anchor, term), is_constant=False)


def same(left: Term, right: Term) -> Term:
    """Return `left <=> right`, of terms of one type."""
    if "void" in (left.type, right.type):
        return is_null(right if left.type == "void" else left)
    return call("same", "boolean", left, right)


def compare(operator: str, left: Term, right: Term) -> Term:
    """Return a comparison (`=`, `<`, `<=`, `>`, `>=`) of terms of one type, or of a whole number with a decimal."""
    if "void" in (left.type, right.type):
        return null("boolean")
    of_whole = right.type in INTEGERS and not right.is_constant and isinstance(left.value, Decimal)
    if of_whole or (right.is_field and not left.is_field):
        return compare(_MIRRORED[operator], right, left)
    if left.type in INTEGERS and isinstance(right.value, Decimal):
        return _compare_whole(operator, left, right.value)
    if left.type == "decimal" and right.type == "decimal":
        left, right = cast(left, "double"), cast(right, "double")
    if not left.is_constant and _is_native(left, right):
        if left.type in FRACTIONS and operator in (">", ">="):
            # NaN is greater than any number, and pandas says that it is neither greater nor less.
            return negation(Term(sql=f"({left.sql} {_complement(operator)} {right.sql})", type="boolean"))
        return Term(sql=f"({left.sql} {operator} {right.sql})", type="boolean")
    if operator in (">", ">="):
        left, right, operator = right, left, _MIRRORED[operator]
    return call({"=": "equal", "<": "less", "<=": "less_equal"}[operator], "boolean", left, right)


def _complement(operator: str) -> str:
    return {">": "<=", ">=": "<"}[operator]


def _is_native(left: Term, right: Term) -> bool:
    if left.type in INTEGERS:
        return not right.is_constant or right.is_literal
    return left.type in FRACTIONS and _is_finite(right)


def _is_finite(term: Term) -> bool:
    return isinstance(term.value, int | float | Decimal) and math.isfinite(term.value)


def _compare_whole(operator: str, left: Term, value: Decimal) -> Term:
    # Exact, where going by way of a double would lose the last digits of an identifier.
    whole = int(value.to_integral_value(context=_EXACT))
    if whole != value:
        if operator == "=":
            return call("never", "boolean", left)
        operator = "<=" if operator in ("<", "<=") else ">"
        whole = math.floor(value)
    if not -_LIMITS["bigint"] <= whole < _LIMITS["bigint"]:
        # Spark says so of a null, too.
        if operator != "=":
            return literal((whole > 0) == (operator in ("<", "<=")))
        return call("never", "boolean", left)
    return compare(operator, left, literal(whole, "bigint"))


def is_in(term: Term, values: Sequence[Term], anchor: Term) -> Term:
    """Return whether a term is one of several, all of one type."""
    known = [v for v in values if v.type != "void"]
    plain: list[Term] = []
    others: list[Term] = []
    for value in known:
        (plain if _is_listable(value) and not term.is_constant else others).append(value)
    terms = [compare("=", term, v) for v in others]
    if plain:
        listed = ", ".join(v.sql for v in plain)
        # pandas says that a null is in no list; Spark, that it is not known.
        unknown = call("never", "boolean", term) if len(known) == len(values) else None
        terms += [Term(sql=f"({term.sql} IN ({listed}))", type="boolean"), *([unknown] if unknown else [])]
    if len(known) < len(values):
        terms.append(null("boolean"))
    return either(terms, anchor)


def _is_listable(term: Term) -> bool:
    if not term.is_literal:
        return False
    if term.type == "string":
        return term.sql.startswith("'")
    return term.type in INTEGERS or (term.type in FRACTIONS and _is_finite(term))


def decimal(operator: str, left: Term, right: Term) -> Term:
    """Return add, subtract, multiply, divide or mod of two whole numbers or decimals.

    Digits behind the point follow Spark's DecimalPrecision: a quotient has max(6, those of the dividend + all of the
    divisor + 1), and where a result would need more than 38 digits in all, it loses those behind the point but 6.
    """
    left, right = cast(left, "decimal"), cast(right, "decimal")
    (all1, behind1), (all2, behind2) = _digits(left), _digits(right)
    match operator:
        case "multiply":
            behind, before = behind1 + behind2, all1 + all2 + 1 - behind1 - behind2
        case "divide":
            behind, before = max(6, behind1 + all2 + 1), all1 - behind1 + behind2
        case "mod":
            behind, before = max(behind1, behind2), min(all1 - behind1, all2 - behind2)
        case _:
            behind, before = max(behind1, behind2), max(all1 - behind1, all2 - behind2) + 1
    if before + behind > _MOST_DIGITS:
        behind = max(_MOST_DIGITS - before, min(behind, 6))
    digits = (min(before + behind, _MOST_DIGITS), behind)
    if isinstance(left.value, Decimal) and isinstance(right.value, Decimal):
        return replace(_exactly(operator, left.value, right.value, behind), digits=digits)
    if operator == "mod":
        # Of whole numbers: as doubles, 3 % 0.1 is nearly 0.1.
        shift = literal(10.0**behind)
        shifted = [call("round", "double", call("multiply", "double", x, shift), literal(0)) for x in (left, right)]
        computed = call("divide", "double", call("mod", "double", *shifted), shift)
    else:
        computed = call(operator, "double", left, right)
    return call("round", "decimal", computed, literal(behind), digits=digits)


def chosen(function: str, values: Sequence[Term], operands: Sequence[Term]) -> Term:
    """Return a call that gives one of several values, which are alike."""
    first = values[0]
    return replace(call(function, first.type, *operands, digits=first.digits), time=first.time)


def is_exact(*terms: Term) -> bool:
    """Return whether whole numbers and decimals are computed to their last digit, as doubles."""
    return all(term.is_literal or _digits(cast(term, "decimal"))[0] <= 15 for term in terms)


def alike(values: Sequence[Term]) -> list[Term]:
    """Return whole numbers and decimals as decimals of the digits that hold them all."""
    values = [cast(value, "decimal") for value in values]
    behind = max(_digits(value)[1] for value in values)
    before = max(_digits(value)[0] - _digits(value)[1] for value in values)
    return [replace(value, digits=(min(before + behind, _MOST_DIGITS), behind)) for value in values]


def rounded(term: Term, places: int) -> Term:
    """Return a number rounded to so many digits behind the point, halves away from zero."""
    digits = None
    if term.type == "decimal":
        in_all, behind = _digits(term)
        kept = min(behind, max(places, 0))
        digits = (min(in_all - behind + 1 + kept, _MOST_DIGITS), kept)
    return call("round", term.type, term, literal(places), digits=digits)


def whole(function: str, term: Term) -> Term:
    """Return `floor` or `ceil` of a number."""
    if term.type == "decimal":
        in_all, behind = _digits(term)
        return call(function, "decimal", term, digits=(min(in_all - behind + 1, _MOST_DIGITS), 0))
    return call(function, "bigint", cast(term, "double") if term.type == "float" else term)


def _digits(term: Term) -> tuple[int, int]:
    return term.digits or (_MOST_DIGITS, 18)


def _exactly(operator: str, a: Decimal, b: Decimal, behind: int) -> Term:
    if operator in ("divide", "mod") and b == 0:
        return null("decimal")
    compute = {"add": _EXACT.add, "subtract": _EXACT.subtract, "multiply": _EXACT.multiply}
    value = (compute | {"divide": _EXACT.divide, "mod": _EXACT.remainder})[operator](a, b)
    if value.adjusted() + 1 + behind > _MOST_DIGITS:
        return null("decimal")  # what overflows
    return literal(value.quantize(Decimal(1).scaleb(-behind), ROUND_HALF_UP, _EXACT))
