"""The archives that the page offers, by name. What a link, a file or a user names is one of these, or is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine import RequestError, Settings

__all__ = ["Source", "Sources"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """An archive with its survey, under the name that the operator gave it."""

    name: str
    survey: str = "ztf"
    archive: str
    tns_catalogue: str | None = None

    def request_keys(self) -> dict[str, Any]:
        """Return what a request says of its source."""
        keys = {"survey": self.survey, "archive": self.archive, "tns_catalogue": self.tns_catalogue}
        return {name: value for name, value in keys.items() if value is not None}


class Sources(Mapping[str, Source]):
    """The sources of a server, in the operator's order."""

    def __init__(self, sources: Iterable[Source]):
        self._sources = {source.name: source for source in sources}

    @classmethod
    def from_settings(cls, settings: Settings) -> Sources:
        """Return the sources that the settings name; without any, the settings' own archive is the one source.

        Raises
        ------
        RequestError
            If the settings name no archive at all.
        """
        named = settings.dashboard.sources
        if named:
            return cls(
                Source(name=name, survey=it.survey, archive=it.archive, tns_catalogue=it.tns_catalogue)
                for name, it in named.items()
            )
        if settings.archive is None:
            raise RequestError(
                "no archive is configured for the dashboard",
                accepted="dashboard.sources in the configuration, or one archive",
                next_step="give --archive URL, or write a sample first: alert-transfer archive sample DIR",
            )
        survey = settings.dashboard.survey
        source = Source(name=survey, survey=survey, archive=settings.archive, tns_catalogue=settings.tns_catalogue)
        return cls([source])

    def __getitem__(self, name: str) -> Source:
        return self._sources[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def first(self) -> Source:
        """The source that a new page shows."""
        return next(iter(self._sources.values()))

    def named(self, values: Mapping[str, Any], current: Source | None = None) -> Source:
        """Return the source that a request's table means.

        Parameters
        ----------
        values
            Of which `archive`, `survey` and `tns_catalogue` count: a source's name, or what the source itself has.
        current
            What is meant if nothing is named.

        Raises
        ------
        RequestError
            If it names an archive, a survey or a catalogue that is none of a source's; nothing is read of it.
        """
        given = {name: values[name] for name in ("archive", "survey", "tns_catalogue") if values.get(name) is not None}
        if given.get("archive") in self._sources:
            given |= {"archive": self._sources[given["archive"]].archive}
        candidates = [current] if current else []
        candidates += [source for source in self._sources.values() if source != current]
        for source in candidates:
            keys = source.request_keys()
            if all(_same(keys.get(name), value) for name, value in given.items()):
                return source
        told = {"archive": "archive", "survey": "survey", "tns_catalogue": "catalogue of TNS"}
        said = ", ".join(f"the {told[name]} {str(value)[:100]!r}" for name, value in given.items())
        raise RequestError(
            f"the request names {said}, which is no source of this page",
            accepted=f"as archive one of {', '.join(self._sources)}",
            next_step="leave archive, survey and tns_catalogue out, and choose the source on the page",
        )


def _same(mine: Any, given: Any) -> bool:
    return isinstance(given, str) and isinstance(mine, str) and mine.rstrip("/") == given.rstrip("/")
