"""The functions of the conditions as people read of them: what completes one, or lists them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.conditions.functions import functions

__all__ = ["ConditionFunction", "condition_functions"]


@dataclass(frozen=True, kw_only=True)
class ConditionFunction:
    """A function that a condition can call."""

    name: str
    usage: tuple[str, ...]
    """How it is called, one way each: `log(x)`, `log(base, x)`; its other names are ways, too."""
    gives: str
    """What it gives, in a few words."""


def condition_functions() -> tuple[ConditionFunction, ...]:
    """Return the functions that a condition can call, in the order of docs/conditions.md."""
    return tuple(
        ConditionFunction(name=one.name, usage=tuple(one.ways_to_call), gives=one.gives) for one in functions()
    )
