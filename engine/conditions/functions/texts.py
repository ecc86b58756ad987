"""Functions of texts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from engine.conditions.expressions import Term
from engine.conditions.functions import casts
from engine.conditions.functions.casts import Computation, Texts
from engine.conditions.functions.entry import Function
from engine.conditions.operands import Translator
from engine.conditions.predicates import matches
from engine.conditions.values import concat

__all__ = ["TEXTS"]


def _of_text(
    name: str,
    gives: str,
    *examples: str,
    change: Callable[[str], str],
    compute: Computation,
    aliases: tuple[str, ...] = (),
) -> Function:
    return Function(
        name=name,
        usage=(f"{name}(s)",),
        gives=gives,
        examples=examples,
        arguments=("text",),
        result="string",
        aliases=aliases,
        compute=compute,
        change=change,
    )


def _changed(change: Callable[[str], str]) -> Computation:
    return lambda result, text: casts.map_texts(change, text)


def _trim(strip: Callable[[str, str], str]) -> Computation:
    return lambda result, text, chars=None: casts.map_texts(strip, text, chars if chars is not None else pa.scalar(" "))


def _search(name: str, gives: str, example: str, find: Callable[[str, str], bool]) -> Function:
    return Function(
        name=name,
        usage=(f"{name}(s, t)",),
        gives=gives,
        examples=(example,),
        arguments=("text", "text"),
        result="boolean",
        compute=lambda result, text, part: casts.map_texts(find, text, part, result=np.bool_),
    )


def _pattern(kind: type[exp.Expr]) -> Callable[..., Term]:
    def translate(to: Translator, node: exp.Anonymous, subject: exp.Expr, pattern: exp.Expr) -> Term:
        return matches(to, kind, subject, pattern)

    return translate


def _substring(result: str, text: Texts, start: np.ndarray, length: np.ndarray | None = None) -> Texts:
    def cut(value: str, start: int, length: int) -> str:
        # Spark counts from 1, from the end where negative, and lets a length begin before the text does.
        begin = start - 1 if start > 0 else (len(value) + start if start < 0 else 0)
        return value[max(begin, 0) : max(begin + length, 0)]

    return casts.map_texts(cut, text, start, np.array(2**31 - 1) if length is None else length)


def _concat(result: str, *texts: Texts) -> Texts:
    return pc.binary_join_element_wise(*texts, pa.scalar("", pa.large_string()))


def _length(value: str) -> int:
    return len(value)


TEXTS = (
    Function(
        name="length",
        usage=("length(s)",),
        gives="characters of a text",
        examples=(
            "length(objectId) = 12",
            "len(objectId) = 12",
            "char_length(objectId) = 12",
            "character_length(objectId) = 12",
        ),
        arguments=("text",),
        result="int",
        aliases=("len", "char_length", "character_length"),
        compute=lambda result, text: casts.map_texts(_length, text, result=np.int32),
        least={"int": 0},
    ),
    _of_text(
        "lower",
        "in small letters",
        "lower(cdsxmatch) = 'star'",
        "lcase(cdsxmatch) = 'star'",
        change=str.lower,
        compute=_changed(str.lower),
        aliases=("lcase",),
    ),
    _of_text(
        "upper",
        "in capital letters",
        "upper(cdsxmatch) = 'STAR'",
        "ucase(cdsxmatch) = 'STAR'",
        change=str.upper,
        compute=_changed(str.upper),
        aliases=("ucase",),
    ),
    _of_text(
        "trim",
        "without blanks at both ends",
        "trim(candidate.ssnamenr) = 'null'",
        change=lambda text: text.strip(" "),
        compute=_trim(str.strip),
    ),
    _of_text(
        "ltrim",
        "without blanks at the left",
        "ltrim(cdsxmatch) = 'Star'",
        change=lambda text: text.lstrip(" "),
        compute=_trim(str.lstrip),
    ),
    _of_text(
        "rtrim",
        "without blanks at the right",
        "rtrim(cdsxmatch) = 'Star'",
        change=lambda text: text.rstrip(" "),
        compute=_trim(str.rstrip),
    ),
    Function(
        name="substring",
        usage=("substring(s, start)", "substring(s, start, length)"),
        gives="counted from 1, from the end where negative",
        examples=("substring(objectId, 4, 2) = '21'", "substr(objectId, -3) = 'abc'"),
        arguments=("text", "int", "int"),
        num_optional=1,
        result="string",
        aliases=("substr",),
        compute=_substring,
    ),
    Function(
        name="concat",
        usage=("concat(s, …)",),
        gives="texts in a row; null where one is",
        examples=("concat(objectId, '/', candid) <> ''",),
        arguments=("text",),
        takes_more=True,
        result="string",
        translate=lambda to, node, *operands: concat(to, operands),
        compute=_concat,
    ),
    _search(
        "startswith",
        "whether s begins with t",
        "startswith(objectId, 'ZTF21')",
        lambda text, part: text.startswith(part),
    ),
    _search("endswith", "whether s ends with t", "endswith(objectId, 'z')", lambda text, part: text.endswith(part)),
    _search("contains", "whether t is in s", "contains(cdsxmatch, 'Star')", lambda text, part: part in text),
    Function(
        name="like",
        usage=("like(s, p)",),
        gives="as the operator",
        examples=("like(objectId, 'ZTF%')",),
        arguments=("text", "a pattern in quotes"),
        result="boolean",
        translate=_pattern(exp.Like),
    ),
    Function(
        name="ilike",
        usage=("ilike(s, p)",),
        gives="as the operator",
        examples=("ilike(cdsxmatch, '%STAR%')",),
        arguments=("text", "a pattern in quotes"),
        result="boolean",
        translate=_pattern(exp.ILike),
    ),
    Function(
        name="rlike",
        usage=("rlike(s, p)",),
        gives="as the operator",
        examples=("rlike(objectId, '^ZTF')", "regexp(objectId, '^ZTF')", "regexp_like(objectId, '^ZTF')"),
        arguments=("text", "a pattern in quotes"),
        result="boolean",
        aliases=("regexp", "regexp_like"),
        translate=_pattern(exp.RegexpLike),
    ),
)
