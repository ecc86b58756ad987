"""A cluster on this machine: its workers are copies of one process, are replaced, and are gone with their owner."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from consumer.settings import Settings
from engine.errors import ClusterError
from engine.local import begun_cluster, joined_cluster


def until(condition, timeout_s: float = 150.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _status(dask_worker) -> str:
    return dask_worker.status.name


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each worker is started by itself")
def test_workers_are_copies_that_are_replaced_and_gone_in_the_end():
    with begun_cluster(2, Settings()) as processes, joined_cluster(processes) as client:
        began = client.run(os.getpid)
        # Copies of one process, in the process group that the watchdog ends.
        (parent,) = set(client.run(os.getppid).values())
        assert parent not in (processes.workers.pid, os.getpid())
        assert "forkserver" in " ".join(psutil.Process(parent).cmdline())
        groups = [os.getpgid(pid) for pid in (*began.values(), parent)]
        assert set(groups) == {processes.workers.pid}
        cpu_s = max(sum(psutil.Process(pid).cpu_times()[:2]) for pid in began.values())
        assert cpu_s < sum(psutil.Process(parent).cpu_times()[:2]), "a copy imports nothing"
        assert min(client.run(lambda: __import__("gc").get_freeze_count()).values()) > 100_000
        loaded = client.run(lambda: "dask_sql.context" in __import__("sys").modules)
        assert set(loaded.values()) == {True}
        # Until it has begun, what starts a worker anew ends with the worker instead, and all with it.
        assert until(lambda: set(client.run(_status, nanny=True).values()) == {"running"})
        killed = next(iter(began))
        os.kill(began[killed], signal.SIGKILL)
        assert until(lambda: len(client.nthreads()) == 2 and killed not in client.nthreads())
        all_of_them = [*client.run(os.getpid).values(), parent, processes.workers.pid, processes.scheduler.pid]
        folder = processes.folder
    assert until(lambda: not any(is_alive(pid) for pid in all_of_them), 10)
    assert until(lambda: not folder.exists(), 10)


def test_what_is_begun_and_not_needed_is_gone_at_once():
    with begun_cluster(1, Settings()) as processes:
        pids, began = (processes.workers.pid, processes.scheduler.pid), time.process_time()
    assert not any(is_alive(pid) for pid in pids)
    assert time.process_time() - began < 1, "nothing of Dask is imported here for it"


def test_workers_that_do_not_start_are_told_with_their_words(monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD", "nonsense")
    with pytest.raises(ClusterError, match="workers did not start") as raised, contextlib.ExitStack() as stack:
        stack.enter_context(joined_cluster(stack.enter_context(begun_cluster(1, Settings()))))
    assert "failed to start" in raised.value.message


def test_dask_is_not_imported_to_begin():
    code = "import sys\nfrom engine.local import begun_cluster\nassert 'distributed' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=150)
