"""What a survey's fields mean, in which unit, and who says so: read from `<survey>/fields.csv`.

A name there may stand for several fields: `(candidate|prv_candidates).jd`. Units are written as astropy reads them.
Values are the few that there are, `1=g|2=r|3=i`, or the least and the greatest, `0..1`, or `julian date`.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

__all__ = ["SOURCES", "Description", "read_descriptions"]

SOURCES = {
    "packet": "ZTF Avro Alert Format, page «ZTF Avro Schemas», versions 3.3 and 4.02",
    "science": "Fink broker's documentation, page «Fink science modules» (ZTF), and the modules' own in fink-science",
    "broker": "Fink broker's documentation, page «Alert schemas» (ZTF, data transfer)",
    "features": "light-curve-feature's documentation, module «features»",
    "rubin": "Rubin Observatory's alert packet, schema 10.0, and its Data Products Definition Document (LSE-163)",
    "mpc": "Minor Planet Center, table of orbits",
    "broker_lsst": "Fink broker's documentation, pages of LSST's alert schema and science modules",
    "rules": "docs/architecture.md and engine/enrichment",
}
"""Where a description was taken from, restated in our own words."""

_CHOICE = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What one field is."""

    meaning: str
    unit: str | None
    """As astropy writes it: mag, deg, mag / d; None for a number without unit, a text or a flag."""
    source: str
    """One of `SOURCES`."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What each value stands for, where there are few: `{"1": "g", "2": "r", "3": "i"}`."""
    limits: tuple[float, float] | None = None
    """The least and the greatest value."""
    is_julian_date: bool = False

    @property
    def values_in_words(self) -> str:
        """The values and what they stand for: `1 = g, 2 = r, 3 = i`; empty where there are no few."""
        return ", ".join(f"{value} = {meaning}" for value, meaning in self.values.items())


@lru_cache
def read_descriptions(survey: str) -> Mapping[str, Description]:
    """Return path -> description of a survey's fields; items of a list have the list's path before theirs.

    A survey that nobody has described yet has none.
    """
    table = files("engine.surveys") / survey / "fields.csv"
    found: dict[str, Description] = {}
    if table.is_file():
        for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines()):
            described = Description(
                meaning=row["meaning"],
                unit=row["unit"] or None,
                source=SOURCES[row["source"]],
                values=dict(value.split("=") for value in row["values"].split("|") if "=" in value),
                limits=_limits(row["values"]),
                is_julian_date=row["values"] == "julian date",
            )
            found |= dict.fromkeys(_spelled_out(row["name"]), described)
    return found


def _limits(values: str) -> tuple[float, float] | None:
    least, between, greatest = values.partition("..")
    return (float(least), float(greatest)) if between else None


def _spelled_out(name: str) -> list[str]:
    pieces = _CHOICE.split(name)  # plain text and choices by turns
    return ["".join(words) for words in itertools.product(*(piece.split("|") for piece in pieces))]
