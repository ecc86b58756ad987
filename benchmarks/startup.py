"""What a job costs beside its work: each step of `submit` on a warm cluster, and the whole command from cold.

    python benchmarks/startup.py --rounds 5

Steps are timed where they run, in this process and on the workers: medians of all rounds but the first. Steps hold
others, and some run side by side. CPU seconds are those of all processes of the command, without the broker's. On a
machine that others use, read CPU seconds, and the best of the times.
"""

from __future__ import annotations

import argparse
import builtins
import functools
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine

NIGHT = "2021-11-22"
WHERE = "candidate.magpsf > 14"
HERE, THERE = "submit", "worker"
# In the order in which they begin.
STEPS = (
    (HERE, "engine.kafka.admin", "TopicAdmin.check", "Kafka answers"),
    (HERE, "engine.workers.checking", "check_workers", "workers are asked (beside the plan)"),
    (HERE, "engine.transfer.submission", "make_plan", "plan"),
    (HERE, "engine.kafka.admin", "TopicAdmin.check_creatable", "topics may be made"),
    (HERE, "engine.kafka.admin", "TopicAdmin.create_job_topics", "topics are made"),
    (HERE, "engine.kafka.admin", "TopicAdmin.max_message_nbytes", "their limits"),
    (HERE, "engine.kafka.cluster", "KafkaCluster.write_schema", "schema copies"),
    (HERE, "engine.kafka.rights", "TopicRights.set_rights", "rights"),
    (HERE, "engine.sinks.kafka_manifest", "KafkaManifestStore.append", "manifest"),
    (HERE, "engine.kafka.cluster", "KafkaCluster.announce_job", "list of jobs"),
    (HERE, "engine.transfer.starting", "_launch", "launch, until the coordinator says that it runs"),
    (THERE, "engine.sinks.kafka_manifest", "KafkaManifestStore.refresh", "coordinator reads the manifest"),
    (THERE, "engine.sinks.kafka_manifest", "KafkaManifestStore.append", "coordinator writes, each time"),
    (THERE, "engine.transfer.coordinator.dask_cluster", "DaskCluster.take_up", "take up"),
    (THERE, "engine.transfer.coordinator.dask_cluster", "DaskCluster.send", "tasks are made and submitted"),
    (THERE, "engine.transfer.coordinator.tasks", "find", "filter"),
    (THERE, "engine.transfer.coordinator.tasks", "send", "read, encode, send"),
    (THERE, "engine.kafka.producer", "take_ready", "  of it: a producer"),
    (THERE, "engine.kafka.producer", "FragmentSender.finish", "  of it: acknowledgements"),
    (THERE, "engine.sinks.kafka_sink", "KafkaSink.check_holds", "end: Kafka holds it"),
    (THERE, "engine.transfer.coordinator.loop", "Coordinator.run", "coordinator in all"),
)


def install(where: str) -> None:
    """Have the steps of this process timed, once; what is not there in this version is left out."""
    if hasattr(builtins, "startup_times"):
        return
    times: list[tuple[str, float]] = []
    builtins.startup_times = times  # type: ignore[attr-defined]  # for `taken`, which workers run by another copy
    for kind, module, path, text in STEPS:
        if kind != where:
            continue
        try:
            owner: Any = importlib.import_module(module)
            *parents, name = path.split(".")
            owner = functools.reduce(getattr, parents, owner)
            setattr(owner, name, _timed(getattr(owner, name), text, times))
        except (AttributeError, ImportError):
            times.append((text, float("nan")))


def _timed(function: Callable[..., Any], text: str, times: list[tuple[str, float]]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        begun = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            times.append((text, time.perf_counter() - begun))

    return call


def taken() -> list[tuple[str, float]]:
    """Return the times that were noted in this process since the last call."""
    times: list[tuple[str, float]] = builtins.startup_times  # type: ignore[attr-defined]  # as above
    found = list(times)
    times.clear()
    return found


def warm(archive: str, rounds: int) -> None:
    """Print the steps of a job on a cluster that has run one before."""
    found: dict[str, list[float]] = defaultdict(list)
    firsts, wholes = [], []
    request = engine.TransferRequest(archive=archive, nights=NIGHT, where=WHERE)
    with engine.start_broker() as broker, engine.local_cluster(num_workers=2) as client:
        install(HERE)
        client.run(install, THERE)
        for number in range(rounds + 1):
            begun = time.perf_counter()
            job = engine.submit(request, client=client, kafka=broker.bootstrap)
            submitted = time.perf_counter() - begun
            status = job.wait()
            whole = time.perf_counter() - begun
            noted = taken() + [one for times in client.run(taken).values() for one in times]
            if number:
                for text, seconds in noted:
                    found[text].append(seconds)
                found["submit in all"].append(submitted)
                firsts.append(status.first_alert_s or 0.0)
                wholes.append(whole)
    print("| step | median ms | best ms |\n|---|---|---|")
    for text in (*(text for *_, text in STEPS), "submit in all"):
        if seen := found.get(text):
            print(f"| {text} | {statistics.median(seen) * 1000:.0f} | {min(seen) * 1000:.0f} |")
    for text, seen in (("first alert, from when topics are made", firsts), ("submit to its noticed end", wholes)):
        print(f"| {text} | {statistics.median(seen) * 1000:.0f} | {min(seen) * 1000:.0f} |")


def cold(archive: str, rounds: int) -> None:
    """Print what the whole command takes, its own cluster included, and what its processes import."""
    print("\n| from cold | seconds, best | CPU seconds, median |\n|---|---|---|")
    with engine.start_broker() as broker:
        submit = ["submit", "--archive", archive, "--nights", NIGHT, "--kafka", broker.bootstrap, "--where", WHERE]
        command = [sys.executable, "-c", "from consumer.cli import main; main()"]
        _print_run("alert-transfer submit", [*command, *submit], rounds)
        _print_run("alert-transfer submit --help", [*command, "submit", "--help"], rounds)
    for text, module in (
        ("import of a worker's", "engine.transfer.coordinator.preloading"),
        ("import of a scheduler's", "distributed"),
    ):
        _print_run(text, [sys.executable, "-c", f"import {module}"], rounds)


def _print_run(text: str, command: list[str], rounds: int) -> None:
    seconds, cpu = [], []
    for _ in range(rounds):
        begun = time.perf_counter()
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            raise RuntimeError(f"{command} ended with code {started.returncode}")
        seconds.append(time.perf_counter() - begun)
        cpu.append(used.ru_utime + used.ru_stime)  # of it and of all processes that it waited for
    print(f"| {text} | {min(seconds):.2f} | {statistics.median(cpu):.2f} |", flush=True)


def main() -> None:
    """Make an archive, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alerts", type=int, default=2_000, help="in the one night")
    parser.add_argument("--only", choices=("warm", "cold"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = engine.write_sample(Path(folder), nights=NIGHT, alerts_per_night=options.alerts)
        if options.only != "cold":
            warm(made.archive, options.rounds)
        if options.only != "warm":
            cold(made.archive, options.rounds)


if __name__ == "__main__":
    main()
