"""What the sources hold: nights, classes, fields, sizes; read once for all sessions of a server, and kept a while."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import engine
from ui.dashboard.services import Services
from ui.dashboard.sources import Source

__all__ = ["Holdings", "holdings_of"]

T = TypeVar("T")

_KEPT_S = 600.0
_MOST_KEPT = 200
_SIZED = ("lightcurve", "cutouts", "medium", "full")


@dataclass(kw_only=True)
class _Kept:
    task: asyncio.Task[Any]
    until: float


class Holdings:
    """What the sources of a server hold.

    Parameters
    ----------
    services
        Of the server.
    """

    def __init__(self, services: Services):
        self._settings, self._compute = services.settings, services.compute
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def info(self, source: Source) -> engine.ArchiveInfo:
        """Return the nights of a source with their alerts and, where they were counted, classes."""
        return await self._read(
            ("info", source.name),
            lambda: engine.aio.archive_info(
                source.archive, survey=source.survey, max_age_s=_KEPT_S, settings=self._settings
            ),
        )

    def info_now(self, source: Source) -> engine.ArchiveInfo | None:
        """Return the nights of a source if they are known; else they are read from now on."""
        kept = self._kept.get(("info", source.name))
        if kept is None:
            asyncio.ensure_future(self.info(source)).add_done_callback(_noted)
            return None
        is_known = kept.task.done() and not _has_failed(kept.task)
        return cast(engine.ArchiveInfo, kept.task.result()) if is_known else None

    async def fields(self, source: Source) -> engine.ArchiveFields:
        """Return the fields of a source."""
        return await self._read(
            ("fields", source.name),
            lambda: engine.aio.fields(source.archive, survey=source.survey, settings=self._settings),
        )

    async def alert_sizes(self, source: Source) -> Mapping[str, float]:
        """Return content -> bytes of an alert on average, measured on alerts of the last night that has some."""
        return await self._read(("sizes", source.name), lambda: self._measured(source))

    async def class_estimate(self, source: Source, nights: Sequence[str]) -> engine.Estimate:
        """Return how many alerts of each class nights have, counted or estimated: no catalogue is needed."""
        request = engine.TransferRequest.from_dict(source.request_keys() | {"nights": list(nights)})
        key = f"{source.name} {' '.join(nights)}"
        return await self._read(
            ("classes", key), lambda: self._compute(engine.estimate, request, settings=self._settings)
        )

    async def _measured(self, source: Source) -> Mapping[str, float]:
        info = await self.info(source)
        night = next((one.night for one in reversed(info.nights) if one.num_alerts), None)
        if night is None:
            return {}
        sizes = {}
        for content in _SIZED:
            request = engine.TransferRequest.from_dict(
                source.request_keys() | {"nights": [night.isoformat()], "content": content}
            )
            found = await self._compute(engine.estimate, request, settings=self._settings)
            if found.alert_nbytes is not None:
                sizes[content] = found.alert_nbytes
        return sizes

    async def _read(self, key: tuple[str, str], read: Callable[[], Awaitable[T]]) -> T:
        """Return what is kept, or is being read for another session; what failed is read anew."""
        kept = self._kept.get(key)
        if len(self._kept) > _MOST_KEPT:
            self._kept = {key: one for key, one in self._kept.items() if time.monotonic() <= one.until}
        if kept is None or time.monotonic() > kept.until or _has_failed(kept.task):
            task = asyncio.ensure_future(_called(read))
            kept = self._kept[key] = _Kept(task=task, until=time.monotonic() + _KEPT_S)
        return await asyncio.shield(kept.task)  # one session's end does not end it for the others


def _noted(task: asyncio.Future[Any]) -> None:
    """Take note of an error that is told where the same is asked for again."""
    if not task.cancelled():
        task.exception()


async def _called(read: Callable[[], Awaitable[T]]) -> T:
    return await read()


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


_of_services: weakref.WeakKeyDictionary[Services, Holdings] = weakref.WeakKeyDictionary()


def holdings_of(services: Services) -> Holdings:
    """Return what the sources of a server hold; the same for all its sessions."""
    if services not in _of_services:
        _of_services[services] = Holdings(services)
    return _of_services[services]
