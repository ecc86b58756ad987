"""How long fragments take: told by those that were sent, so that tasks can be sized by time."""

from __future__ import annotations

from collections import deque

from consumer.wire import FragmentDone

__all__ = ["Sizing"]

_COMPARED = 200
_UNKNOWN_S = 1.0


class Sizing:
    """Estimates the seconds of fragments by those of the last that were sent.

    A fragment takes what each takes, and so much for each of its alerts: a line through those that were sent, which
    neither falls with the number of alerts nor begins below zero. What a condition leaves of a fragment is not known
    before; it is in the seconds of those before it.
    """

    def __init__(self) -> None:
        self._sent: deque[tuple[int, float]] = deque(maxlen=_COMPARED)
        self._line: tuple[float, float] | None = None

    def learn(self, done: FragmentDone) -> None:
        """Take in a fragment that was sent."""
        if done.seconds is not None and not done.unreadable:
            self._sent.append((done.num_alerts, done.seconds))
            self._line = None

    @property
    def is_known(self) -> bool:
        """Whether anything was sent that tells."""
        return bool(self._sent)

    def seconds(self, num_fragments: int, num_alerts: int) -> float:
        """Return how long so many fragments will take, with so many alerts of the archive in all."""
        if not self._sent:
            return _UNKNOWN_S * num_fragments
        if self._line is None:
            self._line = _line(list(self._sent))
        fixed, each = self._line
        return fixed * num_fragments + each * num_alerts


def _line(sent: list[tuple[int, float]]) -> tuple[float, float]:
    """Return the seconds that any fragment takes, and those for each alert."""
    num = len(sent)
    mean_alerts, mean_s = sum(alerts for alerts, _ in sent) / num, sum(seconds for _, seconds in sent) / num
    if not mean_alerts:
        return mean_s, 0.0
    spread = sum((alerts - mean_alerts) ** 2 for alerts, _ in sent)
    together = sum((alerts - mean_alerts) * (seconds - mean_s) for alerts, seconds in sent)
    # Of fragments of one size nothing is told but that: a larger one is then taken to be as much slower.
    each = min(max(together / spread, 0.0), mean_s / mean_alerts) if spread else mean_s / mean_alerts
    return mean_s - each * mean_alerts, each
