"""What the torture is done to: a Kafka behind proxies, Dask clusters, a sample archive, and their processes.

Everything is started through engine.processes, so it ends with the script, also where that is killed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import distributed

import engine
from engine.kafka import KafkaCluster
from engine.local.processes import OwnedProcess, start_owned
from tests.torture.brokers import Brokers

__all__ = ["Cluster", "RoundFailed", "Stage", "until", "write_archive"]

COMMAND = str(Path(sys.executable).with_name("alert-transfer"))
_FIRST_NIGHT = dt.date(2025, 7, 1)
_FEWEST_ALERTS_A_NIGHT = 50
# Many small files make many fragments: a file's row groups are never joined with another file's.
_MOST_NIGHTS = 25


class RoundFailed(Exception):
    """What had to come true did not."""


def until(condition: Callable[[], object], what: str, timeout_s: float = 150.0, every_s: float = 0.02) -> None:
    """Wait for a condition.

    Raises
    ------
    RoundFailed
        If it does not come true in time; `what` names it.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise RoundFailed(f"{what}: not so after {timeout_s:g} s")
        time.sleep(every_s)


def write_archive(folder: Path, num_alerts: int, seed: int) -> engine.SampleArchive:
    """Write a sample archive of up to 25 nights, one file and at least one fragment each."""
    num_nights = max(1, min(_MOST_NIGHTS, num_alerts // _FEWEST_ALERTS_A_NIGHT))
    nights = [_FIRST_NIGHT + dt.timedelta(days=day) for day in range(num_nights)]
    return engine.write_sample(folder, nights=nights, alerts_per_night=num_alerts // num_nights, seed=seed)


class Cluster:
    """A Dask scheduler and workers, started as an operator would."""

    def __init__(self, folder: Path, num_workers: int):
        self._folder = folder
        self._num_workers = num_workers
        self._stack = contextlib.ExitStack()
        folder.mkdir(parents=True)
        file = folder / "scheduler.json"
        try:
            self.scheduler = self._start("scheduler", "--port", "0", "--host", "127.0.0.1", file=file)
            until(lambda: file.exists() and file.read_text().strip(), "the Dask scheduler starts", 60)
            self.address: str = json.loads(file.read_text())["address"]
            words = ("worker", "--nthreads", "1", "--host", "127.0.0.1", "--local-directory", str(folder))
            self.workers = [
                self._start(*words, "--preload", "engine.transfer.coordinator", file=file, log=f"worker-{number}.log")
                for number in range(num_workers)
            ]
            self.await_whole()
        except BaseException:
            self.stop()
            raise

    def _start(self, role: str, *words: str, file: Path, log: str = "scheduler.log") -> OwnedProcess:
        options = ["--no-dashboard", "--scheduler-file", str(file)]
        command = [sys.executable, "-m", "dask", role, *words, *options]
        return self._stack.enter_context(start_owned(command, log=self._folder / log, grace_s=5))

    @contextlib.contextmanager
    def client(self) -> Iterator[distributed.Client]:
        """Yield a client that is nobody's default."""
        with distributed.Client(self.address, timeout=150, set_as_default=False) as client:
            yield client

    def await_whole(self) -> None:
        """Wait until all workers are there (a nanny starts a killed one anew) and have nothing to do."""
        with self.client() as client:
            client.wait_for_workers(self._num_workers, timeout=150)
            until(lambda: not any(client.processing().values()), "the cluster is idle")

    def pids(self, topic: str) -> tuple[int, list[int]]:
        """Return the process of the worker that runs a job's coordinator, and those of the others."""
        with self.client() as client:
            pids = client.run(os.getpid)
            found: list[str] = []

            def runs() -> bool:
                found[:] = [address for address, keys in client.processing().items() if _coordinates(keys, topic)]
                return bool(found)

            until(runs, f"a worker runs the coordinator of {topic}", 30)
        others = [pid for address, pid in pids.items() if address not in found]
        return pids[found[0]], others

    def coordinates(self, topic: str) -> bool:
        """Return whether a worker still runs a coordinator of a job."""
        with self.client() as client:
            return any(_coordinates(keys, topic) for keys in client.processing().values())

    def owned(self) -> list[OwnedProcess]:
        """Return the processes that were started."""
        return [self.scheduler, *self.workers]

    def stop(self) -> None:
        """End all of it."""
        self._stack.close()


def _coordinates(keys, topic: str) -> bool:
    return any(str(key).startswith(f"coordinate-{topic}-") for key in keys)


class Stage:
    """Kafka, proxy and Dask cluster; a context manager.

    Parameters
    ----------
    folder
        For their data and logs.
    archive
        What the jobs transfer.
    num_brokers
        Of Kafka.
    num_workers
        Of each Dask cluster.
    """

    def __init__(self, folder: Path, archive: engine.SampleArchive, num_brokers: int = 1, num_workers: int = 2):
        self.folder = folder
        self.archive = archive
        self._num_workers = num_workers
        self._num_clusters = 0
        self._stack = contextlib.ExitStack()
        self.num_brokers = num_brokers
        self.brokers = Brokers(folder, num_brokers)

    def __enter__(self) -> Stage:
        try:
            self._stack.enter_context(self.brokers)
            self.clusters: list[Cluster] = []
            self._stack.callback(self.stop_clusters)
            self.add_cluster()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    @property
    def kafka(self) -> KafkaCluster:
        """Return Kafka as clients see it: behind the proxies."""
        return KafkaCluster(bootstrap=self.brokers.bootstrap)

    @property
    def cluster(self) -> Cluster:
        """Return the newest Dask cluster."""
        return self.clusters[-1]

    def add_cluster(self) -> Cluster:
        """Start one more Dask cluster."""
        self._num_clusters += 1
        self.clusters.append(Cluster(self.folder / f"dask-{self._num_clusters}", self._num_workers))
        return self.cluster

    def stop_clusters(self, keep: int = 0) -> None:
        """End all Dask clusters but the newest `keep`."""
        while len(self.clusters) > keep:
            self.clusters.pop(0).stop()

    def await_whole(self) -> None:
        """Bring everything back to how a round finds it."""
        self.brokers.delay(0.0)
        self.stop_clusters(keep=1)
        self.cluster.await_whole()
        until(self.brokers.is_whole, "every topic has all its copies")

    def processes(self) -> list[int]:
        """Return the processes that belong to the stage, without their watchdogs and their children."""
        return [*self.brokers.pids(), *(process.pid for cluster in self.clusters for process in cluster.owned())]
