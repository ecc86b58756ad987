"""The fields of an archive: what a condition can name, in which type and unit, what it means, how often it is null.

Only footers are read; the shares of nulls come from the statistics that Parquet keeps of each column.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer.notebooks import html_rows, html_table, text_table
from consumer.settings import Settings, load_settings
from consumer.words import count_text
from engine.archive import Footer, Leaves, configured_archive, parse_nights, unite, with_alerts
from engine.catalogue import open_catalogue
from engine.conditions import parse_conditions
from engine.enrichment import added_by, with_added
from engine.errors import ArchiveError, ConditionError
from engine.schema import Unsettled, kept_exact, names_along, origin_of, type_at
from engine.storage import without_password
from engine.surveys import Description, read_descriptions, survey_named

__all__ = ["ArchiveField", "ArchiveFields", "fields"]

_HEAD = ("field", "type", "unit", "nights", "null", "meaning")
_MOST_SHOWN = 300
"""Fields that a notebook shows."""

MOST_NIGHTS = 60
"""Nights whose footers are read if none are chosen."""


@dataclass(frozen=True, kw_only=True)
class ArchiveField:
    """One field of an archive."""

    name: str
    """As a condition names it: `candidate.magpsf`, `size(prv_candidates)`; an item's leaf is `prv_candidates[].jd`."""
    path: str
    """Names from the root, with dots between them."""
    kind: str
    """`leaf`, `map key` or `size` of a list. What is `in a list` is asked of one item, or of all by a predicate. No
    condition names `bytes`, a `map` (of unknown keys), a `decimal`, a `time of day`, a `duration`, or what is
    `unsettled`: the files disagree, or it can't leave."""
    type: str
    """Type in the schema union of the nights; the files' own where the union has none, or one that stands for it."""
    unit: str | None
    """As astropy writes it."""
    meaning: str | None
    source: str | None
    """Who says what it means."""
    num_nights: int
    """Nights in which a file has it, with a type other than null."""
    null_share: float | None
    """Share of all alerts of the nights that have null there, or nothing; None where the footers don't say."""

    @property
    def in_conditions(self) -> bool:
        """Whether a condition can name it."""
        return self.kind in ("leaf", "map key", "size")


@dataclass(frozen=True, kw_only=True, repr=False)
class ArchiveFields:
    """Fields of an archive, and the nights they were looked up in."""

    archive: str
    nights: tuple[dt.date, ...]
    """Those whose footers were read."""
    num_archive_nights: int
    """All that the archive has."""
    num_alerts: int
    """Alerts in the nights that were read."""
    fields: tuple[ArchiveField, ...]

    def __repr__(self) -> str:
        return f"<ArchiveFields: {self._summary()}>"

    def __str__(self) -> str:
        return f"{self._summary()}\n{text_table(_HEAD, self._rows(), most=_MOST_SHOWN)}"

    def _repr_html_(self) -> str:
        return html_rows(self._summary(), []) + html_table(_HEAD, self._rows(), most=_MOST_SHOWN)

    def _rows(self) -> list[tuple[object, ...]]:
        return [
            (
                field.name,
                field.type,
                field.unit or "",
                field.num_nights,
                _share_text(field.null_share),
                field.meaning or "",
            )
            for field in self.fields
        ]

    def _summary(self) -> str:
        fields, nights = count_text(len(self.fields), "field"), count_text(len(self.nights), "night")
        return f"{fields} in {count_text(self.num_alerts, 'alert')} of {nights} of {without_password(self.archive)}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for `--json`."""
        return {
            "archive": self.archive,
            "nights": [night.isoformat() for night in self.nights],
            "num_archive_nights": self.num_archive_nights,
            "num_alerts": self.num_alerts,
            "fields": [{**vars(field), "in_conditions": field.in_conditions} for field in self.fields],
        }


