"""Waiting for a first worker; the wrong ones are in tests/engine/transfer/test_strange_workers.py."""

import os
import signal

import distributed
import pytest

from engine.errors import ClusterError
from engine.workers import await_workers, check_workers, checking, on_worker
from tests.strange_workers import dask_scheduler, strange_workers


def test_workers_that_are_right_are_not_waited_for(dask_client):
    check_workers(dask_client)
    await_workers(dask_client, lambda text: pytest.fail(text))


def test_an_adaptive_cluster_starts_a_worker_for_whoever_waits():
    said: list[str] = []
    options = {"n_workers": 0, "processes": False, "dashboard_address": ":0", "threads_per_worker": 1}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        cluster.adapt(minimum=0, maximum=1, interval="50ms", wait_count=100)
        check_workers(client)  # there is none that could be wrong
        await_workers(client, said.append)
        assert len(client.nthreads()) == 1
        check_workers(client)
        assert on_worker(client, divmod, 17, 5) == (3, 2), "scheduler and worker are threads here: nothing is pickled"
    assert len(said) == 1
    assert "dask worker" in said[0]


def test_a_worker_that_does_not_come_is_told(tmp_path, caplog):
    with (
        dask_scheduler(tmp_path) as address,
        distributed.Client(address, set_as_default=False) as client,
        pytest.raises(ClusterError, match="no worker came") as raised,
    ):
        await_workers(client, patience_s=0.2)
    assert address in raised.value.message
    assert [record.name for record in caplog.records if address in record.getMessage()] == ["alert_transfer.workers"]


def test_a_worker_that_hangs_keeps_nobody_from_the_others(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(checking, "_FACTS_S", 1.0)
    with (
        dask_scheduler(tmp_path) as address,
        distributed.Client(address, set_as_default=False) as client,
        strange_workers(tmp_path / "workers", client, "right"),
    ):
        (pid,) = client.run(os.getpid).values()
        os.kill(pid, signal.SIGSTOP)
        try:
            check_workers(client)
        finally:
            os.kill(pid, signal.SIGCONT)
    assert any(address in record.getMessage() for record in caplog.records if record.name == "alert_transfer.workers")
