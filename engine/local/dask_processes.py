"""The processes of a Dask cluster on this machine, started side by side; nothing of Dask is imported here."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from consumer.settings import Settings, entrusted
from engine.errors import ClusterError
from engine.local.processes import OwnedProcess, start_owned

__all__ = ["START_S", "DaskProcesses", "begun_cluster"]

START_S = 180.0  # a process that fails ends at once, which is told; so long only on a busy machine
# macOS ends a copy of a process that has used some of its libraries.
_FORKS = sys.platform == "linux"
_OF_SERVERS = {
    # How late its event loop is, and what the machine does. Dask looks every 20 and 500 ms, and samples its own stacks
    # a hundred times a second (below): an idle cluster of one worker took 6 % of a core so.
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "200ms",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "2s",
    # Before each message Dask estimates its size, piece by piece, to pack what is large in a thread of its own. None of
    # ours are.
    "DASK_DISTRIBUTED__COMM__OFFLOAD": "False",
}
_OF_WORKERS = {
    # Dask gives these to a worker's process before it starts; here, to the one that the workers are copies of.
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    # The next fragment uses the memory of the last: glibc gives back each megabyte, once a threshold for trimming is
    # set and none for mapping, and librdkafka takes one anew for each batch.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    **_OF_SERVERS,
    # Importing dask-sql takes its time: before the first task, not in it. (Given the option --preload, the process that
    # only starts the workers would import it, too.)
    "DASK_DISTRIBUTED__WORKER__PRELOAD": "['engine.transfer.coordinator']",
    **({"DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "forkserver"} if _FORKS else {}),
}


@dataclass(frozen=True, kw_only=True)
class DaskProcesses:
    """A scheduler and its workers, which may still be starting."""

    scheduler: OwnedProcess
    workers: OwnedProcess
    num_workers: int
    secrets: Mapping[str, str]
    """Variables that the workers were given."""
    folder: Path

    def await_address(self) -> str:
        """Return the scheduler's address once it listens.

        Raises
        ------
        ClusterError
            If it, or the workers' process, does not start.
        """
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return str(json.loads(_address_file(self.folder).read_text())["address"])
            self.check(deadline)
            with contextlib.suppress(TimeoutError):
                self.scheduler.wait(0.02)

    def check(self, deadline: float) -> None:
        """Raise if one has ended, or it is late; with what it wrote.

        Raises
        ------
        ClusterError
            Naming which.
        """
        is_late = time.monotonic() > deadline
        if self.scheduler.poll() is not None or (is_late and not _address_file(self.folder).exists()):
            raise ClusterError(f"the local Dask scheduler did not start:\n{_tail(self.folder / 'scheduler.log')}")
        if self.workers.poll() is not None or is_late:
            raise ClusterError(f"the local Dask workers did not start:\n{_tail(self.folder / 'worker.log')}")


@contextlib.contextmanager
def begun_cluster(num_workers: int | None, settings: Settings) -> Iterator[DaskProcesses]:
    """Begin to start a scheduler and workers of one thread each; they end with the context.

    Parameters
    ----------
    num_workers
        Worker processes; default: the settings', else one a core, 8 at most.
    settings
        Whose secrets that stand there in clear the workers are given, as variables of their environment.
    """
    num_workers = num_workers or settings.local.num_workers or min(os.cpu_count() or 1, 8)
    memory_nbytes = int(psutil.virtual_memory().total * settings.local.memory_fraction / num_workers)
    _, secrets = entrusted(settings.storage_options, settings.kafka_options)
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="alert-transfer-dask-"))
        # What takes longest begins first.
        workers = stack.enter_context(
            _started(
                folder,
                "worker",
                *(["engine.local.forked_workers"] if _FORKS else ["dask", "worker"]),
                *("--scheduler-file", _address_file(folder), "--host", "127.0.0.1", "--death-timeout", START_S),
                *("--nworkers", num_workers, "--nthreads", 1, "--memory-limit", memory_nbytes),
                *("--local-directory", folder),
                env={**_OF_WORKERS, **os.environ, **secrets},
            )
        )
        scheduler = stack.enter_context(
            _started(
                folder,
                "scheduler",
                *("dask", "scheduler", "--port", "0", "--host", "127.0.0.1"),
                *("--scheduler-file", _address_file(folder)),
                env={**_OF_SERVERS, **os.environ},
            )
        )
        yield DaskProcesses(
            scheduler=scheduler, workers=workers, num_workers=num_workers, secrets=secrets, folder=folder
        )


@contextlib.contextmanager
def _started(
    folder: Path, role: str, module: str, *arguments: object, env: Mapping[str, str] | None = None
) -> Iterator[OwnedProcess]:
    command = [sys.executable, "-m", module, *map(str, arguments), "--no-dashboard"]
    # The folder goes when they end, also when we are killed.
    process = start_owned(command, env=env, log=folder / f"{role}.log", remove=folder)
    try:
        yield process
    finally:
        # Nothing of theirs is to be kept, and an orderly end takes a second.
        process.kill()


def _address_file(folder: Path) -> Path:
    return folder / "scheduler.json"


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(it wrote nothing)"
