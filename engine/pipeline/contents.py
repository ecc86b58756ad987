"""Contents: which columns of an alert go out, and under which names.

lightcurve    the leaves of the detection that make a light curve, taken to the top level, and every added value
cutouts       the stamps, with what tells which alert it is
medium        everything but the stamps
full          everything
fields        the columns and leaves that the request lists

What the survey's enrichments add goes out with each of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from consumer.settings import shown
from engine.enrichment import added_by
from engine.errors import RequestError
from engine.schema import check_settled, conform, leaf_at, leaf_values, names_along, paths_in, plain_path
from engine.surveys import Survey

__all__ = ["CONTENTS", "Projection", "project_schema"]

CONTENTS = ("lightcurve", "cutouts", "medium", "full", "fields")


@dataclass(frozen=True, kw_only=True)
class Projection:
    """How alerts of the archive become alerts of the content."""

    schema: pa.Schema
    """What goes out."""
    sources: tuple[str, ...]
    """Where each output column comes from: a root column, or the path of a leaf."""

    def columns(self) -> tuple[str, ...]:
        """Return what must be read of the archive."""
        return tuple(dict.fromkeys(self.sources))

    def path_of(self, source: str) -> str:
        """Return the path, in what goes out, of a field of the archive that goes out by itself or in a struct."""
        placed = dict(zip(self.sources, self.schema.names, strict=True))
        parts = source.split(".")
        ends = (end for end in range(len(parts), 0, -1) if ".".join(parts[:end]) in placed)
        end = next(ends, len(parts))
        return ".".join([placed.get(".".join(parts[:end]), source), *parts[end:]])

    def apply(self, block: pa.RecordBatch, file: str) -> pa.RecordBatch:
        """Return a block of the archive as the content.

        Parameters
        ----------
        block
            Alerts as a file has them, with what was computed of them, n rows.
        file
            For messages.

        Raises
        ------
        ArchiveError
            If a value would be lost on its way into the schema union.
        """
        arrays = []
        columns = dict(zip(block.schema.names, block.columns, strict=True))
        for field, source in zip(self.schema, self.sources, strict=True):
            found = leaf_values(columns, names_along(block.schema, source), field, source, file)
            array = pa.nulls(block.num_rows) if found is None else found
            arrays.append(conform(array, field.type, source, file, field.metadata))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def project_schema(archive: pa.Schema, content: str, survey: Survey, fields: Sequence[str] = ()) -> Projection:
    """Return the projection of a content.

    Parameters
    ----------
    archive
        The schema union of the chosen nights.
    content
        One of `CONTENTS`.
    survey
        Says which columns each content has. What its enrichments add goes out with every content, last.
    fields
        For the content `fields`: root columns, or leaves at any depth. One of the candidate, `candidate.x`, comes out
        as `x`; any other under its path with `_` for `.`.

    Raises
    ------
    RequestError
        If a field is unknown, or two would come out under one name.
    ArchiveError
        If the files disagree about a field of the content in a way that no type can hold.
    """
    added = added_by(survey.enrichments)
    roots = [name for name in archive.names if name not in added.names]
    band = [survey.band_field] if survey.band_field else []
    match content:
        case "lightcurve":
            leading = [path for path in survey.identity if path not in survey.lightcurve_leaves]
            lifted = [*leading, *survey.lightcurve_leaves]
            left_out = {survey.candidate, *survey.lightcurve_without, *survey.history, *survey.stamps}
            left_out |= {*survey.night_columns, *(_name_of(archive, path, survey) for path in lifted)}
            paths = [*lifted, *(name for name in roots if name not in left_out)]
        case "cutouts":
            paths = [*survey.identity, *band, *survey.stamps]
        case "medium":
            paths = [name for name in roots if name not in survey.stamps]
        case "full":
            paths = roots
        case "fields":
            wanted = [path if path in archive.names else plain_path(path) for path in fields]
            _check_fields(archive, fields, wanted, survey, added)
            # The identifier goes out anyway, wherever else files have it.
            known = {*added.names, survey.instead.get(survey.id_field)}
            paths = [*survey.identity, *(path for path in wanted if path not in known)]
        case _:
            raise RequestError(f"there is no content {shown(content)}", accepted=", ".join(CONTENTS))
    if content != "fields":
        # A survey's leaf that none of the chosen nights has can't be given a type; the others stay.
        paths = [path for path in paths if leaf_at(archive, path) is not None]
    way_out = "leave it out" if content == "fields" else "take the columns without it: --content fields --field …"
    return _build(archive, [*dict.fromkeys([*paths, *added.names])], survey, added, way_out)


def _build(archive: pa.Schema, paths: Sequence[str], survey: Survey, added: pa.Schema, way_out: str) -> Projection:
    out: list[pa.Field] = []
    taken: dict[str, str] = {}
    for path in paths:
        name = _name_of(archive, path, survey)
        if name in taken:
            raise _clash(name, taken[name], path, (*survey.identity, *added.names))
        taken[name] = path
        way = names_along(archive, path)
        source = leaf_at(archive, path)
        if path in added.names:
            out.append(added.field(path))
        elif source is None:
            out.append(pa.field(name, pa.string()))
        else:
            check_settled(source.type, way_out)
            # A leaf is null wherever its parent is.
            nullable = len(way) > 1 or source.nullable
            out.append(pa.field(name, source.type, nullable=nullable, metadata=source.metadata))
    return Projection(schema=pa.schema(out), sources=tuple(paths))


def _name_of(archive: pa.Schema, path: str, survey: Survey) -> str:
    """Return the name under which a field comes out: a root column's own, else its path in one word."""
    way = names_along(archive, path)
    if len(way) == 1:
        return way[0]
    if path in survey.identity:
        return way[-1]
    names = way[1:] if way[0] == survey.candidate else way
    return names[0] if len(names) == 1 else "_".join(names).replace(".", "_")


def _clash(name: str, first: str, second: str, always: Sequence[str]) -> RequestError:
    kept, left = (second, first) if second in always and first not in always else (first, second)
    step = f"leave {shown(left)} out" + (f", since {shown(kept)} is always sent" if kept in always else "")
    root = left.partition(".")[0]
    whole = f"; or ask for all of {root}, which keeps the names inside it" if root not in (left, kept) else ""
    return RequestError(
        f"the fields {shown(first)} and {shown(second)} would both come out as {shown(name)}",
        accepted="fields that come out under different names",
        next_step=step + whole,
    )


def _check_fields(
    archive: pa.Schema, fields: Sequence[str], paths: Sequence[str], survey: Survey, added: pa.Schema
) -> None:
    for field, path in zip(fields, paths, strict=True):
        if path in added.names or leaf_at(archive, path) is not None:
            continue
        known = [*dict.fromkeys([*archive.names, *added.names, *paths_in(archive)])]
        near = [name for name in known if name.lower() == path.lower() or name.lower().endswith(f".{path.lower()}")]
        near += difflib.get_close_matches(path, known, n=3, cutoff=0.5)
        example = f"{survey.candidate}.x" if survey.candidate else "struct.x"
        raise RequestError(
            f"no alert of the chosen nights has a field {shown(field)}",
            accepted=f"root columns, or leaves at any depth such as {example}"
            + (f"; near it: {', '.join(dict.fromkeys(near[:5]))}" if near else ""),
            next_step="list them with: alert-transfer archive fields",
        )
