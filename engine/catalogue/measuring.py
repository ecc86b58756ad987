"""What the alerts of a file are: how many of each class, from when to when, how bright, and where on the sky.

A class column that a file lacks is computed as for a transfer, by the survey's enrichments. `tnsclass` is computed only
with a TNS catalogue, and the catalogue's version stands beside its counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy_healpix import HEALPix

from engine.archive import Archive, Footer, Fragment
from engine.catalogue.rows import Content
from engine.catalogue.survey_keys import label_columns, survey_key
from engine.enrichment import CatalogueFile as TnsFile
from engine.enrichment import Enrichment, TnsClass, catalogue_of, with_catalogue
from engine.schema import combined, type_at
from engine.surveys import Survey

__all__ = ["SKY_NSIDE", "Measure"]

SKY_NSIDE = 64
"""Cells of 0.84 square degrees."""

MOST_LABELS = 2_000
"""Labels of a file's column whose alerts are counted; a column with more holds names rather than classes."""

_ALERTS_AT_ONCE = 100_000


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Measures files as those of a survey. Picklable."""

    archive: Archive
    survey: Survey
    tns: TnsFile | None
    """The TNS catalogue that `tnsclass` is computed with, where files lack it."""

    def __call__(self, footer: Footer) -> Content:
        """Return what the alerts of a file are.

        Raises
        ------
        ArchiveError
            If the file, or a column of it that is read here, can't be read.
        """
        bounds = self._number_leaves(footer)
        computing = self._computing(footer)
        read = self._labels_in(footer)
        computed = {name: by for by in computing for name in by.adds.names if name not in read}
        counts = {name: Counter[str]() for name in (*read, *computed)}
        leaves = {(leaf, pa.float64()) for leaf in bounds.values()} | {(name, pa.string()) for name in read}
        leaves |= {(field.name, field.type) for by in computing for field in by.needs}
        ends = {what: _Ends() for what in bounds}
        sky = np.zeros(12 * SKY_NSIDE**2, dtype=bool)
        for table in self._tables(footer, sorted(leaves, key=str)):
            for name in read:
                _count(counts[name], table[name, pa.string()])
            for by in computing:
                _count_computed(counts, by, table, [name for name, other in computed.items() if other is by])
            for what, leaf in bounds.items():
                ends[what].see(table[leaf, pa.float64()])
            if {"ra", "dec"} <= bounds.keys():
                _mark(sky, *(table[bounds[what], pa.float64()] for what in ("ra", "dec")))
        versions = {name: self._version(by) for name, by in computed.items()}
        columns = {name: versions.get(name) for name in counts if len(counts[name]) <= MOST_LABELS}
        for name in label_columns(self.survey):
            if name not in counts and not any(name in by.adds.names for by in self.survey.enrichments):
                columns[name] = None  # no alert of it has a label there
                counts[name] = Counter()
        return Content(
            survey=survey_key(self.survey),
            bounds={
                f"{what}_{end}": value
                for what, found in ends.items()
                for end, value in (("min", found.least), ("max", found.greatest))
            },
            sky=tuple(np.flatnonzero(sky).tolist()),
            columns=columns,
            labels={name: dict(counts[name].most_common()) for name in columns},
        )

    def _number_leaves(self, footer: Footer) -> dict[str, str]:
        """Return what is measured -> the leaf that holds it, where the file has a number there."""
        survey = self.survey
        wanted = {"time": survey.time_field, "ra": survey.ra_field, "dec": survey.dec_field}
        if survey.brightness_field:
            wanted["brightness"] = survey.brightness_field
        return {what: leaf for what, leaf in wanted.items() if _is_number(type_at(footer.schema, leaf))}

    def _labels_in(self, footer: Footer) -> list[str]:
        types = {name: type_at(footer.schema, name) for name in label_columns(self.survey)}
        return [name for name, type_ in types.items() if _holds_labels(type_)]

    def _computing(self, footer: Footer) -> list[Enrichment]:
        """Return the enrichments that compute what the file lacks of the class columns."""
        names = label_columns(self.survey)
        found = []
        for some in with_catalogue(self.survey.enrichments, self.tns):
            lacks = any(type_at(footer.schema, name) is None for name in some.adds.names if name in names)
            if lacks and not (isinstance(some, TnsClass) and some.catalogue is None):
                found.append(some)
        return found

    def _version(self, by: Enrichment) -> str | None:
        found = catalogue_of([by])
        return found.version if found else None

    def _tables(
        self, footer: Footer, leaves: Sequence[tuple[str, pa.DataType]]
    ) -> Iterator[Mapping[tuple[str, pa.DataType], pa.Array]]:
        """Yield leaves of a file, some row groups at a time, by path and type."""
        for fragment in _portions(footer):
            read = self.archive.read_leaves(fragment, [leaf for leaf, _ in leaves], [type_ for _, type_ in leaves])
            yield dict(zip(leaves, map(combined, read.columns), strict=True))


def _portions(footer: Footer) -> Iterator[Fragment]:
    groups: list[int] = []
    for group, num_alerts in enumerate(footer.row_groups):
        groups += [group] if num_alerts else []
        held = tuple(footer.row_groups[group] for group in groups)
        if groups and (sum(held) >= _ALERTS_AT_ONCE or group == len(footer.row_groups) - 1):
            yield Fragment(number=0, file=footer.file, row_groups=tuple(groups), row_group_alerts=held)
            groups = []


class _Ends:
    """The least and the greatest of the numbers that it has seen; nulls and NaN are none."""

    def __init__(self) -> None:
        self.least: float | None = None
        self.greatest: float | None = None

    def see(self, values: pa.Array) -> None:
        numbers = values.drop_null().to_numpy(zero_copy_only=False)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers):
            least, greatest = float(numbers.min()), float(numbers.max())
            self.least = least if self.least is None else min(least, self.least)
            self.greatest = greatest if self.greatest is None else max(greatest, self.greatest)


def _count(counts: Counter[str], labels: pa.Array) -> None:
    for item in pc.value_counts(labels.drop_null()).to_pylist():
        counts[item["values"]] += item["counts"]


def _count_computed(
    counts: Mapping[str, Counter[str]],
    by: Enrichment,
    table: Mapping[tuple[str, pa.DataType], pa.Array],
    names: Sequence[str],
) -> None:
    batch = pa.record_batch([table[field.name, field.type] for field in by.needs], schema=by.needs)
    added = by(batch)
    for name in names:
        _count(counts[name], added.column(name))


def _mark(sky: np.ndarray, ra: pa.Array, dec: pa.Array) -> None:
    """Mark the cells in which alerts lie; those without a position on the sky lie in none."""
    lon, lat = (column.to_numpy(zero_copy_only=False).astype(float) for column in (ra, dec))
    on_sky = np.isfinite(lon) & (np.abs(lat) <= 90)
    cells = HEALPix(nside=SKY_NSIDE, order="nested").lonlat_to_healpix(lon[on_sky] * u.deg, lat[on_sky] * u.deg)
    sky[cells] = True


def _is_number(type_: pa.DataType | None) -> bool:
    return type_ is not None and (pa.types.is_integer(type_) or pa.types.is_floating(type_))


def _holds_labels(type_: pa.DataType | None) -> bool:
    if type_ is not None and pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return type_ is not None and (
        pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_boolean(type_)
    )
