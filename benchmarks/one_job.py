"""One job on a cluster of its own, submitted and measured by a process that does nothing else.

Takes JSON from stdin, and writes JSON to stdout. Scheduler, workers and submitter are processes each, so that the
memory and the CPU of each can be told; the coordinator lives in a worker. Before the job that is measured one of its
first night runs, so that imports, producers and the condition's plan are there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.processes import peak_mb

ROLES = ("worker", "scheduler", "submitter")


def run_job(kafka: str, request: Mapping[str, Any], *, num_workers: int, warm_nights: str) -> dict[str, float]:
    """Run a job in processes of its own; return what was measured.

    Parameters
    ----------
    kafka
        Address of a broker.
    request
        Arguments of a `TransferRequest`, with a topic.
    num_workers
        Workers of one thread each.
    warm_nights
        Nights of the job before it.
    """
    given = {"kafka": kafka, "request": dict(request), "num_workers": num_workers, "warm_nights": warm_nights}
    with tempfile.TemporaryDirectory() as cache:
        # Footers that an earlier job read are not to be found.
        environment = {**os.environ, "ALERT_TRANSFER_CACHE": "", "XDG_CACHE_HOME": cache}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.one_job"],
            input=json.dumps(given),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=environment,
            cwd=Path(__file__).parents[1],
        )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _measured(kafka: str, request: Mapping[str, Any], num_workers: int, warm_nights: str) -> dict[str, float]:
    import engine
    from engine.kafka import KafkaCluster
    from engine.local import begun_cluster, joined_cluster

    settings = engine.Settings()
    with begun_cluster(num_workers, settings) as processes, joined_cluster(processes) as client:
        warm = {**request, "nights": warm_nights, "topic": f"{request['topic']}_warm"}
        how = {"client": client, "kafka": kafka, "settings": settings}
        _check(engine.submit(engine.TransferRequest(**warm), **how).wait())
        KafkaCluster(bootstrap=kafka).delete_job_topics(warm["topic"])
        workers = list(client.run(os.getpid).values())
        of_role = {
            "worker": {*workers, *_below(processes.workers.pid)},
            "scheduler": {client.run_on_scheduler(os.getpid)},
            "submitter": {os.getpid()},
        }
        for pids in of_role.values():
            _forget_peaks(pids)
        before, begun = {role: _cpu_seconds(pids) for role, pids in of_role.items()}, time.monotonic()
        job = engine.submit(engine.TransferRequest(**request), **how)
        submit_s = time.monotonic() - begun
        status = job.wait()
        seconds = time.monotonic() - begun
        cpu = {role: _cpu_seconds(pids) - before[role] for role, pids in of_role.items()}
        peaks = {role: max(map(peak_mb, pids)) for role, pids in of_role.items()}
        _check(status)
        manifest = job.manifest
        ran = [change.time for change in manifest.changes if change.state in ("running", "complete")]
        return {
            "seconds": seconds,
            "submit_s": submit_s,
            "send_s": ran[-1] - ran[0],
            "first_alert_s": status.first_alert_s or 0.0,
            "cpu_s": sum(cpu.values()),
            "cluster_cpu_s": cpu["worker"] + cpu["scheduler"],
            **{f"{role}_cpu_s": cpu[role] for role in ROLES},
            **{f"{role}_peak_mb": peaks[role] for role in ROLES},
            "num_alerts": manifest.num_archive_alerts,
            "num_alerts_sent": status.num_alerts_sent,
            "nbytes_sent": status.nbytes,
            "num_fragments": status.num_fragments,
        }


def _check(status: Any) -> None:
    if status.state not in ("complete", "empty"):
        raise SystemExit(f"the job is {status.state}: {status.error}")


def _below(pid: int) -> set[int]:
    return {pid} | {child.pid for child in psutil.Process(pid).children(recursive=True)}


def _cpu_seconds(pids: Iterable[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(one.user + one.system for one in times)


def _forget_peaks(pids: Iterable[int]) -> None:
    """Have the system note the highest memory of processes from now on."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


if __name__ == "__main__":
    json.dump(_measured(**json.load(sys.stdin)), sys.stdout)
