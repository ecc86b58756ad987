"""From the parsed tree of a condition in Spark's SQL to dask-sql's: checked and typed as Spark 3.5 does it."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import NoReturn

from sqlglot import exp

from engine.conditions import expressions
from engine.conditions.error_location import Fail
from engine.conditions.expressions import INTEGERS, NUMBERS, Term, call, cast, literal
from engine.conditions.functions import translate_call
from engine.conditions.item_predicates import contains_item, of_items
from engine.conditions.regex import PatternError, check_regex, regex_of_like
from engine.conditions.scopes import Scope
from engine.sky import ACCEPTED_TIMES, DateError, time_text

__all__ = ["UNKNOWN", "Translator"]

UNKNOWN = "unknown"
"""Key of the meta data of a NULL that was written as UNKNOWN."""

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_PREDICATES = (*_COMPARISONS, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between)
_PREDICATES = (*_PREDICATES, exp.Like, exp.ILike, exp.RegexpLike, exp.Escape)
_TRAILING = (exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.RegexpLike, exp.Escape)
_ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Add: "add",
    exp.Sub: "subtract",
    exp.Mul: "multiply",
    exp.Div: "divide",
    exp.Mod: "mod",
}
_ARGUMENTS = {"this", "expression", "expressions", "low", "high", "ifs", "true", "default", "to", "negate"}
_ARGUMENTS |= {"is_string", "table", "db", "catalog", "quoted", "safe", "coalesce", "typed", "query", "field", "unnest"}
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII)
_MOST_DIGITS = 38
MAX_TERM_CHARACTERS = 1_000_000
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
_INSTEAD_OF_TIME = "times are compared with texts: timestamp > '2021-11-22 06:00'; with numbers, candidate.jd is"


class Translator:
    """Translates the expressions of one condition.

    Parameters
    ----------
    scope
        What the names in it stand for.
    fail
        Raises a ConditionError: node, message, then accepted and next_step by name.
    """

    def __init__(self, *, scope: Scope, fail: Fail):
        self.scope, self.fail = scope, fail
        self.size, self.position, self._anchor = scope.size, scope.position, scope.anchor

    def inside(self, scope: Scope) -> Translator:
        """Return what translates a predicate inside of the condition, in which names stand for other things."""
        return Translator(scope=scope, fail=self.fail)

    def of_items(self, kind: str, node: exp.Anonymous) -> Term:
        """Return what `exists`, `forall` or `count` says of a list's items."""
        return of_items(self, kind, node)

    def contains_item(self, node: exp.Anonymous) -> Term:
        """Return `array_contains`."""
        return contains_item(self, node)

    def condition(self, node: exp.Expr) -> Term:
        """Return a whole condition: a truth value for each row."""
        return expressions.spread(self.truth(node), self._anchor())

    def truth(self, node: exp.Expr) -> Term:
        """Return a term that is boolean."""
        term = self.term(node)
        if term.type == "void":
            return expressions.null("boolean")
        if term.type != "boolean":
            self.fail(
                node,
                f"this is of type {term.type}, not a condition",
                accepted="an expression that is true or false for each alert",
                next_step="compare it with something, such as: > 0, = 'text', IS NOT NULL",
            )
        return term

    def term(self, node: exp.Expr) -> Term:
        """Return a term of any type; its text is bounded, although some forms write an operand several times."""
        term = self._unbounded_term(node)
        if len(term.sql) > MAX_TERM_CHARACTERS:
            self.fail(
                node, "this is too large once it is written out", next_step="nest it less, or select fewer things"
            )
        return term

    def _unbounded_term(self, node: exp.Expr) -> Term:
        if any(value and key not in _ARGUMENTS for key, value in node.args.items()):
            self._refuse(node)  # BETWEEN SYMMETRIC, DISTINCT, and whatever sqlglot learns next
        match node:
            case exp.Paren():
                return self.term(node.this)
            case exp.Column() | exp.Dot() | exp.Bracket() | exp.Identifier():
                return self.scope.field(node)
            case exp.RawString():
                return literal(node.this)
            case exp.Literal() | exp.Boolean() | exp.Null():
                return self._literal(node)
            case exp.And() | exp.Or():
                join = expressions.both if isinstance(node, exp.And) else expressions.either
                return join([self.truth(part) for part in _chain(node)], self._anchor())
            case exp.Not():
                return expressions.negation(self.truth(node.this))
            case exp.Neg():
                return self._negative(node)
            case exp.Anonymous():
                return translate_call(self, node)
            case exp.Cast() | exp.TryCast():
                return self._cast(node)
            case exp.Case():
                return self._case(node)
            case exp.IntDiv():
                return self._quotient(node)
            case exp.DPipe() | exp.Concat():
                return self._joined(node)
        if type(node) in _ARITHMETIC:
            return self.arithmetic(_ARITHMETIC[type(node)], node, self.term(node.this), self.term(node.expression))
        if isinstance(node, _PREDICATES):
            return self._predicate(node)
        self._refuse(node)

    def _refuse(self, node: exp.Expr) -> NoReturn:
        self.fail(
            node,
            f"{_describe(node)} can't be part of a condition",
            accepted="comparisons, AND, OR, NOT, BETWEEN, IN, LIKE, ILIKE, RLIKE, IS NULL, CASE, CAST, arithmetic and "
            "functions of the fields of one alert",
            next_step="of a list's items, ask exists(prv_candidates, x -> x.magpsf < 18)"
            if isinstance(node, exp.Exists)
            else None,
        )

    # --- Values -------------------------------------------------------------------------------------------------

    def _literal(self, node: exp.Expr) -> Term:
        if isinstance(node, exp.Null):
            return expressions.null("void")
        if isinstance(node, exp.Boolean):
            return literal(bool(node.this))
        if node.is_string:
            return literal(node.this)
        text = node.this.lower()
        if not _NUMBER.fullmatch(text) or (len(text) > _MOST_DIGITS and "e" not in text):
            self.fail(node, f"{text[:50]} is not a number", accepted=f"at most {_MOST_DIGITS} digits; 1.5, 1e-3")
        if "e" in text:
            return literal(float(text))
        return literal(Decimal(text)) if "." in text else literal(int(text))

    def _negative(self, node: exp.Neg) -> Term:
        operand = node.this
        if isinstance(operand, exp.Literal) and not operand.is_string and operand.this.isdecimal():
            return literal(-int(operand.this))  # together, so that the smallest bigint is one
        term = self.number(operand)
        if isinstance(term.value, Decimal | float):
            return literal(-term.value, None if term.type == "decimal" else term.type)
        return call("negate", term.type, term, digits=term.digits)

    def number(self, node: exp.Expr) -> Term:
        """Return an operand of arithmetic: texts are read as doubles."""
        term = self.term(node)
        return self.as_number(node, term)

    def as_number(self, node: exp.Expr, term: Term) -> Term:
        """Return a term as an operand of arithmetic."""
        if term.time:
            self.fail(node, "a number is needed here, and this is a time", next_step=_INSTEAD_OF_TIME)
        if term.type in ("string", "void"):
            return cast(term, "double")
        if term.type not in NUMBERS:
            self.fail(node, f"a number is needed here, and this is of type {term.type}", next_step="CAST(… AS INT)")
        return term

    def double(self, node: exp.Expr) -> Term:
        """Return an operand as a double."""
        return cast(self.number(node), "double")

    def text(self, node: exp.Expr) -> Term:
        """Return an operand as a text."""
        return self._as_text(node, self.term(node))

    def _as_text(self, node: exp.Expr, term: Term) -> Term:
        if term.type == "decimal" and not term.is_literal:
            self.fail(
                node,
                "numbers written with a point are computed as decimals, whose texts are not available",
                accepted="CAST(CAST(x AS DOUBLE) AS STRING); or write the numbers as 1.5D",
            )
        return replace(cast(term, "string"), time=None)

    def arithmetic(self, operator: str, node: exp.Expr, left: Term, right: Term) -> Term:
        """Return add, subtract, multiply, divide or mod of two terms, in the type that Spark computes it in."""
        left, right = self.as_number(node, left), self.as_number(node, right)
        type_ = expressions.number_type(left.type, right.type)
        if type_ == "decimal":
            if operator == "mod" and not expressions.is_exact(left, right):
                self.fail(
                    node,
                    "the remainder of so long a number and a decimal is not available",
                    accepted="x % 10, of whole numbers; x % 2.5D, of doubles",
                )
            return expressions.decimal(operator, left, right)
        type_ = "double" if operator == "divide" else type_
        return call(operator, type_, cast(left, type_), cast(right, type_))

    def _quotient(self, node: exp.IntDiv) -> Term:
        left, right = self.number(node.this), self.number(node.expression)
        for part, term in ((node.this, left), (node.expression, right)):
            if term.type not in INTEGERS:
                self.fail(part, f"DIV takes whole numbers, and this is of type {term.type}", next_step="use /")
        return call("quotient", "bigint", cast(left, "bigint"), cast(right, "bigint"))

    def concat(self, nodes: list[exp.Expr]) -> Term:
        """Return several operands as one text."""
        return self._concat(nodes, [self.term(x) for x in nodes])

    def _concat(self, nodes: list[exp.Expr], parts: list[Term]) -> Term:
        texts = [self._as_text(x, part) for x, part in zip(nodes, parts, strict=True)]
        values = [text.value for text in texts if isinstance(text.value, str)]
        if len(values) == len(texts):
            return literal("".join(values))
        return call("concat", "string", *texts)

    def _joined(self, node: exp.DPipe | exp.Concat) -> Term:
        nodes = _chain(node) if isinstance(node, exp.DPipe) else node.expressions
        parts = [self.term(x) for x in nodes]
        if not any(part.type in ("string", "void") for part in parts):
            self.fail(
                node, "|| joins texts, and none of these is one", accepted="OR", next_step="concat(x, y) joins numbers"
            )
        return self._concat(nodes, parts)

    def _cast(self, node: exp.Cast) -> Term:
        name = node.to.this.value if isinstance(node.to.this, exp.DType) else str(node.to)
        term = self.term(node.this)
        if name not in _TYPES or node.to.expressions:
            self.fail(
                node,
                f"CAST AS {node.to.sql(dialect='spark')} is not available",
                accepted="BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, STRING",
                next_step="round(x, 2)" if name == "DECIMAL" else _INSTEAD_OF_TIME,
            )
        type_ = _TYPES[name]
        if term.time and type_ != "string":
            self.fail(node, f"CAST AS {type_.upper()} of a time is not available", next_step=_INSTEAD_OF_TIME)
        return self._as_text(node, term) if type_ == "string" else cast(term, type_)

    # --- Predicates ---------------------------------------------------------------------------------------------

    def _predicate(self, node: exp.Expr) -> Term:
        left = node.this.this if isinstance(node.this, exp.Not) else node.this
        trailing = isinstance(left, _TRAILING) and not isinstance(node, exp.Escape)
        if trailing or isinstance(node.args.get("expression"), _PREDICATES):
            # sqlglot's order differs from Spark's, for which `x LIKE 'a' = b` is `x LIKE ('a' = b)`.
            self.fail(
                node,
                "two comparisons in a row",
                next_step="put parentheses around one, or join them with AND: a < b AND b < c",
            )
        if node.args.get("negate"):  # x NOT LIKE 'a%'
            positive = node.copy()
            positive.set("negate", None)
            return expressions.negation(self._predicate(positive))
        match node:
            case exp.Is():
                return self._is(node)
            case exp.In():
                return self._in(node)
            case exp.Between():
                value = self.term(node.this)
                low, high = self.term(node.args["low"]), self.term(node.args["high"])
                within = [self.compare(">=", node, value, low), self.compare("<=", node, value, high)]
                return expressions.both(within, self._anchor())
            case exp.Like() | exp.ILike() | exp.RegexpLike() | exp.Escape():
                return self._like(node)
        left, right = self.term(node.this), self.term(node.expression)
        if isinstance(node, exp.NullSafeEQ | exp.NullSafeNEQ):
            same = expressions.same(*self._alike(node, left, right, for_equality=True))
            return expressions.negation(same) if isinstance(node, exp.NullSafeNEQ) else same
        if isinstance(node, exp.NEQ):
            return expressions.negation(self.compare("=", node, left, right))
        return self.compare(_COMPARISONS[type(node)], node, left, right)

    def compare(self, operator: str, node: exp.Expr, left: Term, right: Term) -> Term:
        """Return a comparison (`=`, `<`, `<=`, `>`, `>=`) of terms of any types that Spark compares."""
        return expressions.compare(operator, *self.sides(operator, node, left, right))

    def sides(self, operator: str, node: exp.Expr, left: Term, right: Term) -> tuple[Term, Term]:
        """Return both sides of a comparison in the types that they are compared in."""
        if left.type in INTEGERS and right.type == "decimal" and right.is_literal and not left.is_constant:
            return left, right
        if right.type in INTEGERS and left.type == "decimal" and left.is_literal and not right.is_constant:
            return left, right
        return self._alike(node, left, right, for_equality=operator in ("=", "<=>"))

    def _alike(self, node: exp.Expr, left: Term, right: Term, *, for_equality: bool) -> tuple[Term, Term]:
        """Return both sides of a comparison in the type that Spark compares them in."""
        left, right = self._moment(node, left, right), self._moment(node, right, left)
        types = {left.type, right.type} - {"void"}
        if len(types) <= 1:
            return left, right
        if types <= set(NUMBERS):
            common = expressions.number_type(*types)
        elif "string" in types:
            (common,) = types - {"string"}  # the text is read as what it is compared with
            common = "double" if common == "decimal" else common
        elif for_equality:
            (common,) = types - {"boolean"}  # a truth value as a number: 1 or 0
            common = "double" if common == "decimal" else common
        else:
            self.fail(
                node,
                f"{left.type} can't be compared with {right.type}",
                next_step="CAST one of them, or join two comparisons with AND: 1 < x AND x < 5",
            )
        return cast(left, common), cast(right, common)

    def _moment(self, node: exp.Expr, term: Term, other: Term) -> Term:
        """Return what a time is compared with as the text that a column of times has for it."""
        if not other.time or term.type == "void" or term.time == other.time:
            return term
        text = term.value if isinstance(term.value, str) else None
        if text is None:
            self.fail(node, "a time is compared with a text in quotes", accepted=ACCEPTED_TIMES)
        try:
            return literal(time_text(text, other.time))
        except DateError as exc:
            self.fail(node, str(exc), accepted=ACCEPTED_TIMES)

    def is_null(self, node: exp.Expr) -> Term:
        """Return whether an operand of any kind is null, a list, struct or map too."""
        return expressions.is_null(self.anything(node))

    def anything(self, node: exp.Expr) -> Term:
        """Return an operand, and of a list, struct or map a column that is null where it is."""
        named = node
        while isinstance(named, exp.Paren):
            named = named.this
        return self.scope.presence(named) or self.term(node)

    def _is(self, node: exp.Is) -> Term:
        left, right = node.this, node.expression
        if isinstance(right, exp.Null):
            if right.meta.get(UNKNOWN) and self.term(left).type not in ("boolean", "void"):
                # Spark takes it for IS NULL of anything, and cdsxmatch IS NOT Unknown for every alert.
                self.fail(
                    node, "UNKNOWN is asked of truth values alone", accepted="x IS NULL; of a text, x = 'Unknown'"
                )
            return self.is_null(left)
        if isinstance(right, exp.Boolean):
            return expressions.same(self.truth(left), literal(bool(right.this)))
        self.fail(
            node,
            "this can't follow IS",
            accepted="[NOT] NULL, TRUE, FALSE or DISTINCT FROM",
            next_step="of NaN, ask isnan(x); of a value, x = 1",
        )

    def _in(self, node: exp.In) -> Term:
        value, values, one_by_one = self.listed(node)
        if one_by_one:
            return expressions.either([self.compare("=", node, value, v) for v in values], self._anchor())
        if value.type == "void":
            return expressions.null("boolean")
        return expressions.is_in(value, values, self._anchor())

    def listed(self, node: exp.In) -> tuple[Term, list[Term], bool]:
        """Return what is looked for, the list's values, and whether each is compared by itself, in its own type."""
        if node.args.get("query") is not None or node.args.get("unnest") or node.args.get("field"):
            self.fail(
                node,
                "IN takes values in parentheses, neither a field nor a query",
                accepted="x IN (1, 2, 3)",
                next_step="of a list's items, ask array_contains(prv_candidates.fid, 2)",
            )
        if not node.expressions:
            self.fail(node, "IN has no values", accepted="x IN (1, 2, 3)")
        value, values = self.term(node.this), [self.term(x) for x in node.expressions]
        for x, listed in zip(node.expressions, values, strict=True):
            # Spark compares a list's members as texts, so one that is not written as the column's can't be found.
            if self._moment(x, listed, value).value != listed.value:
                self.fail(x, "in a list, times are compared as texts", accepted=self._moment(x, listed, value).sql)
        types = {value.type, *(v.type for v in values)} - {"void"}
        common = self._common(node, types, with_text=True)
        if common == "decimal":
            common = "double" if not value.is_literal else common
        if types <= {*INTEGERS, "decimal"} and "decimal" in types and not value.is_constant:
            return value, values, True
        if common == "string":
            value = self._as_text(node.this, value)
            values = [self._as_text(x, v) for x, v in zip(node.expressions, values, strict=True)]
        return cast(value, common), [v if v.type == "void" else cast(v, common) for v in values], False

    def _common(self, node: exp.Expr, types: set[str], *, with_text: bool) -> str:
        """Return the type that values of several types meet in."""
        types = types - {"void"}
        if len(types) <= 1:
            return next(iter(types), "void")
        if types <= set(NUMBERS):
            return expressions.number_type(*types)
        if with_text and "boolean" not in types:
            return "string"
        self.fail(node, f"values of types {', '.join(sorted(types))} don't go together", next_step="CAST them")

    def _like(self, node: exp.Expr) -> Term:
        escape = "\\"
        if isinstance(node, exp.Escape):
            sign, node = node.expression, node.this
            escape = sign.this if isinstance(sign, exp.Literal) and sign.is_string else ""
            if len(escape) != 1 or not isinstance(node, exp.Like | exp.ILike):
                self.fail(node, "ESCAPE takes one character, after LIKE or ILIKE", accepted="LIKE 'a/_%' ESCAPE '/'")
        return self.matches(type(node), node, node.this, node.expression, escape)

    def matches(self, kind: type[exp.Expr], node: exp.Expr, subject: exp.Expr, pattern: exp.Expr, escape: str) -> Term:
        """Return LIKE, ILIKE or RLIKE (`kind`) of a text with a constant pattern."""
        text = self.text(subject)
        if isinstance(pattern, exp.Any | exp.All):
            self.fail(
                pattern,
                "a list of patterns is not available",
                accepted="x LIKE 'a%' OR x LIKE 'b%'; or x RLIKE '^(a|b)'",
            )
        regex = self.term(pattern)
        if regex.type == "void":
            return expressions.null("boolean")
        source = regex.value
        if not isinstance(source, str):
            self.fail(pattern, "a pattern has to be a text in quotes", accepted="objectId LIKE 'ZTF21%'")
        if kind is exp.ILike:
            source, text = source.lower(), call("lower", "string", text)
        try:
            source = check_regex(source) if kind is exp.RegexpLike else regex_of_like(source, escape)
        except PatternError as exc:
            self.fail(pattern, str(exc), accepted=exc.accepted)
        return call("matches", "boolean", text, literal(source))

    # --- Choices ------------------------------------------------------------------------------------------------

    def _case(self, node: exp.Case) -> Term:
        value = None if node.this is None else self.term(node.this)
        conditions = []
        for branch in node.args["ifs"]:
            if value is None:
                conditions.append(self.truth(branch.this))
            else:
                conditions.append(self.compare("=", branch, value, self.term(branch.this)))
        values = [self.term(branch.args["true"]) for branch in node.args["ifs"]]
        default = node.args.get("default")
        return self.choice(node, conditions, [*values, self.term(default) if default else expressions.null("void")])

    def choice(self, node: exp.Expr, conditions: list[Term], values: list[Term]) -> Term:
        """Return the value of the first condition that is true; the last value where none is."""
        values = self.together(node, values, with_text=True)
        pairs = [term for pair in zip(conditions, values[:-1], strict=True) for term in pair]
        return expressions.chosen("case", values, [*pairs, values[-1]])

    def together(self, node: exp.Expr, values: list[Term], *, with_text: bool) -> list[Term]:
        """Return terms in the type that they meet in."""
        common = self._common(node, {v.type for v in values}, with_text=with_text)
        if common == "decimal":
            return expressions.alike(values)
        if common == "string":
            times = {v.time for v in values if v.type != "void"}
            if len(times) > 1 and not with_text:
                self.fail(node, "times and texts don't go together", next_step="CAST(timestamp AS STRING)")
            time = times.pop() if len(times) == 1 else None
            return [replace(self._as_text(node, v), time=time) for v in values]
        return [cast(v, "boolean" if common == "void" else common) for v in values]


def _chain(node: exp.Expr) -> list[exp.Expr]:
    """Return the operands of a chain of one operator, a AND b AND c, in order and without recursion."""
    operands, rest = [], [node]
    while rest:
        part = rest.pop()
        if type(part) is type(node):
            rest += [part.expression, part.this]
        else:
            operands.append(part)
    return operands


def _describe(node: exp.Expr) -> str:
    names = {
        exp.Select: "a SELECT",
        exp.Subquery: "a subquery",
        exp.Window: "a window function",
        exp.Star: "*",
        exp.Exists: "EXISTS",
        exp.Interval: "an INTERVAL",
        exp.Alias: "a second name (AS)",
        exp.Lambda: "a predicate of items (->) outside of exists, forall and filter",
    }
    return names.get(type(node), type(node).__name__.upper())
