"""Values of a condition's tree that are computed: literals, arithmetic, CAST, texts joined by ||, and CASE."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from sqlglot import exp

from engine.conditions import coercion, expressions
from engine.conditions.expressions import INTEGERS, Term, call, cast, literal
from engine.conditions.operands import Translator, number
from engine.conditions.trees import chain

__all__ = ["ARITHMETIC", "arithmetic", "case", "casted", "concat", "joined", "literal_value", "negative", "quotient"]

ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Add: "add",
    exp.Sub: "subtract",
    exp.Mul: "multiply",
    exp.Div: "divide",
    exp.Mod: "mod",
}
"""The nodes that `arithmetic` translates, each with its function."""
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


def literal_value(to: Translator, node: exp.Expr) -> Term:
    """Return what a literal, TRUE, FALSE or NULL stands for."""
    if isinstance(node, exp.Null):
        return expressions.null("void")
    if isinstance(node, exp.Boolean):
        return literal(bool(node.this))
    if node.is_string:
        return literal(node.this)
    text = node.this.lower()
    if not _NUMBER.fullmatch(text) or (len(text) > _MOST_DIGITS and "e" not in text):
        to.fail(node, f"{text[:50]} is not a number", accepted=f"at most {_MOST_DIGITS} digits; 1.5, 1e-3")
    if "e" in text:
        return literal(float(text))
    return literal(Decimal(text)) if "." in text else literal(int(text))


def negative(to: Translator, node: exp.Neg) -> Term:
    """Return a number with the other sign."""
    operand = node.this
    if isinstance(operand, exp.Literal) and not operand.is_string and operand.this.isdecimal():
        return literal(-int(operand.this))  # together, so that the smallest bigint is one
    term = number(to, operand)
    if isinstance(term.value, Decimal | float):
        return literal(-term.value, None if term.type == "decimal" else term.type)
    return call("negate", term.type, term, digits=term.digits)


def arithmetic(to: Translator, node: exp.Expr) -> Term:
    """Return +, -, *, / or % of two operands."""
    return coercion.arithmetic(to.fail, ARITHMETIC[type(node)], node, to.term(node.this), to.term(node.expression))


def quotient(to: Translator, node: exp.IntDiv) -> Term:
    """Return DIV of two whole numbers."""
    left, right = number(to, node.this), number(to, node.expression)
    for part, term in ((node.this, left), (node.expression, right)):
        if term.type not in INTEGERS:
            to.fail(part, f"DIV takes whole numbers, and this is of type {term.type}", next_step="use /")
    return call("quotient", "bigint", cast(left, "bigint"), cast(right, "bigint"))


def casted(to: Translator, node: exp.Cast) -> Term:
    """Return CAST of an operand."""
    name = node.to.this.value if isinstance(node.to.this, exp.DType) else str(node.to)
    term = to.term(node.this)
    if name not in _TYPES or node.to.expressions:
        to.fail(
            node,
            f"CAST AS {node.to.sql(dialect='spark')} is not available",
            accepted="BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, STRING",
            next_step="round(x, 2)" if name == "DECIMAL" else coercion.INSTEAD_OF_TIME,
        )
    type_ = _TYPES[name]
    if term.time and type_ != "string":
        to.fail(node, f"CAST AS {type_.upper()} of a time is not available", next_step=coercion.INSTEAD_OF_TIME)
    return coercion.as_text(to.fail, node, term) if type_ == "string" else cast(term, type_)


def concat(to: Translator, nodes: Sequence[exp.Expr]) -> Term:
    """Return several operands as one text."""
    return _concat(to, nodes, [to.term(x) for x in nodes])


def joined(to: Translator, node: exp.DPipe | exp.Concat) -> Term:
    """Return texts that || joins, or that stand in a row."""
    nodes = chain(node) if isinstance(node, exp.DPipe) else node.expressions
    parts = [to.term(x) for x in nodes]
    if not any(part.type in ("string", "void") for part in parts):
        to.fail(node, "|| joins texts, and none of these is one", accepted="OR", next_step="concat(x, y) joins numbers")
    return _concat(to, nodes, parts)


def _concat(to: Translator, nodes: Sequence[exp.Expr], parts: Sequence[Term]) -> Term:
    texts = [coercion.as_text(to.fail, x, part) for x, part in zip(nodes, parts, strict=True)]
    values = [text.value for text in texts if isinstance(text.value, str)]
    if len(values) == len(texts):
        return literal("".join(values))
    return call("concat", "string", *texts)


def case(to: Translator, node: exp.Case) -> Term:
    """Return the value of the first branch of CASE whose condition is true."""
    value = None if node.this is None else to.term(node.this)
    conditions = []
    for branch in node.args["ifs"]:
        if value is None:
            conditions.append(to.truth(branch.this))
        else:
            conditions.append(coercion.compare(to.fail, "=", branch, value, to.term(branch.this)))
    values = [to.term(branch.args["true"]) for branch in node.args["ifs"]]
    default = node.args.get("default")
    values.append(to.term(default) if default else expressions.null("void"))
    return coercion.choice(to.fail, node, conditions, values)
