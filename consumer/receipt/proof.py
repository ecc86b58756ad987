"""Whether every row that a manifest promises is there, no more and no less."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from consumer.wire import FragmentDone, Manifest

__all__ = ["FragmentGap", "Proof", "prove"]


@dataclass(frozen=True, kw_only=True)
class FragmentGap:
    """A fragment whose rows are not those that were sent."""

    fragment: int
    missing: int
    """Rows that were sent and are not there; at least 1 where one of them was replaced by another."""
    excess: int
    """Rows that are there and were not sent; at least 1 likewise."""


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How the rows that are there compare with those that were sent."""

    complete: bool
    """Every row that the job sends is there, exactly once, and the job is at its end."""
    num_expected: int
    """Rows the job sends where that is known, else rows it is known to have sent so far."""
    is_total_known: bool
    """Whether `num_expected` is the whole job's."""
    missing: int
    """Rows of `num_expected` that are not there."""
    num_unfinished: int
    """Rows that are there of fragments that the job has not finished: no record says how many there should be."""
    num_left_out_here: int
    """Rows that are there of fragments that were left out: sent before the fragment became unreadable. They are alerts
    that the job selects, and no record proves them."""
    gaps: list[FragmentGap]


def prove(
    manifest: Manifest,
    counts: Mapping[int, int],
    digests: Mapping[int, int] | None,
    partitions: Collection[int] | None = None,
) -> Proof:
    """Return how rows compare with what a manifest says was sent.

    Parameters
    ----------
    manifest
        The job's manifest.
    counts, digests
        Number and `wire.digest_candids` of the rows that are there, per fragment; without digests only the counts are
        proved.
    partitions
        Kafka partitions that the rows come from; None means all. Of some of them only the counts can be proved: the
        manifest's digests are over all.
    """

    def num_sent(done: FragmentDone) -> int:
        return done.num_sent if partitions is None else sum(done.partitions.get(p, 0) for p in partitions)

    gaps = []
    for fragment, done in sorted(manifest.fragments.items()):
        if done.unreadable:
            continue
        lacking = num_sent(done) - counts.get(fragment, 0)
        altered = 0
        if digests is not None and partitions is None and lacking == 0:
            altered = int(digests.get(fragment, 0) != int(done.digest, 16))
        if lacking or altered:
            gaps.append(
                FragmentGap(fragment=fragment, missing=max(lacking, altered, 0), excess=max(-lacking, altered, 0))
            )
    left_out = sum(counts.get(fragment, 0) for fragment, done in manifest.fragments.items() if done.unreadable)
    without_record = {fragment: n for fragment, n in sorted(counts.items()) if n and fragment not in manifest.fragments}
    ended = manifest.is_planned and manifest.stated in ("complete", "empty")
    # Without a record of each fragment nobody knows how many alerts the job sent: one may have been passed over.
    proven = ended and not manifest.num_unproven
    if proven:
        gaps += [FragmentGap(fragment=fragment, missing=0, excess=n) for fragment, n in without_record.items()]
    num_unfinished = 0 if proven else sum(without_record.values())
    is_total_known = partitions is None and manifest.num_alerts is not None
    if is_total_known and manifest.num_alerts is not None:
        num_expected = manifest.num_alerts + left_out
    else:
        num_expected = sum(map(num_sent, manifest.fragments.values())) + left_out + num_unfinished
    lacking = max(num_expected - sum(counts.values()), 0)
    missing = max(sum(gap.missing for gap in gaps), lacking)
    return Proof(
        complete=proven and not gaps and not missing,
        num_expected=num_expected,
        is_total_known=is_total_known or proven,
        missing=missing,
        num_unfinished=num_unfinished,
        num_left_out_here=left_out,
        gaps=gaps,
    )
