"""The configured cluster, for commands that use one if it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from engine import Settings

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["begun", "cluster_of"]


def cluster_of(settings: Settings) -> AbstractContextManager[Client | None]:
    """Return a context with the configured cluster's client, or with None."""
    if not settings.dask:
        return nullcontext()
    from engine import connect

    return connect(settings.dask, tls=settings.dask_tls)


@contextmanager
def begun(context: AbstractContextManager[Client]) -> Iterator[Callable[[], Client]]:
    """Begin to enter a context, in a thread; yield what waits until that is done. It is left at the end, if it was."""
    with ThreadPoolExecutor(1, thread_name_prefix="alert-transfer-begun") as pool:
        entered = pool.submit(context.__enter__)
        try:
            yield entered.result
        finally:
            if entered.exception() is None:
                context.__exit__(None, None, None)
