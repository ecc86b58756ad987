"""Contents: which columns of an alert go out, and under which names.

lightcurve    the seven leaves of the candidate that make a light curve, taken to the top level, and every added value
cutouts       the three stamps, with what tells which alert it is
medium        everything but the stamps
full          everything
fields        the columns and leaves that the request lists

`finkclass` and `tnsclass` go out with each of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from consumer.settings import shown
from engine.errors import RequestError
from engine.pipeline.leaves import leaf_at, leaf_values, paths_in, plain_path
from engine.schema import check_settled, conform, names_along

__all__ = ["CLASS_COLUMNS", "CONTENTS", "Projection", "project_schema"]

CONTENTS = ("lightcurve", "cutouts", "medium", "full", "fields")
CLASS_COLUMNS = ("finkclass", "tnsclass")


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

    def apply(self, block: pa.RecordBatch, classes: Mapping[str, pa.Array], file: str) -> pa.RecordBatch:
        """Return a block of the archive as the content.

        Parameters
        ----------
        block
            Alerts as a file has them, shape (n,).
        classes
            `finkclass` and `tnsclass` of these alerts, where they were computed; else the file's own are taken.
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
            if source in classes:
                arrays.append(classes[source])
                continue
            found = leaf_values(columns, names_along(block.schema, source), field, source, file)
            array = pa.nulls(block.num_rows) if found is None else found
            arrays.append(conform(array, field.type, source, file, field.metadata))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def project_schema(
    archive: pa.Schema,
    content: str,
    *,
    fields: Sequence[str] = (),
    candidate: str,
    identity: Sequence[str],
    lightcurve_leaves: Sequence[str],
    history: str,
    stamps: Sequence[str],
    night_columns: Sequence[str],
) -> Projection:
    """Return the projection of a content.

    Parameters
    ----------
    archive
        The schema union of the chosen nights.
    content
        One of `CONTENTS`.
    fields
        For the content `fields`: root columns, or leaves at any depth. One of the candidate, `candidate.x`, comes out
        as `x`; any other under its path with `_` for `.`.
    candidate, identity, lightcurve_leaves, history, stamps, night_columns
        Names of the survey; see `engine.surveys.Survey`.

    Raises
    ------
    RequestError
        If a field is unknown, or two would come out under one name.
    ArchiveError
        If the files disagree about a field of the content in a way that no type can hold.
    """
    roots = [name for name in archive.names if name not in CLASS_COLUMNS]
    match content:
        case "lightcurve":
            left_out = {*stamps, candidate, history, *night_columns}
            leading = [path for path in identity if "." not in path]
            lifted = {path.rpartition(".")[2] for path in lightcurve_leaves}
            rest = [name for name in roots if name not in left_out and name not in leading and name not in lifted]
            paths = [*leading, *lightcurve_leaves, *rest]
        case "cutouts":
            paths = [*identity, f"{candidate}.fid", *stamps]
        case "medium":
            paths = [name for name in roots if name not in stamps]
        case "full":
            paths = roots
        case "fields":
            wanted = [path if path in archive.names else plain_path(path) for path in fields]
            _check_fields(archive, fields, wanted, candidate)
            paths = [*dict.fromkeys([*identity, *(path for path in wanted if path not in CLASS_COLUMNS)])]
        case _:
            raise RequestError(f"there is no content {shown(content)}", accepted=", ".join(CONTENTS))
    if content != "fields":
        # A survey's leaf that none of the chosen nights has can't be given a type; the others stay.
        paths = [path for path in paths if leaf_at(archive, names_along(archive, path)) is not None]
    way_out = "leave it out" if content == "fields" else "take the columns without it: --content fields --field …"
    return _build(archive, [*paths, *CLASS_COLUMNS], candidate, identity, way_out)


def _build(
    archive: pa.Schema, paths: Sequence[str], candidate: str, identity: Sequence[str], way_out: str
) -> Projection:
    out, taken = [], {}
    for path in paths:
        way = names_along(archive, path)
        name = way[-1] if path in identity else _outgoing(way, candidate)
        if name in taken:
            raise _clash(name, taken[name], path, identity)
        taken[name] = path
        source = leaf_at(archive, way)
        if path in CLASS_COLUMNS or source is None:
            out.append(pa.field(name, pa.string()))
        else:
            check_settled(source.type, way_out)
            # A leaf is null wherever its parent is.
            nullable = len(way) > 1 or source.nullable
            out.append(pa.field(name, source.type, nullable=nullable, metadata=source.metadata))
    return Projection(schema=pa.schema(out), sources=tuple(paths))


def _outgoing(way: Sequence[str], candidate: str) -> str:
    """Return the name under which a field comes out: a root column's own, else its path in one word."""
    if len(way) == 1:
        return way[0]
    return "_".join(way[1:] if way[0] == candidate else way).replace(".", "_")


def _clash(name: str, first: str, second: str, identity: Sequence[str]) -> RequestError:
    always = {*identity, *CLASS_COLUMNS}
    kept, left = (second, first) if second in always and first not in always else (first, second)
    step = f"leave {shown(left)} out" + (f", since {shown(kept)} is always sent" if kept in always else "")
    root = left.partition(".")[0]
    whole = f"; or ask for all of {root}, which keeps the names inside it" if root not in (left, kept) else ""
    return RequestError(
        f"the fields {shown(first)} and {shown(second)} would both come out as {shown(name)}",
        accepted="fields that come out under different names",
        next_step=step + whole,
    )


def _check_fields(archive: pa.Schema, fields: Sequence[str], paths: Sequence[str], candidate: str) -> None:
    for field, path in zip(fields, paths, strict=True):
        if path in CLASS_COLUMNS or leaf_at(archive, names_along(archive, path)) is not None:
            continue
        known = [*dict.fromkeys([*archive.names, *CLASS_COLUMNS, *paths_in(archive)])]
        near = [name for name in known if name.lower() == path.lower() or name.lower().endswith(f".{path.lower()}")]
        near += difflib.get_close_matches(path, known, n=3, cutoff=0.5)
        raise RequestError(
            f"no alert of the chosen nights has a field {shown(field)}",
            accepted=f"root columns, or leaves such as {candidate}.x at any depth"
            + (f"; near it: {', '.join(dict.fromkeys(near[:5]))}" if near else ""),
            next_step="list them with: alert-transfer archive fields",
        )
