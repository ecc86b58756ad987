"""The preview's table: the columns as they would be sent, every value as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pyarrow as pa

__all__ = ["cell_text", "table_html"]

_MOST_COLUMNS = 60
_MOST_CHARACTERS = 60


def table_html(table: pa.Table) -> str:
    """Return a table as HTML; structs by their fields, bytes and lists by how much they hold."""
    rows = [dict(_flat(row)) for row in table.to_pylist()]
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown, left = names[:_MOST_COLUMNS], len(names) - _MOST_COLUMNS
    more = f"<p>{left:,} more columns are sent.</p>" if left > 0 else ""
    return (
        f"<div class='scroll' tabindex='0' role='region' aria-label='Table of alerts'>{_table(shown, rows)}</div>{more}"
    )


def cell_text(value: Any) -> str:
    """Return a value as a cell shows it."""
    match value:
        case None:
            return "—"
        case bool():
            return "true" if value else "false"
        case bytes():
            return f"{len(value):,} bytes"
        case float():
            return f"{value:.{14 if abs(value) >= 1e5 else 8}g}" if math.isfinite(value) else str(value)
        case str():
            return value if len(value) <= _MOST_CHARACTERS else f"{value[:_MOST_CHARACTERS]}…"
        case list() | tuple() | dict():
            return f"{len(value):,} {'entries' if len(value) != 1 else 'entry'}"
    return str(value)


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _table(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell_text(row.get(name)))}</td>" for name in names) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
