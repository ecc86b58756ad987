"""Random conditions keep the alerts that an independent reading of the same tree keeps, wherever they are computed.

Each piece of a random condition is made as SQL and, beside it, as a function of one alert in plain Python, with
Spark's rules written a second time: one alert at a time, None for null, no code of the engine's. The alerts are read
by pyarrow alone, as Python's objects.
"""

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine
from engine.archive import Archive
from engine.conditions import filter_table, leaf_type, parse_conditions
from engine.pipeline import NarrowReader
from engine.planning import make_plan
from engine.schema import union_schemas

POSITION = ("candidate.ra", "candidate.dec")
NAN = math.nan
BITS = {"int": 32, "bigint": 64}
SPARK_TYPES = {
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.string(): "string",
}


@dataclass(frozen=True)
class Piece:
    """A piece of a condition, and what it is for one alert."""

    sql: str
    type: str
    of: Callable[[dict], Any]
    is_rough: bool = False
    """Whether its last digit depends on who computes it: then it is only held against numbers that it does not hit."""


# --- Spark's rules, a second time -----------------------------------------------------------------------------------


def strict(function: Callable, *pieces: Piece) -> Callable[[dict], Any]:
    """Return a function of an alert that is null wherever a piece is."""

    def of(alert: dict) -> Any:
        values = [piece.of(alert) for piece in pieces]
        return None if any(value is None for value in values) else function(*values)

    return of


def order(x: Any) -> tuple:
    """Return a key in which NaN equals itself and comes after every number."""
    return (1, 0) if x != x else (0, x)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: order(a) == order(b),
    "<>": lambda a, b: order(a) != order(b),
    "<": lambda a, b: order(a) < order(b),
    "<=": lambda a, b: order(a) <= order(b),
    ">": lambda a, b: order(a) > order(b),
    ">=": lambda a, b: order(a) >= order(b),
}


def both(values: list) -> bool | None:
    return False if False in values else None if None in values else True


def either(values: list) -> bool | None:
    return True if True in values else None if None in values else False


def wrapped(type_: str, x: int | float) -> int | float:
    if type_ == "double":
        return x
    half = 2 ** (BITS[type_] - 1)
    return (x + half) % (2 * half) - half


def narrowed(type_: str, x: float) -> int:
    if x != x:
        return 0
    limit = 2 ** (BITS[type_] - 1)
    return int(max(-limit, min(limit - 1, math.trunc(x)))) if math.isfinite(x) else (limit - 1 if x > 0 else -limit)


def remainder(a: Any, b: Any) -> Any:
    if b == 0:
        return None
    if isinstance(a, int):
        return abs(a) % abs(b) * (-1 if a < 0 else 1)
    return NAN if math.isinf(a) or a != a or b != b else math.fmod(a, b)


def rounded(x: float, digits: int) -> float:
    if not math.isfinite(x):
        return x
    return float(Decimal(repr(x)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)) if abs(x) < 1e15 else x


def whole_part(function: Callable, x: float) -> int:
    return narrowed("bigint", function(x) if math.isfinite(x) and abs(x) < 1e300 else x)


def real(function: Callable, domain: Callable[[float], bool] = lambda x: True) -> Callable[[float], float | None]:
    """Return a function of real numbers with NaN where Python raises, and null outside of a domain."""

    def compute(x: float) -> float | None:
        if not domain(x):
            return None
        try:
            return function(x)
        except OverflowError:
            return math.inf
        except ValueError:
            return NAN

    return compute


def positive(x: float) -> bool:
    return x != x or x > 0


REAL: dict[str, Callable[[float], float | None]] = {
    "sqrt": real(math.sqrt),
    "exp": real(math.exp),
    "ln": real(math.log, positive),
    "LOG": real(math.log, positive),
    "log10": real(math.log10, positive),
    "log2": real(math.log2, positive),
    "sin": real(math.sin),
    "Cos": real(math.cos),
    "tan": real(math.tan),
    "asin": real(math.asin),
    "acos": real(math.acos),
    "atan": real(math.atan),
    "radians": real(math.radians),
    "degrees": real(math.degrees),
}


