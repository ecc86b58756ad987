"""Credentials on their way to a cluster: in no task, on no scheduler.

A task passes through the scheduler, whose state others may look at, and rests there until its job has ended. So options
travel as they are written only where no secret stands in them in clear: `{env: NAME}` and `{file: PATH}` are read by
the worker. For a cluster that was started here, what stands in clear was given to its workers as variables of their
environment when they started, and `{env: …}` takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from consumer.settings import Options, entrusted, literal_secrets
from consumer.words import some_text
from engine.errors import ConfigError

__all__ = ["for_workers", "note_entrusted"]

_entrusted: WeakKeyDictionary[Any, frozenset[str]] = WeakKeyDictionary()
"""Client of a cluster that was started here -> variables that its workers were given."""


def note_entrusted(client: Any, variables: Iterable[str]) -> None:
    """Note which variables, of those that `entrusted` made, the workers of a client's cluster have."""
    _entrusted[client] = frozenset(variables)


def for_workers(client: Any | None, **tables: Mapping[str, Any]) -> list[Options]:
    """Return options as they may be sent to a cluster: with no secret in clear.

    Parameters
    ----------
    client
        Of the cluster; None for one that is only named so far, and so was not started here.
    tables
        Options by their names in the configuration: `storage_options`.

    Raises
    ------
    ConfigError
        If they hold a secret in clear, which the cluster's workers were not given when they started.
    """
    in_clear = [f"{name}.{secret}" for name, options in tables.items() for secret in literal_secrets(options)]
    if not in_clear:
        return [Options(options) for options in tables.values()]
    if client is not None and client in _entrusted:
        sent, environment = entrusted(*tables.values())
        if _entrusted[client].issuperset(environment):
            return sent
    raise ConfigError(
        f"{some_text(in_clear, 5)} would be sent to the Dask cluster in clear: who reaches its scheduler could read it",
        accepted="{env: NAME} or {file: PATH} in the place of a secret: each worker reads its own; only a cluster that "
        "is started here, with these settings, takes secrets in clear",
        next_step=f"write {in_clear[0].rpartition('.')[2]}: {{env: NAME}} in the configuration, and set that variable "
        "for each worker and here",
    )
