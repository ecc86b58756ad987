"""Message keys, the partitions they belong to, and the digest of alerts' identifiers."""

from __future__ import annotations

import numpy as np

from consumer.errors import WireError

__all__ = ["decode_key", "digest_candids", "digests_by_fragment", "encode_keys", "partitions_of"]


def encode_keys(fragment: int, rows: np.ndarray) -> list[bytes]:
    """Return the message keys `<fragment>:<row>` of rows of one fragment.

    Parameters
    ----------
    fragment
        Number of the fragment in the plan.
    rows
        Positions of the alerts in the fragment, counted in its source (so a filter leaves gaps), shape (n,).
    """
    prefix = f"{fragment}:"
    return [(prefix + str(row)).encode() for row in rows.tolist()]


def decode_key(key: bytes | None) -> tuple[int, int]:
    """Return (fragment, row) of a message key.

    Raises
    ------
    WireError
        If the key is not of the form `<fragment>:<row>`.
    """
    try:
        fragment, _, row = (key or b"").decode("ascii").partition(":")
        if not (fragment.isdecimal() and row.isdecimal()):
            raise ValueError("not two numbers")
        return int(fragment), int(row)
    except ValueError as exc:
        raise WireError(f"{key!r} is not a message key of this contract", accepted="<fragment>:<row>") from exc


def partitions_of(fragment: int | np.ndarray, rows: np.ndarray, num_partitions: int) -> np.ndarray:
    """Return the Kafka partition of each row: `(fragment + row) mod num_partitions`.

    A fixed function of the key, so that a fragment that is run twice sends each alert to the same partition.

    Parameters
    ----------
    fragment
        Number of the fragment in the plan.
    rows
        Positions in the fragment, shape (n,).
    num_partitions
        Number of partitions of the data topic.
    """
    return (np.asarray(rows, dtype=np.int64) + fragment) % num_partitions


def _mix(x: np.ndarray) -> np.ndarray:
    # The finaliser of splitmix64 (Steele, Lea, Flood 2014), vectorised over uint64.
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def digest_candids(candids: np.ndarray) -> int:
    """Return the sum modulo 2^128 of a 128-bit hash of each identifier.

    The order of the candids plays no part, sums of parts add up, and an alert that is there twice counts twice.

    Parameters
    ----------
    candids
        Alert identifiers, int64, shape (n,).
    """
    return sum(int(part.sum(dtype=np.uint64)) << shift for shift, part in _parts(candids)) % 2**128


def digests_by_fragment(fragments: np.ndarray, candids: np.ndarray) -> dict[int, tuple[int, int]]:
    """Return how many alerts each fragment has, and their `digest_candids`, in a few calls for all fragments.

    Parameters
    ----------
    fragments
        Fragment of each alert, int64, shape (n,).
    candids
        Alert identifiers, int64, shape (n,).
    """
    if not len(fragments):
        return {}
    order = np.argsort(fragments, kind="stable")
    ordered = fragments[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(ordered)) + 1])
    counts = np.diff(np.append(starts, len(ordered)))
    totals = [0] * len(starts)
    for shift, part in _parts(candids[order]):
        sums = np.add.reduceat(part, starts, dtype=np.uint64).tolist()
        totals = [total + (one << shift) for total, one in zip(totals, sums, strict=True)]
    digests = (total % 2**128 for total in totals)
    return dict(zip(ordered[starts].tolist(), zip(counts.tolist(), digests, strict=True), strict=True))


def _parts(candids: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Return the hashes of identifiers in four parts of 32 bits (uint64, shape (n,)), each with where its bits stand.

    The sum of up to 2^32 such parts cannot overflow uint64.
    """
    ids = np.ascontiguousarray(candids, dtype=np.int64).view(np.uint64)
    high = _mix(ids + np.uint64(0x9E3779B97F4A7C15))
    low = _mix(high ^ (ids * np.uint64(0xD1342543DE82EF95) + np.uint64(1)))
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    return [(96, high >> half), (64, high & mask), (32, low >> half), (0, low & mask)]
