"""The configured cluster, for commands that use one if it is given."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from engine import Settings

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["cluster_of"]


def cluster_of(settings: Settings) -> AbstractContextManager[Client | None]:
    """Return a context with the configured cluster's client, or with None."""
    if not settings.dask:
        return nullcontext()
    from engine import connect

    return connect(settings.dask, tls=settings.dask_tls)
