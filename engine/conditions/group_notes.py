"""Notes on comparisons that are odd together alone: never true together, or with OR true of every alert."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from engine.conditions import value_sets
from engine.conditions.field_facts import FieldFacts
from engine.conditions.outcomes import Outcomes
from engine.conditions.trees import bare, shown

__all__ = ["note_on_group"]

_FIELD = re.compile(r'"(?:[^"]|"")*"|size_int\("(?:[^"]|"")*"\)')
_RANGES = (exp.LT, exp.LTE, exp.GT, exp.GTE)


def note_on_group(
    group: exp.Expr | None, members: Sequence[tuple[exp.Expr, Outcomes]], facts: FieldFacts
) -> tuple[exp.Expr | None, str] | None:
    """Return what is odd about members that are never true together, or in an OR never false together.

    Parameters
    ----------
    group
        The AND, OR or BETWEEN that they stand in; None of conditions that must all hold.
    members
        Each with its outcomes, in an OR those of its negation.
    facts
        What is known of the fields.

    Returns
    -------
    node, note
        What the note is on: None where it may stand beside others on the same. None if nothing is odd.
    """
    if isinstance(group, exp.Between):
        return group, _on_between(group, members, facts)
    texts = list(dict.fromkeys(shown(node) for node, _ in members))
    listed = " and ".join(texts[:4]) + (" and others" if len(texts) > 4 else "")
    if isinstance(group, exp.Or):
        if not _known_where_there(members):
            return None
        return group, (
            f"one of {listed} is true of every alert that has the field: with OR nothing is left out; "
            "write AND, or NOT IN"
        )
    inner = [bare(node) for node, _ in members]
    advice = ""
    if len(texts) > 1 and all(isinstance(node, exp.EQ) for node in inner):
        advice = "; write OR, or IN"
    elif len(texts) == 2 and all(isinstance(n, _RANGES) and facts.is_right_ascension(n.this) for n in inner):
        advice = "; across right ascension 0 write OR"
    return None, f"{listed} are never true together{advice}"


def _on_between(group: exp.Between, members: Sequence[tuple[exp.Expr, Outcomes]], facts: FieldFacts) -> str:
    field, low, high = (shown(node) for node in (group.this, group.args["low"], group.args["high"]))
    is_negated = isinstance(group.parent, exp.Not)
    every = ", and NOT of it of every alert that has the field" if _known_where_there(members) else ""
    never = f"{shown(group)} is never true{every if is_negated else ''}"
    least, greatest = (_literal_number(group.args[key]) for key in ("low", "high"))
    if least is not None and greatest is not None and least <= greatest:
        return f"{never}: no value that {field} can have lies between"
    if facts.is_right_ascension(group.this):
        across = f"{field} < {low} AND {field} > {high}" if is_negated else f"{field} >= {low} OR {field} <= {high}"
        return f"{never}: the lower bound stands first; across right ascension 0 write {across}"
    return f"{never}: the lower bound stands first; write {field} BETWEEN {high} AND {low}"


def _known_where_there(members: Sequence[tuple[exp.Expr, Outcomes]]) -> bool:
    """Return whether several comparisons are each true or false wherever one field that they share is there."""
    fields: set[str] | None = None
    for _, outcomes in members:
        if outcomes.unknown is None:
            continue
        nulls = {key for key, values in outcomes.unknown.items() if values == value_sets.NULL}
        fields = nulls if fields is None else fields & nulls
    # What is computed may be null where the field is not, such as the number in a text.
    return fields is None or any(map(_FIELD.fullmatch, fields))


def _literal_number(node: exp.Expr) -> float | None:
    negative = isinstance(bare(node), exp.Neg)
    literal_ = bare(bare(node).this) if negative else bare(node)
    if not isinstance(literal_, exp.Literal) or literal_.is_string:
        return None
    return -float(literal_.this) if negative else float(literal_.this)
