"""Fragments that wait before they are sent, on the workers of a real cluster, for as long as a test wants."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import distributed

__all__ = ["held"]


@contextlib.contextmanager
def held(client: distributed.Client, wait: Callable[..., Any]) -> Iterator[None]:
    """Have `wait(sink, fragment, is_wanted)` called on the workers before a fragment's alerts are taken."""
    client.run(_hold, wait)
    try:
        yield
    finally:
        client.run(_hold_no_more)


def _hold(wait: Callable[..., Any]) -> None:
    from engine.sinks import KafkaSink

    opened = KafkaSink.open

    def open_later(self, fragment, figures, is_wanted, *more):
        wait(self, fragment, is_wanted)
        return opened(self, fragment, figures, is_wanted, *more)

    KafkaSink.open = open_later
    KafkaSink.open_at_once = opened


def _hold_no_more() -> None:
    from engine.sinks import KafkaSink

    KafkaSink.open = KafkaSink.open_at_once
    del KafkaSink.open_at_once
