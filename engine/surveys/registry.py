"""The surveys that there are, by their names, and those that a file describes."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from consumer.settings import shown
from engine.errors import RequestError
from engine.surveys.lsst import LSST
from engine.surveys.own import described_as, read_survey, survey_of
from engine.surveys.survey import Survey
from engine.surveys.ztf import ZTF

__all__ = ["SURVEYS", "survey_from_plan", "survey_in_plan", "survey_named"]

SURVEYS = {survey.name: survey for survey in (ZTF, LSST)}

_OF_FILES = (".yaml", ".yml")


def survey_named(name: str) -> Survey:
    """Return a survey by its name, or by the path of the YAML file that describes it.

    Raises
    ------
    RequestError
        If there is none.
    """
    if name in SURVEYS:
        return SURVEYS[name]
    if name.lower().endswith(_OF_FILES) or os.sep in name:
        survey = read_survey(name)
        if survey.name in SURVEYS:
            raise RequestError(
                f"the description of the survey has the name {survey.name!r}, which a known survey has",
                accepted="another name",
                next_step=f"give it another, or take the known one: --survey {survey.name}",
            )
        return survey
    near = difflib.get_close_matches(name.lower(), SURVEYS, n=1)
    raise RequestError(
        f"there is no survey {shown(name)}",
        accepted=f"{', '.join(SURVEYS)}, or a YAML file that describes one, such as survey.yaml",
        next_step=f"did you mean {near[0]!r}?" if near else "describe one of your own: docs/surveys.md",
    )


def survey_in_plan(survey: Survey) -> str | dict[str, Any]:
    """Return a survey as a plan holds it: the name of a known one as it is known, else its description."""
    return survey.name if SURVEYS.get(survey.name) == survey else described_as(survey)


def survey_from_plan(held: str | Mapping[str, Any]) -> Survey:
    """Return the survey that a plan holds."""
    if isinstance(held, str):
        return SURVEYS[held]  # never a file that a plan of others names
    described, known = survey_of(held), SURVEYS.get(held["name"])
    if known is None:
        return described
    # A known survey whose identity stands elsewhere in the files of the job.
    here = {name: getattr(described, name) for name in ("identity", "id_field", "object_field", "band_field")}
    return replace(known, **here)
