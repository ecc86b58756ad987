"""The surveys that there are, by their names."""

from __future__ import annotations

from consumer.settings import shown
from engine.errors import RequestError
from engine.surveys.survey import Survey
from engine.surveys.ztf import ZTF

__all__ = ["SURVEYS", "survey_named"]

SURVEYS = {ZTF.name: ZTF}


def survey_named(name: str) -> Survey:
    """Return a survey by its name.

    Raises
    ------
    RequestError
        If there is none.
    """
    try:
        return SURVEYS[name]
    except KeyError as exc:
        raise RequestError(f"there is no survey {shown(name)}", accepted=", ".join(SURVEYS)) from exc
