"""Operands in a condition: a node of the tree as a number, as a text, or as what it is.

What translates a node stands here as a protocol, so that predicates, values and functions each have a module of their
own, and the translator, which knows them all, stands above them.
"""

from __future__ import annotations

from typing import Protocol

from sqlglot import exp

from engine.conditions import truths
from engine.conditions.coercion import as_number, as_text
from engine.conditions.error_location import Fail
from engine.conditions.expressions import Term, cast
from engine.conditions.scopes import Scope
from engine.conditions.trees import bare

__all__ = ["Translator", "anything", "double", "is_null", "number", "text"]


class Translator(Protocol):
    """What translates the nodes of one condition; engine/conditions/translator.py has it."""

    fail: Fail
    scope: Scope

    def inside(self, scope: Scope) -> Translator:
        """Return what translates a predicate inside of the condition, in which names stand for other things."""
        ...

    def term(self, node: exp.Expr) -> Term:
        """Return a term of any type."""
        ...

    def truth(self, node: exp.Expr) -> Term:
        """Return a term that is boolean."""
        ...


def number(to: Translator, node: exp.Expr) -> Term:
    """Return an operand of arithmetic: texts are read as doubles."""
    return as_number(to.fail, node, to.term(node))


def double(to: Translator, node: exp.Expr) -> Term:
    """Return an operand as a double."""
    return cast(number(to, node), "double")


def text(to: Translator, node: exp.Expr) -> Term:
    """Return an operand as a text."""
    return as_text(to.fail, node, to.term(node))


def anything(to: Translator, node: exp.Expr) -> Term:
    """Return an operand, and of a list, struct or map a column that is null where it is."""
    return to.scope.presence(bare(node)) or to.term(node)


def is_null(to: Translator, node: exp.Expr) -> Term:
    """Return whether an operand of any kind is null, a list, struct or map too."""
    return truths.is_null(anything(to, node))
