"""Notes on conditions that run as Spark runs them and select something else than was meant, with what to write.

A condition that is never true, or true of every alert, has a note; so have texts that are read as numbers, dates that
are subtractions, and wildcards where they are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pyarrow as pa
from sqlglot import exp

from engine.conditions.comparisons import Comparison
from engine.conditions.field_facts import FieldFacts, path_of
from engine.conditions.group_notes import note_on_group
from engine.conditions.label_notes import ClassLabels
from engine.conditions.literal_notes import notes_on_literals
from engine.conditions.odd_comparisons import oddity
from engine.conditions.operands import Translator
from engine.conditions.outcomes import Outcomes
from engine.conditions.reading import Reading
from engine.conditions.reasons import why
from engine.conditions.trees import bare, chain, is_negative, shown, whole
from engine.surveys import Description

__all__ = ["notes_on_conditions"]

_MOST_NOTES = 8
_MOST_NODES = 20_000


def notes_on_conditions(
    trees: Sequence[tuple[exp.Expr, Translator]],
    schema: pa.Schema,
    descriptions: Mapping[str, Description],
    labels: ClassLabels,
    ra_field: str | None,
) -> list[str]:
    """Return notes on conditions that are valid, and odd.

    Parameters
    ----------
    trees
        The conditions, all of which must hold, each with what translates its operands.
    schema
        The job's union schema.
    descriptions
        Path -> what the field means: which values it has.
    labels
        Those of the class columns.
    ra_field
        Path of the right ascension, whose ranges may go across 0.
    """
    if sum(1 for tree, _ in trees for _ in tree.walk()) > _MOST_NODES:
        return []
    facts = FieldFacts(schema=schema, descriptions=descriptions, labels=labels, ra_field=ra_field)
    return _Notes(facts).on(trees)


class _Notes:
    def __init__(self, facts: FieldFacts):
        self._facts = facts
        self._found: dict[str, None] = {}
        self._told: dict[int, exp.Expr] = {}
        """Nodes that have their note, by id; kept, lest another node gets the same id."""

    def on(self, trees: Sequence[tuple[exp.Expr, Translator]]) -> list[str]:
        members: list[tuple[exp.Expr, Outcomes]] = []
        reading = None
        for tree, translator in trees:
            reading = Reading(
                translator, stored=self._facts.stored, on_comparison=self._comparison, on_group=self._group
            )
            parts = chain(tree, through_parentheses=True) if isinstance(bare(tree), exp.And) else [tree]
            members += [(part, reading.outcomes(part)) for part in parts]
            reading.rest(tree)
            for node, text in notes_on_literals(tree):
                self._note(node, text)
        if reading is None:
            return []
        all_together = reading.all_of(members, None)
        notes = list(self._found)
        told = notes[:_MOST_NOTES]
        if len(notes) > _MOST_NOTES:
            told.append(f"{len(notes) - _MOST_NOTES} more like these")
        if all_together.true is None:
            return ["the conditions select no alert, whatever it holds", *told]
        if all_together.false is None and all_together.unknown is None:
            return ["the conditions select every alert", *told]
        return told

    def _note(self, node: exp.Expr | None, text: str) -> None:
        if node is None or id(node) not in self._told:
            self._found[text] = None
        if node is not None:
            self._told[id(node)] = node

    # --- Comparisons --------------------------------------------------------------------------------------------

    def _comparison(self, found: Comparison) -> None:
        outcomes = found.outcomes.negated if is_negative(found.node) else found.outcomes
        self._note_labels(found)
        if found.operator == "IN":
            self._in(found)
        elif outcomes.true is None:
            self._tell(found, f"is never true: {why(found, self._facts)}")
        elif outcomes.false is None and isinstance(found.node, exp.Between):
            bound = shown(found.right_node)
            if not found.left.is_constant:
                self._tell(found, f"has the bound {bound}, which leaves nothing out: {why(found, self._facts)}")
        elif outcomes.false is None and outcomes.unknown is None:
            self._tell(found, f"is true of every alert: {why(found, self._facts)}")
        elif outcomes.false is None:
            self._tell(found, f"is true of every alert that has {shown(found.left_node)}: {why(found, self._facts)}")
        elif (odd := oddity(found, self._facts)) is not None:
            self._tell(found, odd)

    def _tell(self, found: Comparison, text: str) -> None:
        self._note(found.node, f"{shown(whole(found.node))} {text}")

    def _in(self, found: Comparison) -> None:
        field, negated = shown(found.left_node), isinstance(found.node.parent, exp.Not)
        if found.value is None:
            self._tell(
                found,
                f"is never true: with null in the list, what is not found is unknown; leave null out, and write "
                f"{field} IS NOT NULL for what has it"
                if negated
                else f"doesn't find null: add OR {field} IS NULL",
            )
        elif found.outcomes.true is None:
            verdict = f"true of every alert that has {field}" if negated else "never true"
            self._tell(found, f"is {verdict}: {why(found, self._facts)}")
        elif found.is_missed:
            self._tell(found, f"never finds {shown(found.right_node)}: {why(found, self._facts)}")
        elif (odd := oddity(found, self._facts)) is not None:
            self._tell(found, odd)

    def _note_labels(self, found: Comparison) -> None:
        """Note each text that the class column never has in this spelling."""
        if not found.left.is_field or found.compared_as != "string":
            return
        nodes = found.node.expressions if found.operator == "IN" else [found.right_node]
        texts = [bare(node).this for node in nodes if bare(node).is_string]
        is_pattern = found.operator == "LIKE" and re.search(r"[%_]", str(found.value))
        if found.operator not in ("=", "<=>", "IN", "LIKE") or is_pattern:
            return
        written = "<>" if is_negative(whole(found.node)) else "="
        for text in texts:
            note = self._facts.labels.note(path_of(found.left), text, written)
            if note is not None:
                self._note(None, f"{shown(whole(found.node))}: {note}")

    # --- Groups -------------------------------------------------------------------------------------------------

    def _group(self, group: exp.Expr | None, members: Sequence[tuple[exp.Expr, Outcomes]]) -> None:
        note = note_on_group(group, members, self._facts)
        if note is not None:
            self._note(*note)