@dataclass(frozen=True, kw_only=True)
class _Alike:
    """Files that have their schema and their leaves in common."""

    schema: pa.Schema
    leaves: Leaves
    nights: frozenset[dt.date]
    num_alerts: int
    nulls: npt.NDArray[np.int64] | None
    """A row for each file, in it the nulls of each leaf, -1 where they are not known."""


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A place in the union schema that is worth a line."""

    path: str
    kind: str
    type: str
    list_path: str | None = None
    """The outermost list that it is in, or is."""


def fields(
    archive: str | None = None,
    nights: str | Sequence[str] | None = None,
    like: str | None = None,
    *,
    survey: str = "ztf",
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ArchiveFields:
    """Return the fields of an archive; no alert is read.

    Parameters
    ----------
    archive
        Root of the archive; None means the configuration's.
    nights
        `2021-11-22`, a month, a range with both ends, or several; None means all, or, of an archive that has more than
        60, the first, the last and 58 spread evenly between them.
    like
        Only fields whose name or meaning has this text in it, in upper or lower case.
    survey
        Whose fields they are.
    settings
        Default: the environment and the configuration file.
    progress
        Called as `progress(done, total)` while footers are read.

    Raises
    ------
    RequestError
        If no archive is given, or a night is not one.
    ArchiveError
        If the archive or one of these nights can't be read.
    """
    survey_ = survey_named(survey)
    settings = settings or load_settings()
    opened = configured_archive(archive, settings)
    every = opened.nights()
    files = opened.files(_chosen(every, nights))
    if not files:
        raise ArchiveError(
            f"the archive {opened.url!r} has no data in these nights",
            accepted=f"nights from {every[0]} to {every[-1]}",
            next_step="list them with: alert-transfer archive info",
        )
    footers = opened.footers(files, progress, with_nulls=True, source=open_catalogue(opened, settings))
    union = with_added(unite(with_alerts(footers), as_text=survey_.night_columns), survey_.enrichments)
    added = added_by(survey_.enrichments)
    descriptions = read_descriptions(survey_.name)
    entries = _entries(list(union), "", _keys_of_maps(footers, descriptions))
    groups = _alike(footers)
    found = [_field(entry, union, groups, descriptions, added) for entry in entries]
    wanted = (like or "").lower()
    return ArchiveFields(
        archive=opened.url,
        nights=tuple(sorted({footer.file.night for footer in footers})),
        num_archive_nights=len(every),
        num_alerts=sum(sum(footer.row_groups) for footer in footers),
        fields=tuple(f for f in found if any(wanted in text.lower() for text in (f.name, f.path, f.meaning or ""))),
    )


def _share_text(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"


def _chosen(every: Sequence[dt.date], nights: str | Sequence[str] | None) -> list[dt.date]:
    if nights is not None:
        return parse_nights(nights)
    if len(every) <= MOST_NIGHTS:
        return list(every)
    return [every[i] for i in np.linspace(0, len(every) - 1, MOST_NIGHTS).round().astype(int)]


def _keys_of_maps(footers: Sequence[Footer], descriptions: Mapping[str, Description]) -> dict[str, list[str]]:
    """Return path -> keys that a map there may have: those that are described, and the fields of files' structs."""
    keys: dict[str, dict[str, None]] = {}
    for footer in footers:
        for field in footer.schema:
            if pa.types.is_struct(field.type):
                keys.setdefault(field.name, {}).update(dict.fromkeys(leaf.name for leaf in field.type))
    for path in descriptions:
        parent, _, key = path.rpartition(".")
        keys.setdefault(parent, {})[key] = None
    return {path: list(found) for path, found in keys.items()}


def _entries(
    fields: Sequence[pa.Field], prefix: str, keys: Mapping[str, list[str]], list_path: str | None = None
) -> Iterator[_Entry]:
    for field in fields:
        path, type_ = prefix + field.name, field.type
        in_list = "in a list" if list_path else None
        if pa.types.is_struct(type_):
            yield from _entries(list(type_), f"{path}.", keys, list_path)
        elif pa.types.is_list(type_):
            if not list_path:
                yield _Entry(path=path, kind="size", type="int32", list_path=path)
            if pa.types.is_struct(type_.value_type):
                yield from _entries(list(type_.value_type), f"{path}.", keys, list_path or path)
            elif list_path:
                yield _Entry(path=path, kind="in a list", type=str(type_), list_path=list_path)
        elif pa.types.is_map(type_):
            if path not in keys:
                yield _Entry(path=path, kind=in_list or "map", type=str(type_), list_path=list_path)
            for key in keys.get(path, []):
                kind, name = _kind_and_type(type_.item_field)
                kind = "map key" if kind == "leaf" else kind
                yield _Entry(path=f"{path}.{key}", kind=in_list or kind, type=name, list_path=list_path)
        else:
            kind, name = _kind_and_type(field)
            yield _Entry(path=path, kind=in_list or kind, type=name, list_path=list_path)


