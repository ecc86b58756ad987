"""Where a request's alerts come from: the chosen nights, the survey in their files, and what is computed of them.

What later steps need to know of archive, survey and enrichments is found out here, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from consumer.settings import Settings
from engine.archive import Archive, ChosenNights, FooterSource, read_nights
from engine.catalogue import open_catalogue
from engine.enrichment import PreparedEnrichments, prepare_enrichments
from engine.errors import RequestError
from engine.request import TransferRequest
from engine.surveys import SurveyInFiles, find_survey, survey_named

__all__ = ["Sources", "find_sources"]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where a request's alerts come from."""

    nights: ChosenNights
    here: SurveyInFiles
    """The survey in the files of these nights."""
    enrichments: PreparedEnrichments

    @property
    def union(self) -> pa.Schema:
        """The schema union of the nights, checked, with what enrichments add."""
        return self.enrichments.union


def find_sources(
    request: TransferRequest,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
    source: FooterSource | None = None,
) -> Sources:
    """List the nights of a request, read their footers, and find the survey and its enrichments in them.

    Parameters
    ----------
    request, settings
        What is asked for, and where archive and catalogue are, if the request does not say.
    progress
        Called as `progress(done, total)` while footers are read.
    source
        What knows some of the footers; None: the catalogue of the archive.

    Raises
    ------
    InputError
        If there is no such survey, archive, night or catalogue, or what is there can't be taken.
    """
    survey = survey_named(request.survey)
    url, wanted = request.archive or settings.archive, request.dates()
    if url is None:
        raise RequestError(
            "the request names no archive",
            accepted="the root that holds year=…/month=…/day=…, a path or a URL",
            next_step="give --archive URL, or set it in the configuration",
        )
    archive = Archive(url, settings.storage_options)
    nights = read_nights(
        archive,
        wanted,
        widen=request.widen,
        as_text=survey.night_columns,
        ranges_of=(survey.time_field,) if survey.is_described else (),
        skip_unreadable=request.skip_unreadable,
        progress=progress,
        source=source or open_catalogue(archive, settings),
    )
    schemas = [schema for _, schema in nights.schemas]
    here = find_survey(survey, schemas, nights.union, widen=request.widen, url=archive.shown)
    catalogue = request.tns_catalogue or settings.tns_catalogue
    enrichments = prepare_enrichments(survey.enrichments, catalogue, nights.schemas, here.union, url=archive.shown)
    return Sources(nights=nights, here=here, enrichments=enrichments)
