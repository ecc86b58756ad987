"""What a notebook shows of our objects: small tables, short tracebacks, one place that is drawn anew.

Needs nothing but what a notebook has already, IPython, and imports that only once it is there. Texts come from archives
and topics that others made, so each is escaped.
"""

from __future__ import annotations

import html
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from consumer.words import on_one_line, printable

__all__ = [
    "TableList",
    "drawn_in_place",
    "html_rows",
    "html_table",
    "in_notebook",
    "short_traceback",
    "text_table",
]

_Item = TypeVar("_Item")

_OURS = ("consumer", "engine", "ui")
_LEFT = 'style="text-align: left; vertical-align: top; white-space: pre-wrap"'


def html_rows(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """Return names and values as a small table, one of each a line."""
    lines = (f"<tr><th {_LEFT}>{_text(name)}</th><td {_LEFT}>{_text(value)}</td></tr>" for name, value in rows)
    return f"<table><caption {_LEFT}><b>{_text(title)}</b></caption><tbody>{''.join(lines)}</tbody></table>"


def html_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, most: int = 40) -> str:
    """Return rows under a head, the first `most` of them, and how many are left."""
    cells = "".join(f"<th {_LEFT}>{_text(name)}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(f'<td {_LEFT}>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows[:most])
    left = len(rows) - most
    more = f'<tr><td {_LEFT} colspan="{len(head)}">and {left:,} more</td></tr>' if left > 0 else ""
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}{more}</tbody></table>"


def text_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, most: int = 40) -> str:
    """Return the same for a terminal: columns in line, each row on a line of its own."""
    cells = [list(head), *([on_one_line(str(cell)) for cell in row] for row in rows[:most])]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    left = len(rows) - most
    return "\n".join([*lines, *([f"and {left:,} more"] if left > 0 else [])])


class TableList(list[_Item]):
    """A list that shows as a table, in a notebook and where it is printed; otherwise a list as any other."""

    head: ClassVar[tuple[str, ...]]
    nothing: ClassVar[str]
    """What an empty one shows."""

    def row(self, item: _Item) -> Sequence[object]:
        """Return what the table shows of an item, one cell for each of the head."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return text_table(self.head, [self.row(item) for item in self]) if self else self.nothing

    def _repr_html_(self) -> str:
        return html_table(self.head, [self.row(item) for item in self]) if self else html_rows(self.nothing, [])


def _text(value: object) -> str:
    return html.escape(printable(str(value)))


def in_notebook() -> bool:
    """Return whether a notebook shows what this process displays; IPython on a terminal is none."""
    shell = _shell()
    return shell is not None and any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


def _shell() -> Any:
    # What isn't loaded doesn't run us.
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython else None


def drawn_in_place() -> Callable[[Any], None]:
    """Return what shows an object in the notebook's cell; each further one takes the place of the last."""
    from IPython.display import display  # only here: notebooks alone have it

    handle = None

    def draw(what: Any) -> None:
        nonlocal handle
        if handle is None:
            handle = display(what, display_id=True)
        else:
            handle.update(what)

    return draw


def short_traceback(error: BaseException) -> list[str]:
    """Return the lines that IPython shows of an error: the user's own frames, one of ours, and the message."""
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        parts = Path(frame.filename).parts
        if "IPython" in parts or "ipykernel" in parts:
            continue
        frames.append(frame)
        if _is_ours(Path(frame.filename)):
            break  # what it called inside tells the user nothing
    lines = [line.rstrip("\n") for line in traceback.format_list(frames)]
    return [*lines, f"{type(error).__name__}: {error}"]


def _is_ours(file: Path) -> bool:
    root = Path(__file__).resolve().parents[1]
    return any(file.is_relative_to(root / room) for room in _OURS)
