"""Dask: connect to a cluster that runs elsewhere, or start one on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import distributed
import psutil

from consumer.settings import DaskTls, Settings, entrusted, load_settings
from engine.errors import ClusterError
from engine.local.processes import OwnedProcess, start_owned
from engine.local.reaching import reach, security_of
from engine.storage import note_entrusted

__all__ = ["connect", "local_cluster"]

_START_S = 180.0  # a process that fails ends at once, which is told; so long only on a busy machine
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
    settings = settings or load_settings()
    num_workers = num_workers or settings.local.num_workers or min(os.cpu_count() or 1, 8)
    _, secrets = entrusted(settings.storage_options, settings.kafka_options)
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="alert-transfer-dask-"))
        address_file = folder / "scheduler.json"
        scheduler = stack.enter_context(
            _start(folder, "scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", address_file)
        )
        address = _await_address(scheduler, address_file, folder)
        memory_nbytes = int(psutil.virtual_memory().total * settings.local.memory_fraction / num_workers)
        worker = stack.enter_context(
            _start(
                folder,
                "worker",
                address,
                *("--nworkers", num_workers, "--nthreads", 1, "--memory-limit", memory_nbytes),
                *("--local-directory", folder, "--host", "127.0.0.1", "--death-timeout", _START_S),
                # Importing dask-sql takes two seconds: before the first task, not in it.
                *("--preload", "engine.transfer.coordinator"),
                secrets=secrets,
            )
        )
        client = stack.enter_context(_client(address, _START_S, {}))
        note_entrusted(client, secrets)
        deadline = time.monotonic() + _START_S
        while len(client.nthreads()) < num_workers:
            if worker.poll() is not None or time.monotonic() > deadline:
                raise ClusterError(f"the local Dask workers did not start:\n{_tail(folder / 'worker.log')}")
            client.sync(asyncio.sleep, 0.05)
        yield client


def _client(address: str, timeout_s: float, tls: Mapping[str, Any]) -> distributed.Client:
    security = security_of(address, tls)
    deadline = time.monotonic() + timeout_s
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


def _start(folder: Path, role: str, *arguments: object, secrets: Mapping[str, str] | None = None) -> OwnedProcess:
    command = [sys.executable, "-m", "dask", role, *map(str, arguments), "--no-dashboard"]
    # The folder goes when they end, also when we are killed.
    return start_owned(command, env={**os.environ, **(secrets or {})}, log=folder / f"{role}.log", remove=folder)


def _await_address(scheduler: OwnedProcess, address_file: Path, folder: Path) -> str:
    deadline = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            return json.loads(address_file.read_text())["address"]
        if scheduler.poll() is not None or time.monotonic() > deadline:
            raise ClusterError(f"the local Dask scheduler did not start:\n{_tail(folder / 'scheduler.log')}")
        with contextlib.suppress(TimeoutError):
            scheduler.wait(0.05)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(it wrote nothing)"
