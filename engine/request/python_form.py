"""A request as a piece of Python that makes it, laid out as black would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["to_python"]

_WIDTH = 88
_INDENT = "    "


def to_python(values: Mapping[str, Any]) -> str:
    """Return a request's table as Python that runs as it is, and leaves the request under the name `request`."""
    start, end = "request = engine.TransferRequest(", ")"
    arguments = [(name, value[0] if name == "nights" and len(value) == 1 else value) for name, value in values.items()]
    inline = [f"{name}={_inline(value)}" for name, value in arguments]
    if len(line := f"{start}{', '.join(inline)}{end}") <= _WIDTH and not any(_is_long(value) for _, value in arguments):
        return f"import engine\n\n{line}\n"
    lines = [start]
    for name, value in arguments:
        lines += _laid_out(f"{name}=", value, _INDENT)
    return "\n".join(["import engine", "", *lines, end, ""])


def _laid_out(start: str, value: Any, indent: str) -> list[str]:
    line = f"{indent}{start}{_inline(value)},"
    if isinstance(value, list) and (len(line) > _WIDTH or any(map(_is_long, value))):
        items = [part for item in value for part in _laid_out("", item, indent + _INDENT)]
        return [f"{indent}{start}[", *items, f"{indent}],"]
    if isinstance(value, str) and _is_long(value):
        pieces = [f"{indent}{_INDENT}{_literal(piece)}" for piece in value.splitlines(keepends=True)]
        return [f"{indent}{start}(", *pieces, f"{indent}),"]
    return [line]


def _is_long(value: Any) -> bool:
    """Return whether a text is written line by line."""
    return isinstance(value, str) and len(value.splitlines()) > 1


def _inline(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return _literal(value) if isinstance(value, str) else repr(value)


def _literal(text: str) -> str:
    """Return a text as Python writes it, in double quotes unless these need more backslashes."""
    quote = '"' if text.count('"') <= text.count("'") else "'"
    pieces = re.split("([\"'])", text)
    body = "".join(
        f"\\{piece}" if piece == quote else piece if piece in "\"'" else repr(piece)[1:-1] for piece in pieces
    )
    return f"{quote}{body}{quote}"
