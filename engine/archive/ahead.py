"""Fragments one after the other, the next of them opened and on their way while one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing

from engine.archive.archive import Archive
from engine.archive.fragments import Fragment
from engine.archive.open_fragment import OpenFragment

__all__ = ["open_ahead"]

_IN_FLIGHT = 3


def open_ahead(
    archive: Archive, fragments: Sequence[Fragment], columns: Sequence[str], in_flight: int = _IN_FLIGHT
) -> Generator[tuple[Fragment, Callable[[], OpenFragment]]]:
    """Yield fragments, in order, each with what gives it open; those that follow are opened and fetched meanwhile.

    Nothing is opened ahead on a local disk: what is mapped costs no waiting.

    Parameters
    ----------
    archive
        Where they are.
    fragments
        In the order in which they are worked on.
    columns
        What is fetched of each, as `OpenFragment.fetch` takes it; more may be fetched once it is open.
    in_flight
        Fragments that are open at once, that which is worked on among them.

    Yields
    ------
    fragment, opened
        The fragment, and a function that returns it open, for the caller to close, or raises what `Archive.open` does.
    """
    if archive.is_local or len(fragments) < 2:
        for fragment in fragments:
            yield fragment, lambda fragment=fragment: archive.open(fragment)  # type: ignore[misc]  # mypy infers none
        return

    def prepared(fragment: Fragment, before: Future[OpenFragment] | None) -> OpenFragment:
        opened = archive.open(fragment)
        if before is not None:
            wait([before])  # what is worked on first is fetched first
        opened.fetch(fragment.row_groups, columns)
        return opened

    waiting = deque(fragments)
    ahead: deque[tuple[Fragment, Future[OpenFragment]]] = deque()
    last: Future[OpenFragment] | None = None
    with ThreadPoolExecutor(in_flight, thread_name_prefix="open") as pool:
        try:
            while waiting or ahead:
                while waiting and len(ahead) < in_flight:
                    fragment = waiting.popleft()
                    last = pool.submit(prepared, fragment, last)
                    ahead.append((fragment, last))
                fragment, future = ahead.popleft()
                yield fragment, future.result
        finally:
            for _, future in ahead:
                if not future.cancel() and future.exception() is None:
                    with closing(future.result()):
                        pass  # nobody wants it any more
