"""The plan's notes, said by the commands that go on with it."""

from __future__ import annotations

from consumer.cli import Face
from engine import TransferPlan

__all__ = ["say_notes"]


def say_notes(face: Face, plan: TransferPlan) -> None:
    """Say on stderr what a user should know of a plan."""
    for note in plan.notes:
        face.say(f"note: {note}")
