"""What is read off the tree of a condition, whatever it means: chains, parentheses, depth, and its text."""

from __future__ import annotations

from sqlglot import exp

__all__ = ["bare", "chain", "depth", "is_negative", "shown", "whole"]

_SHOWN = 90


def bare(node: exp.Expr) -> exp.Expr:
    """Return what stands in parentheses, without them."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def chain(node: exp.Expr, *, through_parentheses: bool = False) -> list[exp.Expr]:
    """Return the operands of a chain of one operator, a AND b AND c, in order and without recursion.

    Parameters
    ----------
    node
        The whole chain, as it associates to the left.
    through_parentheses
        Whether what stands in parentheses belongs to the chain, too: (a AND b) AND c.
    """
    operands, rest = [], [node]
    while rest:
        part = rest.pop()
        inner = bare(part) if through_parentheses else part
        if type(inner) is type(node):
            rest += [inner.expression, inner.this]
        else:
            operands.append(part)
    return operands


def depth(tree: exp.Expr) -> int:
    """Return how deep a tree is, a chain of AND, OR or || counted once; without recursion."""
    deepest, rest = 0, [(tree, 1)]
    while rest:
        node, level = rest.pop()
        deepest = max(deepest, level)
        flat = type(node) if isinstance(node, exp.And | exp.Or | exp.DPipe) else None
        rest += [(child, level + (type(child) is not flat)) for child in node.iter_expressions()]
    return deepest


def shown(node: exp.Expr) -> str:
    """Return the text of a part of a condition on one line, its end left out where it is long."""
    text = " ".join(node.sql(dialect="spark", normalize_functions=False, comments=False).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def is_negative(node: exp.Expr) -> bool:
    """Return whether a node says that a comparison does not hold: <>, NOT IN."""
    return isinstance(node, exp.NEQ | exp.NullSafeNEQ | exp.Not)


def whole(node: exp.Expr) -> exp.Expr:
    """Return a comparison as it stands in the condition: NOT IN is NOT of IN."""
    return node.parent if isinstance(node, exp.In) and isinstance(node.parent, exp.Not) else node
