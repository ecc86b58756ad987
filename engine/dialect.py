"""From the parsed tree of a condition in Spark's SQL to dask-sql's: checked and typed as Spark 3.5 does it."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NoReturn

from sqlglot import exp

from engine import terms
from engine.patterns import PatternError, check_regex, regex_of_like
from engine.signatures import ALIASES, FUNCTION_NAMES, INSTEAD, NUM_OPERANDS, OF_DOUBLES, OF_TEXT, SEARCHES
from engine.terms import INTEGERS, NUMBERS, Term, call, cast, literal

__all__ = ["Translator"]

_COMPARISONS = {exp.EQ: "=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_PREDICATES = (*_COMPARISONS, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between)
_PREDICATES = (*_PREDICATES, exp.Like, exp.ILike, exp.RegexpLike, exp.Escape)
_ARITHMETIC = {exp.Add: "add", exp.Sub: "subtract", exp.Mul: "multiply", exp.Div: "divide", exp.Mod: "mod"}
_ARGUMENTS = {"this", "expression", "expressions", "low", "high", "ifs", "true", "default", "to", "negate"}
_ARGUMENTS |= {"is_string", "table", "db", "catalog", "quoted", "safe", "coalesce", "typed", "query", "field", "unnest"}
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII)
_MOST_DIGITS = 38
_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "tinyint",
    "SMALLINT": "smallint",
    "INT": "int",
    "BIGINT": "bigint",
    "FLOAT": "float",
    "DOUBLE": "double",
    "TEXT": "string",
    "VARCHAR": "string",
    "CHAR": "string",
}
Fail = Callable[..., NoReturn]


class Translator:
    """Translates the expressions of one condition.

    Parameters
    ----------
    field
        From a node that names a field to its column.
    size
        From a node that names a list to the column of its lengths.
    fail
        Raises a ConditionError: node, message, then accepted and next_step by name.
    anchor
        Some column of the question.
    """

    def __init__(
        self,
        *,
        field: Callable[[exp.Expression], Term],
        size: Callable[[exp.Expression], Term],
        fail: Fail,
        anchor: Callable[[], Term],
    ):
        self._field, self._size, self._fail, self._anchor = field, size, fail, anchor

    def condition(self, node: exp.Expression) -> Term:
        """Return a whole condition: a truth value for each row."""
        return terms.spread(self._truth(node), self._anchor())

    def _truth(self, node: exp.Expression) -> Term:
        term = self._term(node)
        if term.type == "void":
            return terms.null("boolean")
        if term.type != "boolean":
            self._fail(
                node,
                f"this is of type {term.type}, not a condition",
                accepted="an expression that is true or false for each alert",
                next_step="compare it with something, such as: > 0, = 'text', IS NOT NULL",
            )
        return term

    def _term(self, node: exp.Expression) -> Term:
        if any(value and key not in _ARGUMENTS for key, value in node.args.items()):
            self._refuse(node)  # BETWEEN SYMMETRIC, DISTINCT, and whatever sqlglot learns next
        match node:
            case exp.Paren():
                return self._term(node.this)
            case exp.Column() | exp.Dot() | exp.Bracket():
                return self._field(node)
            case exp.Literal() | exp.Boolean() | exp.Null():
                return self._literal(node)
            case exp.And() | exp.Or():
                join = terms.both if isinstance(node, exp.And) else terms.either
                return join([self._truth(part) for part in _chain(node)], self._anchor())
            case exp.Not():
                return terms.negation(self._truth(node.this))
            case exp.Neg():
                return self._negative(node)
            case exp.Anonymous():
                return self._function(node)
            case exp.Cast() | exp.TryCast():
                return self._cast(node)
            case exp.Case():
                return self._case(node)
            case exp.IntDiv():
                return self._quotient(node)
            case exp.DPipe() | exp.Concat():
                parts = _chain(node) if isinstance(node, exp.DPipe) else node.expressions
                return self._concat([self._term(part) for part in parts])
        if type(node) in _ARITHMETIC:
            return self._arithmetic(_ARITHMETIC[type(node)], node, self._term(node.this), self._term(node.expression))
        if isinstance(node, _PREDICATES):
            return self._predicate(node)
        self._refuse(node)

    def _refuse(self, node: exp.Expression) -> NoReturn:
        self._fail(
            node,
            f"{_describe(node)} can't be part of a condition",
            accepted="comparisons, AND, OR, NOT, BETWEEN, IN, LIKE, ILIKE, RLIKE, IS NULL, CASE, CAST, arithmetic and "
            "functions of the fields of one alert",
        )

    # --- Values -------------------------------------------------------------------------------------------------

    def _literal(self, node: exp.Expression) -> Term:
        if isinstance(node, exp.Null):
            return terms.null("void")
        if isinstance(node, exp.Boolean):
            return literal(bool(node.this))
        if node.is_string:
            return literal(node.this)
        text = node.this.lower()
        if not _NUMBER.fullmatch(text) or (len(text) > _MOST_DIGITS and "e" not in text):
            self._fail(node, f"{text[:50]} is not a number", accepted=f"at most {_MOST_DIGITS} digits; 1.5, 1e-3")
        if "e" in text:
            return literal(float(text))
        return literal(Decimal(text)) if "." in text else literal(int(text))

    def _negative(self, node: exp.Neg) -> Term:
        operand = node.this
        if isinstance(operand, exp.Literal) and not operand.is_string and operand.this.isdecimal():
            return literal(-int(operand.this))  # together, so that the smallest bigint is one
        term = self._number(operand)
        if isinstance(term.value, Decimal | float):
            return literal(-term.value, None if term.type == "decimal" else term.type)
        if term.type == "decimal":
            return terms.decimal("subtract", literal(0), term)
        return call("negate", term.type, term)

    def _number(self, node: exp.Expression) -> Term:
        """Return an operand of arithmetic: texts are read as doubles."""
        term = self._term(node)
        return self._as_number(node, term)

    def _as_number(self, node: exp.Expression, term: Term) -> Term:
        if term.type in ("string", "void"):
            return cast(term, "double")
        if term.type not in NUMBERS:
            self._fail(node, f"a number is needed here, and this is of type {term.type}", next_step="CAST(… AS INT)")
        return term

    def _double(self, node: exp.Expression) -> Term:
        return cast(self._number(node), "double")

    def _text(self, node: exp.Expression) -> Term:
        return cast(self._term(node), "string")

    def _arithmetic(self, operator: str, node: exp.Expression, left: Term, right: Term) -> Term:
        left, right = self._as_number(node, left), self._as_number(node, right)
        type_ = terms.number_type(left.type, right.type)
        if type_ == "decimal":
            return terms.decimal(operator, left, right)
        type_ = "double" if operator == "divide" else type_
        return call(operator, type_, cast(left, type_), cast(right, type_))

    def _quotient(self, node: exp.IntDiv) -> Term:
        left, right = self._number(node.this), self._number(node.expression)
        for part, term in ((node.this, left), (node.expression, right)):
            if term.type not in INTEGERS:
                self._fail(part, f"DIV takes whole numbers, and this is of type {term.type}", next_step="use /")
        return call("quotient", "bigint", cast(left, "bigint"), cast(right, "bigint"))

    def _concat(self, parts: list[Term]) -> Term:
        return call("concat", "string", *(cast(part, "string") for part in parts))

    def _cast(self, node: exp.Cast) -> Term:
        name = node.to.this.value if isinstance(node.to.this, exp.DType) else str(node.to)
        term = self._term(node.this)
        if name == "DECIMAL":
            if term.type == "decimal" or isinstance(term.value, int):
                return literal(Decimal(term.value))  # 1.5BD
            name = "?"
        if name not in _TYPES or (node.to.expressions and name != "DECIMAL"):
            self._fail(
                node,
                f"CAST AS {node.to.sql()} is not available",
                accepted="BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, STRING",
                next_step="times are compared as texts: timestamp > '2021-11-22 06:00:00'",
            )
        return cast(term, _TYPES[name])

    # --- Predicates ---------------------------------------------------------------------------------------------

    def _predicate(self, node: exp.Expression) -> Term:
        if isinstance(node.args.get("expression"), _PREDICATES):
            # sqlglot's order of comparisons differs from Spark's, which takes them from left to right.
            self._fail(
                node,
                "two comparisons in a row",
                next_step="put parentheses around one, or join them with AND: a < b AND b < c",
            )
        if node.args.get("negate"):  # x NOT LIKE 'a%'
            positive = node.copy()
            positive.set("negate", None)
            return terms.negation(self._predicate(positive))
        match node:
            case exp.Is():
                return self._is(node)
            case exp.In():
                return self._in(node)
            case exp.Between():
                value = self._term(node.this)
                low, high = self._term(node.args["low"]), self._term(node.args["high"])
                within = [self._compare(">=", node, value, low), self._compare("<=", node, value, high)]
                return terms.both(within, self._anchor())
            case exp.Like() | exp.ILike() | exp.RegexpLike() | exp.Escape():
                return self._like(node)
        left, right = self._term(node.this), self._term(node.expression)
        if isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
            same = terms.same(*self._alike(node, left, right, for_equality=True))
            return terms.negation(same) if isinstance(node, exp.NullSafeNEQ) else same
        if isinstance(node, exp.NEQ):
            return terms.negation(self._compare("=", node, left, right))
        return self._compare(_COMPARISONS[type(node)], node, left, right)

    def _compare(self, operator: str, node: exp.Expression, left: Term, right: Term) -> Term:
        if left.type in INTEGERS and right.type == "decimal" and right.is_literal and not left.is_constant:
            return terms.compare(operator, left, right)
        if right.type in INTEGERS and left.type == "decimal" and left.is_literal and not right.is_constant:
            return terms.compare({"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(operator, "="), right, left)
        return terms.compare(operator, *self._alike(node, left, right, for_equality=operator == "="))

    def _alike(self, node: exp.Expression, left: Term, right: Term, *, for_equality: bool) -> tuple[Term, Term]:
        """Return both sides of a comparison in the type that Spark compares them in."""
        types = {left.type, right.type} - {"void"}
        if len(types) <= 1:
            return left, right
        if types <= set(NUMBERS):
            common = terms.number_type(*types)
        elif "string" in types:
            (common,) = types - {"string"}  # the text is read as what it is compared with
            common = "double" if common == "decimal" else common
        elif for_equality:
            (common,) = types - {"boolean"}  # a truth value as a number: 1 or 0
            common = "double" if common == "decimal" else common
        else:
            self._fail(
                node,
                f"{left.type} can't be compared with {right.type}",
                next_step="CAST one of them, or join two comparisons with AND: 1 < x AND x < 5",
            )
        return cast(left, common), cast(right, common)

    def _is(self, node: exp.Is) -> Term:
        left, right = node.this, node.expression
        if isinstance(right, exp.Null):
            return terms.is_null(self._term(left))
        if isinstance(right, exp.Boolean):
            return terms.same(self._truth(left), literal(bool(right.this)))
        self._fail(node, "this can't follow IS", accepted="[NOT] NULL, TRUE, FALSE or DISTINCT FROM")

    def _in(self, node: exp.In) -> Term:
        if node.args.get("query") is not None or node.args.get("unnest") or node.args.get("field"):
            self._fail(node, "IN takes a list of values, not a question of its own", accepted="x IN (1, 2, 3)")
        if not node.expressions:
            self._fail(node, "IN has no values", accepted="x IN (1, 2, 3)")
        value, values = self._term(node.this), [self._term(x) for x in node.expressions]
        types = {value.type, *(v.type for v in values)} - {"void"}
        common = self._common(node, types, with_text=True)
        if common == "decimal":
            common = "double" if not value.is_literal else common
        if types <= {*INTEGERS, "decimal"} and "decimal" in types and not value.is_constant:
            return terms.either([self._compare("=", node, value, v) for v in values], self._anchor())
        value, values = cast(value, common), [v if v.type == "void" else cast(v, common) for v in values]
        if value.type == "void":
            return terms.null("boolean")
        return terms.is_in(value, values, self._anchor())

    def _common(self, node: exp.Expression, types: set[str], *, with_text: bool) -> str:
        """Return the type that values of several types meet in."""
        types = types - {"void"}
        if len(types) <= 1:
            return next(iter(types), "void")
        if types <= set(NUMBERS):
            return terms.number_type(*types)
        if with_text and "boolean" not in types:
            return "string"
        self._fail(node, f"values of types {', '.join(sorted(types))} don't go together", next_step="CAST them")

    def _like(self, node: exp.Expression) -> Term:
        escape = "\\"
        if isinstance(node, exp.Escape):
            escape, node = node.expression.this, node.this
            if len(escape) != 1:
                self._fail(node, "ESCAPE takes one character", accepted="LIKE 'a/_%' ESCAPE '/'")
        return self._match(type(node), node, node.this, node.expression, escape)

    def _match(self, kind: type, node: exp.Expression, subject: exp.Expression, pattern: exp.Expression, escape: str):
        text = self._text(subject)
        regex = self._term(pattern)
        if regex.type == "void":
            return terms.null("boolean")
        if regex.type != "string" or not regex.is_literal:
            self._fail(pattern, "a pattern has to be a text in quotes", accepted="objectId LIKE 'ZTF21%'")
        source = regex.value
        if kind is exp.ILike:
            source, text = source.lower(), call("lower", "string", text)
        try:
            source = check_regex(source) if kind is exp.RegexpLike else regex_of_like(source, escape)
        except PatternError as exc:
            self._fail(pattern, str(exc), accepted=exc.accepted)
        return call("matches", "boolean", text, literal(source))

    # --- Choices and functions ----------------------------------------------------------------------------------

    def _case(self, node: exp.Case) -> Term:
        conditions = []
        for branch in node.args["ifs"]:
            if node.this is None:
                conditions.append(self._truth(branch.this))
            else:
                conditions.append(self._compare("=", branch, self._term(node.this), self._term(branch.this)))
        values = [self._term(branch.args["true"]) for branch in node.args["ifs"]]
        default = node.args.get("default")
        return self._choice(node, conditions, [*values, self._term(default) if default else terms.null("void")])

    def _choice(self, node: exp.Expression, conditions: list[Term], values: list[Term]) -> Term:
        values = self._together(node, values, with_text=True)
        pairs = [term for pair in zip(conditions, values[:-1], strict=True) for term in pair]
        return call("case", values[0].type, *pairs, values[-1])

    def _together(self, node: exp.Expression, values: list[Term], *, with_text: bool) -> list[Term]:
        common = self._common(node, {v.type for v in values}, with_text=with_text)
        common = {"decimal": "double", "void": "boolean"}.get(common, common)
        return [cast(v, common) for v in values]

    def _function(self, node: exp.Anonymous) -> Term:
        given = node.name.lower()
        name = ALIASES.get(given, given)
        operands = node.expressions
        if name not in NUM_OPERANDS:
            missing = f"there is no function {node.name[:50]}"
            if name in INSTEAD:
                self._fail(node, missing, accepted=", ".join(FUNCTION_NAMES), next_step=INSTEAD[name])
            self._fail(node, missing, names=(given, FUNCTION_NAMES))
        fewest, most = NUM_OPERANDS[name]
        if not fewest <= len(operands) <= most:
            wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
            self._fail(node, f"{node.name} has {len(operands)} arguments", accepted=f"{wanted} of them")
        if name in OF_DOUBLES:
            return call(name, "double", self._double(operands[0]))
        if name in OF_TEXT:
            return call(name, "string", self._text(operands[0]))
        if name in SEARCHES:
            return call(name, "boolean", *map(self._text, operands))
        return getattr(self, f"_{name}_call")(node, *operands)

    def _abs_call(self, node: exp.Expression, x: exp.Expression) -> Term:
        return call("abs", (term := self._computed(x)).type, term)

    def _computed(self, node: exp.Expression) -> Term:
        term = self._number(node)
        return cast(term, "double") if term.type == "decimal" else term

    def _floor_call(self, node: exp.Anonymous, x: exp.Expression) -> Term:
        term = cast(self._computed(x), "double") if self._computed(x).type == "float" else self._computed(x)
        return call(ALIASES.get(node.name.lower(), node.name.lower()), "bigint", term)

    _ceil_call = _floor_call

    def _round_call(self, node: exp.Expression, x: exp.Expression, digits: exp.Expression | None = None) -> Term:
        places = self._term(digits) if digits is not None else literal(0)
        if not isinstance(places.value, int):
            self._fail(digits, "the number of digits has to be a whole number, written out", accepted="round(x, 2)")
        term = self._computed(x)
        return call("round", term.type, term, places)

    def _power_call(self, node: exp.Expression, x: exp.Expression, y: exp.Expression) -> Term:
        return call("power", "double", self._double(x), self._double(y))

    def _atan2_call(self, node: exp.Expression, y: exp.Expression, x: exp.Expression) -> Term:
        return call("atan2", "double", self._double(y), self._double(x))

    def _log_call(self, node: exp.Expression, first: exp.Expression, second: exp.Expression | None = None) -> Term:
        if second is None:
            return call("ln", "double", self._double(first))
        return call("log", "double", self._double(first), self._double(second))

    def _mod_call(self, node: exp.Expression, a: exp.Expression, b: exp.Expression) -> Term:
        return self._arithmetic("mod", node, self._term(a), self._term(b))

    def _greatest_call(self, node: exp.Anonymous, *operands: exp.Expression) -> Term:
        values = self._together(node, [self._term(x) for x in operands], with_text=False)
        return call(node.name.lower(), values[0].type, *values)

    _least_call = _greatest_call

    def _coalesce_call(self, node: exp.Expression, *operands: exp.Expression) -> Term:
        values = self._together(node, [self._term(x) for x in operands], with_text=True)
        return call("coalesce", values[0].type, *values)

    def _nullif_call(self, node: exp.Expression, a: exp.Expression, b: exp.Expression) -> Term:
        value, equal = self._term(a), self._compare("=", node, self._term(a), self._term(b))
        return self._choice(node, [equal], [terms.null("void"), value])

    def _isnull_call(self, node: exp.Expression, x: exp.Expression) -> Term:
        return terms.is_null(self._term(x))

    def _isnotnull_call(self, node: exp.Expression, x: exp.Expression) -> Term:
        return terms.negation(terms.is_null(self._term(x)))

    def _isnan_call(self, node: exp.Expression, x: exp.Expression) -> Term:
        return call("isnan", "boolean", self._double(x))

    def _nanvl_call(self, node: exp.Expression, a: exp.Expression, b: exp.Expression) -> Term:
        return call("nanvl", "double", self._double(a), self._double(b))

    def _if_call(self, node: exp.Expression, test: exp.Expression, a: exp.Expression, b: exp.Expression) -> Term:
        return self._choice(node, [self._truth(test)], [self._term(a), self._term(b)])

    def _length_call(self, node: exp.Expression, x: exp.Expression) -> Term:
        return call("length", "int", self._text(x))

    def _trim_call(self, node: exp.Expression, x: exp.Expression) -> Term:
        return call("trim", "string", self._text(x))

    def _substring_call(self, node: exp.Expression, text: exp.Expression, *cut: exp.Expression) -> Term:
        return call("substring", "string", self._text(text), *(cast(self._number(x), "int") for x in cut))

    def _concat_call(self, node: exp.Expression, *operands: exp.Expression) -> Term:
        return self._concat([self._term(x) for x in operands])

    def _size_call(self, node: exp.Expression, x: exp.Expression) -> Term:
        return call("coalesce", "int", self._size(x), literal(-1))  # Spark: the size of a null is -1

    def _like_call(self, node: exp.Anonymous, subject: exp.Expression, pattern: exp.Expression) -> Term:
        kind = {"like": exp.Like, "ilike": exp.ILike}.get(node.name.lower(), exp.RegexpLike)
        return self._match(kind, node, subject, pattern, "\\")

    _ilike_call = _rlike_call = _like_call


def _chain(node: exp.Expression) -> list[exp.Expression]:
    """Return the operands of a chain of one operator, a AND b AND c, in order and without recursion."""
    operands, rest = [], [node]
    while rest:
        part = rest.pop()
        if type(part) is type(node):
            rest += [part.expression, part.this]
        else:
            operands.append(part)
    return operands


def _describe(node: exp.Expression) -> str:
    names = {
        exp.Select: "a SELECT",
        exp.Subquery: "a subquery",
        exp.Window: "a window function",
        exp.Star: "*",
        exp.Exists: "EXISTS",
        exp.Interval: "an INTERVAL",
    }
    return names.get(type(node), type(node).__name__.upper())
