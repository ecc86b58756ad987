"""Names of a portal's REST interface, `i:magpsf` or `d:cdsxmatch`, answered with the field of the alert."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

from engine.conditions.error_location import refuse_at
from engine.conditions.field_errors import FieldError
from engine.conditions.fields import find_leaf, find_nested
from engine.conditions.scalar_leaves import nearest, scalar_leaves
from engine.conditions.tokens import MAX_CHARACTERS, pieces
from engine.schema import names_along, split_leaf
from engine.surveys import Survey

__all__ = ["refuse_portal_names"]

_NAME = r"[a-z]:[ \t]*(?!\d)\w+"
_WORD = re.compile(r"(?<![\w.])[a-z_]\w*(?:\.\w+)*", re.ASCII | re.IGNORECASE)


def refuse_portal_names(text: str, schema: pa.Schema, survey: Survey) -> None:
    """Refuse conditions that name fields as the survey's portal does, with the fields' own names.

    Parameters
    ----------
    text
        Conditions as they were written.
    schema
        The job's union schema.
    survey
        Says what the portal's names stand for.

    Raises
    ------
    ConditionError
        If there is such a name, in quotes or not.
    """
    if ":" not in text or len(text) > MAX_CHARACTERS:
        return
    answers = [(start, end, name, _field(name, schema, survey)) for start, end, name in _names(text, survey)]
    # What stands in quotes may be a text that only looks like a name.
    answers = [answer for answer in answers if answer[3] or text[answer[0]] not in "\"'`"]
    if not answers:
        return
    start, end, name, field = answers[0]
    others = [f"{other} for {written}" for _, _, written, other in answers[1:] if other and written != name]
    if field:
        refuse_at(
            text,
            start,
            end,
            f"{name} is a name of the portal; in an alert that is {field}",
            accepted=", ".join(dict.fromkeys([field, *others])),
            next_step="i: stands for candidate and the identifiers, d: for the columns that the broker adds"
            if {"i", "d"} <= set(survey.portal_prefixes)
            else "list the fields with: alert-transfer archive fields",
        )
    prefix, _, last = name.partition(":")
    lower = last.lower()
    if prefix == "b":
        step = "of a cutout, a condition can tell whether it is there: cutoutScience IS NOT NULL"
    elif prefix == "v" and "-r" in lower:
        step = "an alert has the magnitude of one filter: candidate.fid = 1 AND candidate.magpsf < 18"
    elif lower == "constellation":
        step = "a part of the sky is cone(ra, dec, radius_arcsec)"
    else:
        step = "list the fields with: alert-transfer archive fields"
    refuse_at(
        text,
        start,
        end,
        f"{name} is a name of the portal, of what no alert of these nights has",
        accepted=", ".join(nearest(last, list(scalar_leaves(schema)))) or None,
        next_step=step,
    )


def _names(text: str, survey: Survey) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, name) of what looks like a portal's name; comments and other texts are passed over."""
    computed = sorted(survey.portal_computed, key=len, reverse=True)
    names = "|".join([*(rf"{re.escape(known)}(?!\w)" for known in computed), _NAME])
    name = re.compile(rf"(?:{survey.candidate}\s*\.\s*)?({names})", re.ASCII | re.IGNORECASE)
    end = 0
    for piece in pieces(text):
        start = piece.start()
        if start < end:
            continue
        if len(piece[0]) > 1:
            match = name.fullmatch(piece[0][1:-1])
            end = piece.end()
        else:
            match = None if start and re.match(r"[\w:.]", text[start - 1]) else name.match(text, start)
            end = match.end() if match else start
        if match:
            prefix, _, last = match[1].partition(":")
            if prefix.lower() in survey.portal_prefixes:
                yield start, end, f"{prefix.lower()}:{last.strip()}"


def _field(name: str, schema: pa.Schema, survey: Survey) -> str | None:
    if name.lower() in survey.portal_computed:
        instead = survey.portal_computed[name.lower()]
        words = _WORD.findall(instead or "")
        return instead if words and all(_existing(word.split("."), schema) for word in words) else None
    prefix, _, name = name.partition(":")
    for head in survey.portal_prefixes[prefix]:
        # What is nested there is flattened with underscores in the portal: mangrove_2MASS_name.
        words = name.split("_")
        for cut in range(len(words), 0, -1):
            inside = ["_".join(words[cut:])] if cut < len(words) else []
            path = _existing([*head.split(".")[:-1], "_".join(words[:cut]), *inside], schema)
            if path is not None:
                return path
    return None


def _existing(parts: list[str], schema: pa.Schema) -> str | None:
    """Return the path of a field as a condition names it; None where there is none."""
    try:
        nested = find_nested(schema, parts)
        path = split_leaf(nested)[1] if nested else find_leaf(schema, parts)[0]
    except FieldError:
        return None
    return ".".join(part if part.isidentifier() else f"`{part}`" for part in names_along(schema, path))
