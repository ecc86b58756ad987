"""Numbers of nights and classes that add up to the whole."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["scaled", "within_limit"]


def scaled(parts: Mapping[str, float], total: int) -> dict[str, int]:
    """Return whole numbers in the ratio of parts that add up to a total; none if there is no part.

    Each is less than one off; what is left goes to those that lost most by being made whole.
    """
    whole = sum(parts.values())
    if whole <= 0:
        return dict.fromkeys(parts, 0)
    exact = {name: part * total / whole for name, part in parts.items()}
    found = {name: int(number) for name, number in exact.items()}
    left = total - sum(found.values())
    for name in sorted(exact, key=lambda name: (found[name] - exact[name], name))[:left]:
        found[name] += 1
    return found


def within_limit(per_night: Mapping[str, int], most: int) -> dict[str, int]:
    """Return the alerts of nights, in order, of which only the first so many count."""
    found = {}
    for night in sorted(per_night):
        found[night] = min(per_night[night], most)
        most -= found[night]
    return found