def _kind_and_type(field: pa.Field) -> tuple[str, str]:
    if isinstance(field.type, Unsettled):
        return "unsettled", field.type.types
    kind = kept_exact(field) or ("bytes" if pa.types.is_binary(field.type) else "leaf")
    return kind, origin_of(field) or str(field.type)


def _alike(footers: Sequence[Footer]) -> list[_Alike]:
    groups: dict[tuple[int, Leaves], list[Footer]] = {}
    for footer in footers:
        groups.setdefault((id(footer.schema), footer.leaves), []).append(footer)
    return [
        _Alike(
            schema=group[0].schema,
            leaves=leaves,
            nights=frozenset(footer.file.night for footer in group),
            num_alerts=sum(sum(footer.row_groups) for footer in group),
            nulls=_stacked([footer.column_nulls for footer in group]),
        )
        for (_, leaves), group in groups.items()
    ]


def _stacked(rows: Sequence[npt.NDArray[Any] | None]) -> npt.NDArray[np.int64] | None:
    known = [row for row in rows if row is not None]
    return np.stack(known).astype(np.int64) if len(known) == len(rows) else None


def _field(
    entry: _Entry,
    union: pa.Schema,
    groups: Sequence[_Alike],
    descriptions: Mapping[str, Description],
    added: pa.Schema,
) -> ArchiveField:
    description = descriptions.get(entry.path)
    meaning = description.meaning if description else None
    return ArchiveField(
        name=_name(entry, union),
        path=entry.path,
        kind=entry.kind,
        type=entry.type,
        unit=description.unit if description and entry.kind != "size" else None,
        meaning=f"Number of items: {meaning}" if meaning and entry.kind == "size" else meaning,
        source=description.source if description else None,
        num_nights=len(set().union(*(g.nights for g in groups if type_at(g.schema, entry.path) is not None))),
        null_share=_null_share(entry, groups, added),
    )


def _name(entry: _Entry, union: pa.Schema) -> str:
    if entry.kind == "in a list":
        return f"{entry.list_path}[]{entry.path.removeprefix(entry.list_path or '')}"
    if entry.kind not in ("leaf", "map key", "size"):
        return entry.path
    parts = names_along(union, entry.path)
    # As it stands where Spark's grammar takes it, else the awkward names in back quotes, else all of them.
    names = [entry.path, *(_quoted(parts, every) for every in (False, True)), f"{parts[0]}['{'.'.join(parts[1:])}']"]
    for name in names:
        typed, leaf = (f"size({name})", f"size({entry.path})") if entry.kind == "size" else (name, entry.path)
        try:
            if parse_conditions(f"{typed} IS NULL", union).leaves == (leaf,):
                return typed
        except ConditionError:
            continue
    return entry.path


def _quoted(parts: Sequence[str], every: bool) -> str:
    return ".".join(f"`{part}`" if every or not part.isidentifier() else part for part in parts)


def _null_share(entry: _Entry, groups: Sequence[_Alike], added: pa.Schema) -> float | None:
    if entry.kind == "unsettled":
        return None
    num_alerts = num_nulls = 0
    for group in groups:
        num_alerts += group.num_alerts
        if type_at(group.schema, entry.path) is None:
            num_nulls += 0 if entry.path in added.names else group.num_alerts  # it is computed then
            continue
        nulls = _nulls(entry, group)
        if nulls is None:
            return None
        num_nulls += nulls
    return num_nulls / num_alerts if num_alerts else None


def _nulls(entry: _Entry, group: _Alike) -> int | None:
    if group.nulls is None:
        return None
    if entry.list_path is None:
        place = group.leaves.place(entry.path)  # a map has no column of its keys' own
        known = place is not None and bool((group.nulls[:, place] >= 0).all())
        return int(group.nulls[:, place].sum()) if known else None
    # A list that is null or empty leaves a null in each column inside it, so only the absence of nulls tells something.
    depth = entry.list_path.count(".") + 3  # …list.element
    rest = entry.path.removeprefix(entry.list_path).removeprefix(".")
    places = [
        place
        for place, path in enumerate(group.leaves.paths)
        if path.startswith(f"{entry.list_path}.")
        and (entry.kind == "size" or ".".join(path.split(".")[depth:]) == rest)
    ]
    return 0 if bool((group.nulls[:, places] == 0).any(axis=1).all()) else None
