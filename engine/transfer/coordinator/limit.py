"""The limit: how many alerts of each fragment are among the first so many of all, in the archive's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.archive import Fragment
from engine.transfer.coordinator.cluster import Cluster, ClusterLost, FutureT
from engine.transfer.coordinator.retries import ATTEMPTS, is_passing

__all__ = ["count_selected", "share_out"]

_SOON_S = 0.25


def share_out(counts: Sequence[int], left: int, *, skip_unreadable: bool) -> list[int]:
    """Return how many alerts of each fragment may be sent.

    Where fragments may turn out to be unreadable, and alerts behind them fill their place, the fragment that the limit
    cuts waits until those before it are sent: then what is returned is shorter than `counts`.

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
        if count > left and quotas and skip_unreadable:
            break
        quotas.append(min(count, left))
        left -= quotas[-1]
    return quotas


def count_selected(
    cluster: Cluster[FutureT], window: Sequence[Fragment], found: Sequence[FutureT], check_wanted: Callable[[], None]
) -> tuple[list[int], list[Fragment]]:
    """Return how many alerts of each fragment are selected, up to the first for which that can't be found out.

    That one counts as 0, and the fragments behind it wait: they must not take its place in the limit before it is sent
    or left out. If it ends the job instead, it comes first when the job is taken up again.

    Parameters
    ----------
    cluster
        What counts.
    window
        The fragments.
    found
        What `Cluster.filter` returned for them.
    check_wanted
        Called now and then; what it raises ends the count.

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
            cluster.wait(lengths, _SOON_S)
            check_wanted()
        if any(length.status == "cancelled" for length in lengths):
            raise ClusterLost
        failed = {fragment: x for fragment, x in zip(window, lengths, strict=True) if x.status == "error"}
        again = [length for length in failed.values() if is_passing(length.exception())]
        if not (attempts_left and again):
            break
        for length in again:
            cluster.retry(length)
    counts: list[int] = []
    for fragment, length in zip(window, lengths, strict=True):
        counts.append(0 if fragment in failed else length.result())
        if fragment in failed:
            break
    return counts, list(failed)
