"""The limit: how many alerts of each fragment are among the first so many of all, in the archive's order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from engine.archive import Fragment
from engine.telemetry import tell
from engine.transfer.coordinator.cluster import Cluster, ClusterLost, FutureT
from engine.transfer.coordinator.retries import ATTEMPTS, is_passing, named

__all__ = ["count_selected", "share_out"]

_SOON_S = 0.25


def share_out(counts: Sequence[int], left: int, *, skip_unreadable: bool) -> list[int]:
    """Return how many alerts of each of the first fragments may be sent.

    Where fragments may turn out to be unreadable, and alerts behind them fill their place, the fragment that the limit
    cuts waits until those before it are sent. What is returned is as long as fragments may be sent now: those behind
    the one that reaches the limit are not among them.

    Parameters
    ----------
    counts
        Selected alerts of fragments that follow each other.
    left
        Alerts that may still be sent, at least one.
    skip_unreadable
        Whether the job goes on without unreadable fragments.
    """
    quotas: list[int] = []
    for count in counts:
        if not left or (count > left and quotas and skip_unreadable):
            break
        quotas.append(min(count, left))
        left -= quotas[-1]
    return quotas


def count_selected(
    cluster: Cluster[FutureT],
    window: Sequence[Fragment],
    found: Sequence[FutureT],
    enough: int,
    look: Callable[[Sequence[int]], None],
) -> tuple[list[int], list[Fragment]]:
    """Return how many alerts of each fragment are selected, up to the one that makes enough of them.

    Or up to the first for which that can't be found out. That one counts as 0, and the fragments behind it wait: they
    must not take its place in the limit before it is sent or left out. If it ends the job instead, it comes first when
    the job is taken up again.

    Parameters
    ----------
    cluster
        What counts.
    window
        The fragments.
    found
        What `Cluster.filter` returned for them.
    enough
        The fragments behind those that have so many alerts together need not be counted.
    look
        Called now and then with the counts of the first fragments so far; what it raises ends the count.

    Returns
    -------
    counts, failed
        The counts, and all fragments that can't be counted: sending them tells the reason, and must not be tried again,
        since it might succeed now although nothing of it was counted.

    Raises
    ------
    ClusterLost
        If the connection to the cluster breaks.
    """
    lengths = cluster.count(found)
    for attempts_left in reversed(range(ATTEMPTS)):
        while any(length.status in ("pending", "lost") for length in lengths):
            if sum(counts := _counted(lengths)) >= enough:
                return counts, []
            look(counts)
            cluster.wait(lengths, _SOON_S)
        look(_counted(lengths))
        if any(length.status == "cancelled" for length in lengths):
            raise ClusterLost
        failed = {fragment: x for fragment, x in zip(window, lengths, strict=True) if x.status == "error"}
        again = {fragment: length for fragment, length in failed.items() if is_passing(length.exception())}
        if not (attempts_left and again):
            break
        for fragment, length in again.items():
            tell(f"{named(fragment)} is filtered again", level="warning", event="retry")
            cluster.retry(length)
    counts = []
    for fragment, length in zip(window, lengths, strict=True):
        counts.append(0 if fragment in failed else length.result())
        if sum(counts) >= enough:
            return counts, []
        if fragment in failed:
            break
    return counts, list(failed)


def _counted(lengths: Sequence[FutureT]) -> list[int]:
    """Return the counts up to the first that is not there, in the order of the fragments."""
    return [length.result() for length in itertools.takewhile(lambda length: length.status == "finished", lengths)]
