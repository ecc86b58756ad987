"""An archive's fields as rows of the table of fields."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import engine

__all__ = ["condition_rows", "content_rows", "function_rows"]

_PLAIN = ("leaf", "map key", "bytes")


def condition_rows(fields: engine.ArchiveFields) -> list[dict[str, Any]]:
    """Return the fields that a condition can name."""
    return [_row(field) for field in fields.fields if field.in_conditions]


def content_rows(fields: engine.ArchiveFields) -> list[dict[str, Any]]:
    """Return what a list of fields can name: root columns whole, and leaves."""
    leaves = [field for field in fields.fields if field.kind in _PLAIN and "[" not in field.path]
    roots = _roots(field.path for field in fields.fields)
    names = {field.path for field in leaves}
    whole = [
        {"name": root, "type": "column", "unit": "", "meaning": f"All of {root}", "null": ""}
        for root in roots
        if root not in names
    ]
    return whole + [_row(field) | {"name": field.path} for field in leaves if field.kind != "map key"]


def function_rows() -> list[dict[str, str]]:
    """Return the functions that a condition can call, each way to call one for itself."""
    return [
        {"usage": usage, "gives": one.gives.replace("`", "")}
        for one in engine.condition_functions()
        for usage in one.usage
    ]


def _roots(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(path.partition(".")[0] for path in paths))


def _row(field: Any) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.type,
        "unit": field.unit or "",
        "meaning": field.meaning or "",
        "null": "?" if field.null_share is None else _share_text(field.null_share),
    }


def _share_text(share: float) -> str:
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"
