"""Lines of a job's log, as records of the manifest have them and as a reader keeps them: few, short, of known kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from consumer.wire.kinds import TIME, Kind, choice, list_of, matching, record_of

__all__ = ["LEVELS", "LINES", "MOST_CHARACTERS", "MOST_LINES", "KeptLines", "LogLine"]

LEVELS = ("info", "warning", "error")
MOST_CHARACTERS = 500
"""Of a line's text."""
MOST_LINES = 1_000
"""Of one job, whatever its coordinators have to say; of one record, too."""
_MOST_IN_ALL = 2 * MOST_LINES  # a coordinator that took over may have counted while another one wrote
_MOST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """Something that happened to a job."""

    time: float
    """Unix time, seconds, by the clock of whoever tells it."""
    source: str
    """Who tells it: `coordinator`, or a worker by its address."""
    level: str = "info"
    """One of `LEVELS`."""
    event: str = ""
    """What kind of thing happened, for programs: `start`, `retry`, `failure`, `worker-lost`, `slow` …"""
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as a record has it."""
        return asdict(self)


def _short(most: int) -> Kind:
    return matching(rf"(?s).{{0,{most}}}", f"a text of {most:,} characters at most")


_LINE = {
    "time": TIME,
    "source": _short(_MOST_NAME),
    "level": choice(*LEVELS),
    "event": _short(_MOST_NAME),
    "text": _short(MOST_CHARACTERS),
}
_EACH = list_of(record_of(_LINE))
LINES = Kind(f"{_EACH.accepted}, {MOST_LINES:,} at most", lambda v: _EACH.holds(v) and len(v) <= MOST_LINES)


@dataclass(kw_only=True)
class KeptLines:
    """The lines of one job that a reader keeps, in the order in which they came; each record of them counts once."""

    lines: list[LogLine] = field(default_factory=list)
    num_left_out: int = 0
    """Lines that were not written, or not kept here, since there are so many already."""
    _known: set[tuple[str, int]] = field(default_factory=set)

    def add(self, writer: str, index: int, lines: Iterable[Mapping[str, Any]], num_left_out: int) -> None:
        """Take in a record's lines; a record that was appended twice, after a failure, is known by its index."""
        if (writer, index) in self._known:
            return
        self.num_left_out += num_left_out
        if len(self._known) < _MOST_IN_ALL:
            self._known.add((writer, index))
        for line in lines:
            if len(self.lines) < _MOST_IN_ALL:
                self.lines.append(LogLine(**{name: line[name] for name in _LINE}))
            else:
                self.num_left_out += 1
