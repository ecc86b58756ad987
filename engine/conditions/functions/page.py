"""Makes the table of functions in docs/conditions.md: `python -m engine.conditions.functions.page`."""

from __future__ import annotations

import re
from pathlib import Path

from engine.conditions.functions.registry import functions

__all__ = ["table_of_functions", "with_table"]

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "conditions.md"
_TABLE = re.compile(r"\| Function \| Gives \| Example \|\n(?:\|.*\n)+")


def table_of_functions() -> str:
    """Return every function as a row of a table in Markdown."""
    lines = ["| Function | Gives | Example |", "|---|---|---|"]
    for function in functions():
        cells = (_code(function.ways_to_call), function.gives, _code(function.examples))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def with_table(page: str) -> str:
    """Return a page with the table of functions in place of the one that it has."""
    if len(_TABLE.findall(page)) != 1:
        raise ValueError("the page has no table of functions, or several")
    return _TABLE.sub(lambda _: table_of_functions(), page)


def _code(texts: tuple[str, ...]) -> str:
    return ", ".join(f"`{text}`" for text in texts).replace("|", "\\|")


if __name__ == "__main__":
    _PAGE.write_text(with_table(_PAGE.read_text(encoding="utf-8")), encoding="utf-8")
