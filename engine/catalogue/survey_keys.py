"""As what survey the alerts of a file were read: another survey, or other rules, count other labels."""

from __future__ import annotations

import hashlib

from engine.enrichment import with_catalogue
from engine.surveys import Survey

__all__ = ["label_columns", "survey_key"]

_RULES = 1
"""Counts up when what is measured changes, or the rules by which labels are computed: files are read anew then."""


def label_columns(survey: Survey) -> tuple[str, ...]:
    """Return the leaves of a survey that hold class labels, or are true for a class."""
    columns = [column.name for column in survey.classes.columns]
    return tuple(dict.fromkeys([*columns, *survey.class_columns]))


def survey_key(survey: Survey) -> str:
    """Return what says as what survey alerts were read: another survey, or other rules, count other labels."""
    fields = (survey.time_field, survey.brightness_field, survey.ra_field, survey.dec_field, label_columns(survey))
    computed = [(some.name, some.adds.names, some.needs.names) for some in with_catalogue(survey.enrichments, None)]
    return f"{survey.name} {hashlib.sha256(repr((_RULES, fields, computed)).encode()).hexdigest()[:12]}"
