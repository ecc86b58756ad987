"""Dask: connect to a cluster that runs elsewhere, or start one on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import distributed

from consumer.settings import DaskTls, Settings, load_settings
from engine.errors import ClusterError
from engine.local.dask_processes import START_S, DaskProcesses, begun_cluster
from engine.local.reaching import reach, security_of
from engine.storage import note_entrusted

__all__ = ["connect", "joined_cluster", "local_cluster"]

_ANSWER_S = 7.0  # so that all of a command ends within ten
_LEAST_S = 2.0


@contextlib.contextmanager
def connect(address: str, *, tls: DaskTls | Mapping[str, Any] | None = None) -> Iterator[distributed.Client]:
    """Connect to a scheduler that runs elsewhere. It may have no worker yet.

    Parameters
    ----------
    address
        `tcp://host:port` or `tls://host:port`.
    tls
        For `tls://`: paths of PEM files, `ca_file`, `cert_file`, `key_file`, or the `dask_tls` of the settings;
        default: those of Dask's configuration.

    Raises
    ------
    ConfigError
        If TLS lacks a file, or one can't be used.
    ClusterError
        If no scheduler answers within 10 s.
    """
    with _client(address, _ANSWER_S, tls.files() if isinstance(tls, DaskTls) else tls or {}) as client:
        yield client


@contextlib.contextmanager
def local_cluster(num_workers: int | None = None, *, settings: Settings | None = None) -> Iterator[distributed.Client]:
    """Start a scheduler and workers of one thread each, as processes of their own; they end with the context.

    Processes that are started afresh, not forked, need no `if __name__ == "__main__"` in the user's script.

    Parameters
    ----------
    num_workers
        Worker processes; default: the settings', else one a core, 8 at most.
    settings
        What jobs on the cluster are submitted with: its workers are given the secrets that stand there in clear, as
        variables of their environment. Default: the environment and the configuration file.

    Raises
    ------
    ClusterError
        If they don't come up.
    """
    with begun_cluster(num_workers, settings or load_settings()) as processes, joined_cluster(processes) as client:
        yield client


@contextlib.contextmanager
def joined_cluster(processes: DaskProcesses) -> Iterator[distributed.Client]:
    """Yield a client of a cluster that was begun on this machine, once all its workers are there.

    Raises
    ------
    ClusterError
        If they don't come up.
    """
    with _client(processes.await_address(), START_S, {}, is_ours=True) as client:
        note_entrusted(client, processes.secrets)
        deadline = time.monotonic() + START_S
        while len(client.nthreads()) < processes.num_workers:
            processes.check(deadline)
            client.sync(asyncio.sleep, 0.02)
        yield client


def _client(address: str, timeout_s: float, tls: Mapping[str, Any], *, is_ours: bool = False) -> distributed.Client:
    security = security_of(address, tls)
    deadline = time.monotonic() + timeout_s
    if not is_ours:  # else it is known who listens there
        reach(address, security, timeout_s)
    left_s = max(_LEAST_S, deadline - time.monotonic())
    try:
        # The coordinator's future stays when this client goes; and this client must not become the process's default.
        return distributed.Client(address, timeout=left_s, set_as_default=False, security=security)
    except (OSError, ValueError) as exc:
        raise ClusterError(
            f"the Dask scheduler at {address} can't be used: {exc}",
            accepted="a scheduler that runs the version of Dask that is here",
            next_step="look into the scheduler's log, or leave --dask out to have a cluster on this machine",
        ) from exc