def like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(text[i:], pattern[1:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and like(text[1:], pattern[1:])


def cut(text: str, start: int, length: int) -> str:
    first = start - 1 if start > 0 else start + len(text) if start < 0 else 0
    return "".join(c for i, c in enumerate(text) if first <= i < first + length)


def to_double(text: str) -> float | None:
    text = text.strip()
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?", text):
        return float(text.rstrip("dDfF"))
    named = {"nan": NAN, "inf": math.inf, "infinity": math.inf, "-inf": -math.inf, "-infinity": -math.inf}
    return named.get(text.lower().removeprefix("+") if text.lower() != "+nan" else "")


def angle(ra1: float, dec1: float, ra2: float, dec2: float) -> float:
    """Return the angle between two directions by their vectors, in arcseconds."""
    a, b = (
        (math.cos(d) * math.cos(r), math.cos(d) * math.sin(r), math.sin(d))
        for r, d in ((math.radians(ra1), math.radians(dec1)), (math.radians(ra2), math.radians(dec2)))
    )
    across = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return math.degrees(math.atan2(math.hypot(*across), sum(x * y for x, y in zip(a, b, strict=True)))) * 3600


# --- The alerts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Alerts:
    """Alerts of an archive as Python's objects, and their narrow columns."""

    url: str
    schema: pa.Schema
    rows: list[dict]
    fields: dict[str, list[str]]
    """Paths of the leaves of each of Spark's types."""

    def value(self, path: str) -> Callable[[dict], Any]:
        """Return what a leaf is in an alert: null where the alert has no such field."""
        is_whole = pa.types.is_integer(leaf_type(self.schema, path))
        parts = path.split(".")

        def of(alert: dict) -> Any:
            value: Any = alert
            for part in parts:
                value = dict(value).get(part) if value is not None else None
            # In some nights identifiers are doubles, and a missing one is NaN.
            return (None if value != value else int(value)) if is_whole and value is not None else value

        return of

    def kept(self, condition: Piece) -> list[int]:
        return [i for i, alert in enumerate(self.rows) if condition.of(alert) is True]

    def table(self, leaves: tuple[str, ...]) -> pa.Table:
        columns = {}
        for leaf in leaves:
            name = leaf[5:-1] if leaf.startswith("size(") else leaf
            values = list(map(self.value(name), self.rows)) if name == leaf else [size_of(a, name) for a in self.rows]
            columns[leaf] = pa.array(values, leaf_type(self.schema, leaf))
        return pa.table(columns)


def size_of(alert: dict, path: str) -> int | None:
    return None if alert.get(path) is None else len(alert[path])


def read(url: Path) -> Alerts:
    archive = Archive(str(url))
    footers = archive.footers(archive.files(archive.nights()))
    schema = union_schemas([(footer.file.path, footer.schema) for footer in reversed(footers)])
    rows, types = [], {}
    for footer in footers:
        # Without dataset discovery, the folders' names make no columns.
        table = pq.ParquetFile(footer.file.path).read()
        table = table.drop_columns([name for name in table.column_names if name.startswith("cutout")])
        rows += table.to_pylist()
        for name, type_ in leaves_of(table.schema):
            types.setdefault(name, set()).add(type_)
    fields: dict[str, list[str]] = {}
    for name, found in types.items():
        # Times and dictionaries are read as texts, which is tested elsewhere.
        if not any(pa.types.is_temporal(t) or pa.types.is_dictionary(t) or pa.types.is_null(t) for t in found):
            fields.setdefault(SPARK_TYPES[leaf_type(schema, name)], []).append(name)
    return Alerts(url=str(url), schema=schema, rows=rows, fields=fields)


def leaves_of(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    found = []
    for field in schema:
        if pa.types.is_struct(field.type):
            found += [(f"{field.name}.{inner.name}", inner.type) for inner in field.type]
        elif not pa.types.is_nested(field.type):
            found.append((field.name, field.type))
    return found


@pytest.fixture(scope="module", params=["real", "sample"])
def alerts(request, tmp_path_factory) -> Alerts:
    if request.param == "real":
        return read(request.getfixturevalue("shared_archive"))
    sample = engine.write_sample(str(tmp_path_factory.mktemp("sample")), alerts_per_night=60, seed=5)
    return read(Path(sample.archive))


# --- Random conditions ----------------------------------------------------------------------------------------------


class Grammar:
    """Makes random pieces over the fields of some alerts."""

    def __init__(self, alerts: Alerts, draw: Callable):
        self.alerts, self.draw = alerts, draw

    def one_of(self, *choices: Any) -> Any:
        return choices[self.draw(st.integers(0, len(choices) - 1))]

    def field(self, type_: str) -> Piece:
        path = self.one_of(*self.alerts.fields[type_])
        quoted = ".".join(f"`{p}`" if not re.fullmatch("[A-Za-z_]+", p) else p for p in path.split("."))
        return Piece(quoted, type_, self.alerts.value(path))

    def seen(self, field: Piece) -> Any:
        """Return a value that a field has in some alert, or None."""
        return field.of(self.one_of(*self.alerts.rows))

    # --- Numbers ----------------------------------------------------------------------------------------------------

    def double_literal(self, near: Any = None) -> Piece:
        if near is not None and near != near:
            return Piece("CAST('NaN' AS DOUBLE)", "double", lambda alert: NAN)
        value = near if near is not None and math.isfinite(near) else self.draw(st.floats(-50, 50))
        sql = self.one_of(f"{value!r}D", f"{value:.17e}", f"CAST('{value!r}' AS DOUBLE)")
        return Piece(f"({sql})", "double", lambda alert: value)

    def whole_literal(self, near: Any = None) -> Piece:
        value = near if near is not None else self.draw(st.integers(-3, 400))
        type_ = "int" if -(2**31) < value < 2**31 else "bigint"
        return Piece(f"({value})", type_, lambda alert: value)

    def number(self, depth: int) -> Piece:
        return self.double(depth) if self.draw(st.booleans()) else self.whole(depth)

    def double(self, depth: int) -> Piece:
        """Return a double whose every digit is certain."""
        if depth <= 0:
            return self.one_of(self.field, self.field, self.with_nan, self.cast_to_double)("double")
        x = self.double(depth - 1)
        match self.one_of(
            *(
                "field",
                "nan",
                "arithmetic",
                "chain",
                "divide",
                "modulo",
                "function",
                "nanvl",
                "round",
                "choice",
                "negate",
            )
        ):
            case "nan":
                return self.with_nan("double")
            case "modulo":
                y = self.double_literal()
                return Piece(f"({x.sql} % {y.sql})", "double", strict(remainder, x, y))
            case "arithmetic":
                return self.arithmetic("double", x, self.number(depth - 1))
            case "chain":
                return self.chain(x, self.double(depth - 1), self.double_literal())
            case "divide":
                y = self.number(depth - 1)
                return Piece(
                    f"({x.sql} / {y.sql})", "double", strict(lambda a, b: None if b == 0 else float(a) / float(b), x, y)
                )
            case "function":
                name = self.one_of("abs", "sign", "sqrt")
                functions = {"abs": abs, "sign": lambda v: v if v != v else float((v > 0) - (v < 0))}
                return Piece(f"{name}({x.sql})", "double", strict(functions.get(name, REAL["sqrt"]), x))
            case "nanvl":
                y = self.double(depth - 1)
                return Piece(
                    f"nanvl({x.sql}, {y.sql})",
                    "double",
                    lambda alert: (
                        y.of(alert) if x.of(alert) is not None and x.of(alert) != x.of(alert) else x.of(alert)
                    ),
                )
            case "round":
                digits = self.draw(st.integers(0, 3))
                return Piece(f"round({x.sql}, {digits})", "double", strict(lambda a: rounded(a, digits), x))
            case "choice":
                return self.choice(depth, x, self.double(depth - 1))
            case "negate":
                return Piece(f"(-{x.sql})", "double", strict(lambda a: -a, x))
        return self.field("double")

    def with_nan(self, type_: str) -> Piece:
        """Return a number that is NaN for many alerts, and of either sign for others."""
        x, limit = self.field("double"), self.one_of(0.5, 18.0, 100.0)
        name = self.one_of("sqrt", "asin", "nan", "offset")
        if name in REAL:
            return Piece(f"round({name}({x.sql}), 3)", type_, strict(lambda a: rounded(REAL[name](a), 3), x))
        if name == "nan":
            return Piece("CAST('NaN' AS DOUBLE)", type_, lambda alert: NAN)
        return Piece(f"({x.sql} - {limit}D)", type_, strict(lambda a: a - limit, x))

    def cast_to_double(self, type_: str) -> Piece:
        x = self.field(self.one_of("string", "int", "bigint"))
        return Piece(f"CAST({x.sql} AS DOUBLE)", type_, strict(to_double if x.type == "string" else float, x))

    def whole(self, depth: int) -> Piece:
        if depth <= 0:
            return self.one_of(self.field, self.field, self.size)(self.one_of("int", "bigint"))
        match self.one_of("field", "arithmetic", "modulo", "floor", "cast", "length", "truth", "choice", "abs"):
            case "arithmetic":
                x, y = self.whole(depth - 1), self.whole(depth - 1)
                return self.arithmetic("bigint" if "bigint" in (x.type, y.type) else "int", x, y)
            case "modulo":
                x, y = self.whole(depth - 1), self.whole_literal()
                if self.draw(st.booleans()):
                    inner = x
                    x = Piece(f"(-{inner.sql})", x.type, strict(lambda a: wrapped(inner.type, -a), inner))
                type_ = "bigint" if "bigint" in (x.type, y.type) else "int"
                sql = self.one_of(f"({x.sql} % {y.sql})", f"mod({x.sql}, {y.sql})")
                return Piece(sql, type_, strict(remainder, x, y))
            case "floor":
                x, name = self.double(depth - 1), self.one_of("floor", "ceil")
                function = math.floor if name == "floor" else math.ceil
                return Piece(f"{name}({x.sql})", "bigint", strict(lambda a: whole_part(function, a), x))
            case "cast":
                x, type_ = self.double(depth - 1), self.one_of("int", "bigint")
                return Piece(f"CAST({x.sql} AS {type_.upper()})", type_, strict(lambda a: narrowed(type_, a), x))
            case "length":
                x = self.text(depth - 1)
                return Piece(f"length({x.sql})", "int", strict(len, x))
            case "truth":
                x = self.truth(depth - 1)
                return Piece(f"CAST({x.sql} AS INT)", "int", strict(int, x))
            case "choice":
                x = self.whole(depth - 1)
                return self.choice(depth, x, self.field(x.type))
            case "abs":
                x = self.whole(depth - 1)
                return Piece(f"abs({x.sql})", x.type, strict(lambda a: wrapped(x.type, abs(a)), x))
        return self.field(self.one_of("int", "bigint"))

    def size(self, type_: str) -> Piece:
        return Piece(
            self.one_of("size(prv_candidates)", "SIZE(PRV_CANDIDATES)"),
            "int",
            lambda alert: -1 if alert.get("prv_candidates") is None else len(alert["prv_candidates"]),
        )

    def arithmetic(self, type_: str, x: Piece, y: Piece) -> Piece:
        operator = self.one_of("+", "-", "*")
        kind = float if type_ == "double" else int
        operations = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
        compute = operations[operator]
        return Piece(
            f"({x.sql} {operator} {y.sql})",
            type_,
            strict(lambda a, b: wrapped(type_, compute(kind(a), kind(b))), x, y),
            x.is_rough or y.is_rough,
        )

    def chain(self, x: Piece, y: Piece, z: Piece) -> Piece:
        if self.draw(st.booleans()):
            return Piece(f"({x.sql} + {y.sql} * {z.sql})", "double", strict(lambda a, b, c: a + b * c, x, y, z))
        return Piece(f"({x.sql} - {y.sql} - {z.sql})", "double", strict(lambda a, b, c: (a - b) - c, x, y, z))

    def rough(self, depth: int) -> Piece:
        """Return a number whose last digit is uncertain."""
        x = self.double(depth - 1)
        match self.one_of("function", "function", "log", "power", "atan2", "arithmetic"):
            case "log":
                base = self.one_of(2, 10)
                logarithm = real(lambda a: math.log(a) / math.log(base), positive)
                return Piece(f"log({base}, {x.sql})", "double", strict(logarithm, x), True)
            case "power":
                exponent = self.one_of(2, 3, -1)

                def power(a: float) -> float:
                    return math.copysign(math.inf, a) if a == 0 and exponent < 0 else a**exponent

                bounded = Piece(f"least(greatest({x.sql}, -1e9D), 1e9D)", "double", self.bounded(x))
                return Piece(f"power({bounded.sql}, {exponent})", "double", strict(power, bounded), True)
            case "atan2":
                y = self.field("double")
                return Piece(
                    f"atan2({x.sql}, {y.sql})", "double", strict(lambda a, b: math.atan2(a + 0.0, b + 0.0), x, y), True
                )
            case "arithmetic" if depth > 0:
                return self.arithmetic("double", self.rough(depth - 1), self.double_literal())
        name = self.one_of(*REAL)
        return Piece(f"{name}({x.sql})", "double", strict(REAL[name], x), True)

    @staticmethod
    def bounded(x: Piece) -> Callable[[dict], float]:
        def of(alert: dict) -> float:
            value = x.of(alert)
            # greatest and least pass nulls over, and NaN is the greatest.
            return -1e9 if value is None else 1e9 if value != value else max(-1e9, min(1e9, value))

        return of

    # --- Texts --------------------------------------------------------------------------------------------------

    def text_literal(self, near: str | None = None) -> Piece:
        value = near if near is not None else self.one_of("Star", "Unknown", "", "ZTF21", "null", "it's", "a\\b", "_x")
        return Piece(
            f"'{value.replace(chr(92), chr(92) * 2).replace(chr(39), chr(92) + chr(39))}'", "string", lambda a: value
        )

    def text(self, depth: int) -> Piece:
        if depth <= 0:
            return self.field("string")
        x = self.text(depth - 1)
        match self.one_of("field", "case", "trim", "substring", "concat", "choice", "number"):
            case "case":
                name = self.one_of("lower", "UPPER")
                return Piece(f"{name}({x.sql})", "string", strict(str.lower if name == "lower" else str.upper, x))
            case "trim":
                return Piece(f"trim({x.sql})", "string", strict(lambda a: a.strip(" "), x))
            case "substring":
                start, length = self.draw(st.integers(-5, 5)), self.draw(st.integers(0, 6))
                return Piece(
                    f"substring({x.sql}, {start}, {length})", "string", strict(lambda a: cut(a, start, length), x)
                )
            case "concat":
                y = self.one_of(self.text_literal, lambda: self.field("string"))()
                sql = self.one_of(f"concat({x.sql}, {y.sql})", f"({x.sql} || {y.sql})")
                return Piece(sql, "string", strict(lambda a, b: a + b, x, y))
            case "choice":
                return self.choice(depth, x, self.text_literal())
            case "number":
                y = self.whole(0)
                return Piece(f"CAST({y.sql} AS STRING)", "string", strict(str, y))
        return self.field("string")

    # --- Choices of any type ----------------------------------------------------------------------------------------

    def choice(self, depth: int, x: Piece, y: Piece) -> Piece:
        type_ = x.type
        match self.one_of("if", "case", "coalesce", "nullif", "extreme"):
            case "if":
                test = self.truth(depth - 1)
                return Piece(
                    f"if({test.sql}, {x.sql}, {y.sql})",
                    type_,
                    lambda alert: x.of(alert) if test.of(alert) is True else y.of(alert),
                )
            case "case":
                test = self.truth(depth - 1)
                return Piece(
                    f"(CASE WHEN {test.sql} THEN {x.sql} WHEN {y.sql} IS NOT NULL THEN {y.sql} END)",
                    type_,
                    lambda alert: x.of(alert) if test.of(alert) is True else y.of(alert),
                )
            case "coalesce":
                name = self.one_of("coalesce", "ifnull", "nvl")
                return Piece(
                    f"{name}({x.sql}, {y.sql})",
                    type_,
                    lambda alert: y.of(alert) if x.of(alert) is None else x.of(alert),
                )
            case "nullif":
                is_equal = strict(COMPARISONS["="], x, y)
                return Piece(
                    f"nullif({x.sql}, {y.sql})", type_, lambda alert: None if is_equal(alert) is True else x.of(alert)
                )
        name = self.one_of("greatest", "least")
        prefer = max if name == "greatest" else min

        def of(alert: dict) -> Any:
            known = [value for value in (x.of(alert), y.of(alert)) if value is not None]
            return prefer(known, key=order) if known else None

        return Piece(f"{name}({x.sql}, {y.sql})", type_, of)

    # --- Truth values -----------------------------------------------------------------------------------------------

    def truth(self, depth: int) -> Piece:
        """Return a condition, in parentheses or of one piece."""
        if depth <= 0:
            return self.atom(1)
        match self.one_of("atom", "atom", "join", "join", "mixed", "not", "case", "field", "is", "null"):
            case "join":
                word = self.one_of("AND", "OR", "and", "Or")
                parts = [self.truth(depth - 1) for _ in range(self.draw(st.integers(2, 3)))]
                join = both if word.upper() == "AND" else either
                sql = f" {word} ".join(part.sql for part in parts)
                return Piece(f"({sql})", "boolean", lambda alert: join([part.of(alert) for part in parts]))
            case "mixed":
                return self.mixed()
            case "not":
                x, word = self.truth(depth - 1), self.one_of("NOT ", "!", "not\n")
                return Piece(f"({word}{x.sql})", "boolean", strict(lambda a: not a, x))
            case "case":
                return self.choice(depth, self.truth(depth - 1), self.truth(depth - 1))
            case "field":
                if "boolean" in self.alerts.fields:
                    return self.field("boolean")
            case "is":
                x, word, wanted = self.truth(depth - 1), self.one_of("", "NOT "), self.one_of(True, False)
                return Piece(
                    f"({x.sql} IS {word}{str(wanted).upper()})",
                    "boolean",
                    lambda alert: (x.of(alert) is wanted) != bool(word),
                )
            case "null":
                return Piece("(NULL)", "boolean", lambda alert: None)
        return self.atom(depth)

    def mixed(self) -> Piece:
        """Return OR of ANDs of negations without parentheses: the operators' precedence alone tells them apart."""
        groups = []
        for _ in range(self.draw(st.integers(1, 3))):
            group = []
            for _ in range(self.draw(st.integers(1, 3))):
                x = self.comparison(self.field("double"), self.double_literal())
                bare = Piece(x.sql[1:-1], "boolean", x.of)
                group.append(
                    Piece(f"NOT {bare.sql}", "boolean", strict(lambda a: not a, x))
                    if self.draw(st.booleans())
                    else bare
                )
            groups.append(group)
        sql = " OR ".join(" AND ".join(x.sql for x in group) for group in groups)
        return Piece(
            f"({sql})", "boolean", lambda alert: either([both([x.of(alert) for x in group]) for group in groups])
        )

    def comparison(self, x: Piece, y: Piece) -> Piece:
        operator = self.one_of(*COMPARISONS, "==", "!=", "<=>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
        if x.is_rough or y.is_rough:
            operator = self.one_of("<", ">")
        is_double = "double" in (x.type, y.type)
        sql = f"({x.sql} {operator} {y.sql})"

        def compare(operator: str, a: Any, b: Any) -> bool:
            return COMPARISONS[operator](*(map(float, (a, b)) if is_double else (a, b)))

        if operator in ("<=>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"):

            def same(alert: dict) -> bool:
                a, b = x.of(alert), y.of(alert)
                equal = a is b is None or (a is not None and b is not None and compare("=", a, b))
                return equal != (operator == "IS DISTINCT FROM")

            return Piece(sql, "boolean", same)

        sign = {"==": "=", "!=": "<>"}.get(operator, operator)
        return Piece(sql, "boolean", strict(lambda a, b: compare(sign, a, b), x, y))

    def atom(self, depth: int) -> Piece:
        """Return a predicate."""
        return self.one_of(
            *(
                self.numbers_compared,
                self.rough_compared,
                self.texts_compared,
                self.decimal_compared,
                self.between,
                self.nan_compared,
            ),
            *(
                self.listed,
                self.matching,
                self.searching,
                self.is_null,
                self.is_nan,
                self.cone,
                self.night,
                self.by_cast,
            ),
        )(depth)

    def numbers_compared(self, depth: int) -> Piece:
        x = self.number(depth)
        if self.draw(st.booleans()):
            return self.comparison(x, self.number(depth - 1))
        seen = self.seen(x)
        y = self.double_literal(seen) if x.type == "double" else self.whole_literal(seen)
        return self.comparison(y, x) if self.draw(st.booleans()) else self.comparison(x, y)

    def nan_compared(self, depth: int) -> Piece:
        x = self.with_nan("double")
        return self.comparison(x, self.one_of(self.with_nan("double"), x, self.field("double")))

    def rough_compared(self, depth: int) -> Piece:
        return self.comparison(self.rough(depth), Piece("0.1234567891D", "double", lambda alert: 0.1234567891))

    def texts_compared(self, depth: int) -> Piece:
        x = self.text(depth)
        return self.comparison(
            x, self.one_of(lambda: self.text_literal(self.seen(x)), self.text_literal, lambda: self.text(0))()
        )

    def decimal_compared(self, depth: int) -> Piece:
        # A whole number is held against a decimal exactly, without going by way of a double.
        x, value = self.whole(depth), Decimal(self.draw(st.integers(-40, 4000))).scaleb(-1)
        seen = self.seen(x)
        if seen is not None and self.draw(st.booleans()):
            value = Decimal(seen) + self.one_of(Decimal("0"), Decimal("0.5"))
        operator = self.one_of(*COMPARISONS)
        return Piece(
            f"({x.sql} {operator} ({value:f}{'' if '.' in f'{value:f}' else '.0'}))",
            "boolean",
            strict(lambda a: COMPARISONS[operator](Fraction(a), Fraction(value)), x),
        )

    def between(self, depth: int) -> Piece:
        x = self.double(depth)
        low, high = self.double_literal(self.seen(x)), self.double_literal(self.seen(x))
        word = self.one_of("", "NOT ")

        def of(alert: dict) -> bool | None:
            inside = both([strict(COMPARISONS[">="], x, low)(alert), strict(COMPARISONS["<="], x, high)(alert)])
            return inside if inside is None or not word else not inside

        return Piece(f"({x.sql} {word}BETWEEN {low.sql} AND {high.sql})", "boolean", of)

    def listed(self, depth: int) -> Piece:
        x = self.one_of(self.double, self.whole, self.text)(depth)
        make = {"double": self.double_literal, "string": self.text_literal}.get(x.type, self.whole_literal)
        values = [make(self.seen(x)) for _ in range(self.draw(st.integers(1, 3)))]
        if self.draw(st.booleans()):
            values.append(Piece("NULL", x.type, lambda alert: None))
        word = self.one_of("", "NOT ")

        def of(alert: dict) -> bool | None:
            found = either([strict(COMPARISONS["="], x, value)(alert) for value in values])
            return found if found is None or not word else not found

        return Piece(f"({x.sql} {word}IN ({', '.join(v.sql for v in values)}))", "boolean", of)

    def matching(self, depth: int) -> Piece:
        x = self.text(depth)
        if self.draw(st.booleans()):
            pattern = self.one_of("ZTF", "^[A-Z]", "[0-9]$", "a|b", "^$", "n.*n")
            of = strict(lambda a: re.search(pattern, a) is not None, x)
            return Piece(f"({x.sql} RLIKE '{pattern}')", "boolean", of)
        word, pattern = (
            self.one_of("LIKE", "ILIKE"),
            self.one_of("ZTF%", "%a%", "U_known", "%", "", "_", "%1__%", "s%r"),
        )
        fold = str.lower if word == "ILIKE" else str
        return Piece(f"({x.sql} {word} '{pattern}')", "boolean", strict(lambda a: like(fold(a), fold(pattern)), x))

    def searching(self, depth: int) -> Piece:
        x, part, name = (
            self.text(depth),
            self.one_of("a", "ZTF", "", "n"),
            self.one_of("startswith", "endswith", "contains"),
        )
        functions = {"startswith": str.startswith, "endswith": str.endswith, "contains": str.__contains__}
        return Piece(f"{name}({x.sql}, '{part}')", "boolean", strict(lambda a: functions[name](a, part), x))

    def is_null(self, depth: int) -> Piece:
        x = self.one_of(self.double, self.whole, self.text, self.rough)(depth)
        sql, wanted = self.one_of(
            (f"({x.sql} IS NULL)", True),
            (f"({x.sql} IS NOT NULL)", False),
            (f"isnull({x.sql})", True),
            (f"isnotnull({x.sql})", False),
        )
        return Piece(sql, "boolean", lambda alert: (x.of(alert) is None) == wanted)

    def is_nan(self, depth: int) -> Piece:
        x = self.double(depth)
        return Piece(f"isnan({x.sql})", "boolean", lambda alert: x.of(alert) is not None and x.of(alert) != x.of(alert))

    def cone(self, depth: int) -> Piece:
        ra, dec = (self.alerts.value(path) for path in POSITION)
        near = self.one_of(*self.alerts.rows)
        centre_ra = (ra(near) + self.draw(st.floats(-1, 1))) % 360
        centre_dec = max(-90.0, min(90.0, dec(near) + self.draw(st.floats(-1, 1))))
        radius = self.draw(st.floats(0.1, 648_000))
        return Piece(
            f"cone({centre_ra!r}D, {centre_dec!r}D, {radius!r}D)",
            "boolean",
            lambda alert: (
                None
                if ra(alert) is None or dec(alert) is None
                else angle(ra(alert), dec(alert), centre_ra, centre_dec) <= radius
            ),
        )

    def night(self, depth: int) -> Piece:
        jd = self.alerts.value("candidate.jd")
        # An alert's own moment, moved by half a second so that no last digit decides.
        moment = dt.datetime(2000, 1, 1, 12) + dt.timedelta(days=jd(self.one_of(*self.alerts.rows)) - 2_451_545.0)
        moment = moment.replace(microsecond=0) + dt.timedelta(seconds=0.5)
        value = 2_451_545.0 + (moment - dt.datetime(2000, 1, 1, 12)) / dt.timedelta(days=1)
        text = self.one_of(moment.isoformat(), str(moment), moment.isoformat() + "Z")
        return self.comparison(
            Piece("candidate.jd", "double", jd, True), Piece(f"jd('{text}')", "double", lambda alert: value)
        )

    def by_cast(self, depth: int) -> Piece:
        # A text is read as the number that it is compared with.
        x, y = self.field("string"), self.double_literal()
        operator = self.one_of(*COMPARISONS)
        as_number = Piece(x.sql, "double", strict(to_double, x))
        return Piece(f"({x.sql} {operator} {y.sql})", "boolean", strict(COMPARISONS[operator], as_number, y))


@st.composite
def conditions(draw: Callable, alerts: Alerts) -> Piece:
    return Grammar(alerts, draw).truth(draw(st.integers(0, 3)))


FREELY = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@pytest.mark.timeout(900)
@settings(max_examples=150, **FREELY)
@given(st.data())
def test_random_conditions_keep_what_plain_python_keeps(alerts, data):
    condition = data.draw(conditions(alerts))
    parsed = parse_conditions(condition.sql, alerts.schema, POSITION)
    found = filter_table(alerts.table(parsed.leaves), parsed.sql).tolist()
    assert found == alerts.kept(condition), condition.sql


@settings(max_examples=12, **FREELY)
@given(st.data())
def test_preview_and_transfer_keep_the_same_alerts(alerts, data):
    condition = data.draw(conditions(alerts))
    expected = [alerts.value("candid")(alerts.rows[i]) for i in alerts.kept(condition)]
    nights = [night.isoformat() for night in Archive(alerts.url).nights()]
    request = engine.TransferRequest(archive=alerts.url, nights=nights, where=condition.sql)
    previewed = engine.preview(request, limit=len(alerts.rows))
    assert previewed["candid"].to_pylist() == expected, condition.sql

    plan = make_plan(request, engine.Settings())
    reader, predicate = NarrowReader(selection=plan.selection), plan.selection.predicate
    starts = [sum(f.num_alerts for f in plan.fragments[:i]) for i in range(len(plan.fragments))]
    chosen = [filter_table(reader(fragment), predicate.sql) for fragment in plan.fragments]
    rows = [start + int(i) for start, positions in zip(starts, chosen, strict=True) for i in positions]
    assert rows == alerts.kept(condition), condition.sql
