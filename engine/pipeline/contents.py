"""Contents: which columns of an alert go out, and under which names.

lightcurve    the seven leaves of the candidate that make a light curve, taken to the top level, and every added value
cutouts       the three stamps, with what tells which alert it is
medium        everything but the stamps
full          everything
fields        the columns that the request lists

What the survey's enrichments add goes out with each of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from consumer.settings import shown
from engine.errors import RequestError
from engine.schema import check_settled, conform, descend, field_at, names_along

__all__ = ["CONTENTS", "Projection", "project_schema"]

CONTENTS = ("lightcurve", "cutouts", "medium", "full", "fields")


@dataclass(frozen=True, kw_only=True)
class Projection:
    """How alerts of the archive become alerts of the content."""

    schema: pa.Schema
    """What goes out."""
    sources: tuple[str, ...]
    """Where each output column comes from: a root column, or a path inside the candidate."""

    def columns(self) -> tuple[str, ...]:
        """Return what must be read of the archive."""
        return tuple(dict.fromkeys(self.sources))

    def apply(self, block: pa.RecordBatch, computed: Mapping[str, pa.Array], file: str) -> pa.RecordBatch:
        """Return a block of the archive as the content.

        Parameters
        ----------
        block
            Alerts as a file has them, shape (n,).
        computed
            Columns of these alerts that enrichments computed; of others the file's own are taken.
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
            if source in computed:
                arrays.append(computed[source])
                continue
            found = descend(columns, names_along(block.schema, source))
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
    added: pa.Schema,
) -> Projection:
    """Return the projection of a content.

    Parameters
    ----------
    archive
        The schema union of the chosen nights.
    content
        One of `CONTENTS`.
    fields
        For the content `fields`: root columns, or `candidate.x`, which comes out as `x`.
    candidate, identity, lightcurve_leaves, history, stamps, night_columns
        Names of the survey; see `engine.surveys.Survey`.
    added
        What the survey's enrichments add: it goes out with every content, last.

    Raises
    ------
    RequestError
        If a field is unknown, or two would come out under one name.
    ArchiveError
        If the files disagree about a field of the content in a way that no type can hold.
    """
    roots = [name for name in archive.names if name not in added.names]
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
            _check_fields(archive, fields, candidate, added)
            paths = [*dict.fromkeys([*identity, *(f for f in fields if f not in added.names)])]
        case _:
            raise RequestError(f"there is no content {shown(content)}", accepted=", ".join(CONTENTS))
    if content != "fields":
        # A survey's leaf that none of the chosen nights has can't be given a type; the others stay.
        paths = [path for path in paths if field_at(archive, path) is not None]
    way_out = "leave it out" if content == "fields" else "take the columns without it: --content fields --field …"
    return _build(archive, [*paths, *added.names], added, way_out)


def _build(archive: pa.Schema, paths: Sequence[str], added: pa.Schema, way_out: str) -> Projection:
    out, taken = [], {}
    for path in paths:
        way = names_along(archive, path)
        name = way[-1]
        if name in taken:
            raise RequestError(
                f"the fields {shown(taken[name])} and {shown(path)} would both come out as {shown(name)}",
                accepted="fields with different last names",
                next_step="leave one of the two out",
            )
        taken[name] = path
        source = field_at(archive, path)
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


def _check_fields(archive: pa.Schema, fields: Sequence[str], candidate: str, added: pa.Schema) -> None:
    leaves = archive.field(candidate).type if candidate in archive.names else pa.struct([])
    known = [*archive.names, *added.names, *(f"{candidate}.{leaf.name}" for leaf in leaves)]
    for path in fields:
        if path not in known:
            near = difflib.get_close_matches(path, known, n=3, cutoff=0.5)
            near += [name for name in known if name.lower() == path.lower() or name.endswith(f".{path}")]
            raise RequestError(
                f"no alert of the chosen nights has a field {shown(path)}",
                accepted=f"root columns, or {candidate}.x"
                + (f"; near it: {', '.join(dict.fromkeys(near))}" if near else ""),
                next_step="list them with: alert-transfer archive fields",
            )
