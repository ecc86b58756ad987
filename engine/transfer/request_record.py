"""The request as a manifest holds it: to be read elsewhere, by others, years later."""

from __future__ import annotations

import os
from typing import Any

from engine.planning import TransferPlan
from engine.surveys import survey_in_plan

__all__ = ["request_record"]


def request_record(plan: TransferPlan, topic: str) -> dict[str, Any]:
    """Return a plan's request with the archive that it found, local paths absolute, and the topic that was made."""
    asked = {**plan.request.to_dict(), "archive": plan.selection.archive.url, "topic": topic}
    is_described = isinstance(survey_in_plan(plan.selection.survey), dict)
    places = ("archive", "tns_catalogue", *(("survey",) if is_described else ()))
    return {name: _absolute(value) if name in places else value for name, value in asked.items()}


def _absolute(place: str) -> str:
    # fsspec's URLs, chains of them among these, are what they are everywhere.
    return place if "://" in place or "::" in place else os.path.abspath(os.path.expanduser(place))
