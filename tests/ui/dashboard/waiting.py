"""Waiting, in a loop, until the page is as it will be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["until"]

_LONG_S = 150.0


async def until(is_so: Callable[[], object]) -> None:
    """Return as soon as something is so; what never comes is a failure."""
    async with asyncio.timeout(_LONG_S):
        while not is_so():
            await asyncio.sleep(0.01)
