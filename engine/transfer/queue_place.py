"""The place of a job that waits: its owner's other jobs run, and only so many may at once."""

from __future__ import annotations

from consumer.wire import Manifest
from consumer.words import on_one_line

__all__ = ["is_taken_up", "place_text", "queue_place"]

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_MOST_CHARACTERS = 60


def queue_place(manifest: Manifest) -> int | None:
    """Return the place, from 1, at which a job waits by its coordinator's last heartbeat; None if it does not wait."""
    if manifest.stated != "queued" or manifest.beat is None:
        return None
    queued_at = max((change.time for change in manifest.changes if change.state == "queued"), default=0.0)
    # A job that was stopped while it waited, and is taken up again, has a heartbeat from before.
    return manifest.beat.queue_place if manifest.beat.time >= queued_at else None


def is_taken_up(manifest: Manifest) -> bool:
    """Return whether a coordinator has a job: it runs or has ended, or it waits for other jobs of its owner."""
    return manifest.stated != "queued" or queue_place(manifest) is not None


def place_text(place: int, owner: str) -> str:
    """Return a place in words: `third in the queue of alice`."""
    return f"{_ordinal(place)} in the queue of {on_one_line(owner)[:_MOST_CHARACTERS] or 'those without an owner'}"


def _ordinal(number: int) -> str:
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
