"""A topic fetched to disk: the consumer, by class and as a stream, beside fink-client and fastavro alone.

.venv/bin/python benchmarks/consume.py [--content full --alerts 30000] [--profile 2021] [--rounds 3]
    [--without fink-client] [--data DIR]

Each runs as a process of its own, whole, from its start to its exit, by turns with the others; medians count. The topic
is made first: the alerts of a sample again and again, with new identifiers; for files by class with 250 labels. Of what
was written, the identifiers must be those that were sent, and 500 alerts equal in every field between the consumer and
fink-client. fastavro alone decodes the messages one by one from memory into dictionaries, and keeps none.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fastavro
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from rich.console import Console
from rich.table import Table

import consumer
import engine
from benchmarks.consume_topics import NUM_LABELS, make_topic, send_sample, write_archive
from consumer.kafka import Cluster, DataReader, ManifestFollower
from tests.fink_client import finkctl

_SAMPLES = {"lightcurve": 50_000, "full": 4_000}
_COMPARED = 500
_STREAM = "import consumer, sys; print(sum(b.num_rows for b in consumer.stream(sys.argv[1], kafka=sys.argv[2])))"
_console = Console(stderr=True)


@dataclass(frozen=True)
class Taken:
    """What one run took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def run(words: list[str], home: Path) -> Taken:
    """Run a command to its end."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    # Of the one child that a process of its own waits for, the system knows how much memory it took.
    code = (
        "import resource, subprocess, sys, time; begun = time.monotonic(); "
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT); "
        "wall = time.monotonic() - begun; used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "done.returncode and sys.exit(done.stdout.decode()); "
        "print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)"
    )
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=environment, cwd=home, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{words[0]} failed: {done.stderr}")
    return Taken(*map(float, done.stdout.split()))


def alone(topic: str, kafka: str) -> None:
    """Decode the messages of a topic with fastavro, one by one, and print how long that took."""
    cluster = Cluster(bootstrap=kafka)
    follower = ManifestFollower(cluster, topic)
    plan = follower.wait_for_plan(60).require_plan()
    reader = DataReader(cluster, topic, plan.num_partitions, {})
    schema, ends = fastavro.parse_schema(dict(plan.schema)), reader.ends()
    wall_s = cpu_s = 0.0
    while reader.positions != ends:
        values = reader.read(0.5).values
        begun, used = time.monotonic(), time.thread_time()
        for value in values:
            fastavro.schemaless_reader(io.BytesIO(value), schema, None)
        wall_s += time.monotonic() - begun
        cpu_s += time.thread_time() - used
    print(wall_s, cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def read(folder: Path, columns: list[str] | None = None, candids: list[int] | None = None) -> pa.Table:
    """Return the alerts in a folder, sorted by identifier."""
    chosen = None if candids is None else pc.field("candid").isin(candids)
    found = ds.dataset(folder, format="parquet", partitioning=None).to_table(columns=columns, filter=chosen)
    return found.sort_by("candid")


def check(ours: Path, others: dict[str, Path], num_alerts: int) -> None:
    """See that every folder holds each alert once, and 500 of them with the same values."""
    candids = read(ours, ["candid"])["candid"]
    assert len(candids) == pc.count_distinct(candids).as_py() == num_alerts, "alerts lack or are there twice"
    chosen = candids.take(pa.array(range(0, num_alerts, max(1, num_alerts // _COMPARED)))).to_pylist()
    expected = read(ours, candids=chosen)
    for name, folder in others.items():
        assert read(folder, ["candid"])["candid"].equals(candids), f"{name} has other alerts"
        found = read(folder, candids=chosen)
        # Values as text: the client keeps the values, and has types of its own.
        for column in set(expected.column_names) & set(found.column_names):
            pair = [[repr(value) for value in table[column].to_pylist()] for table in (expected, found)]
            assert pair[0] == pair[1], f"{name} has other values of {column}"


def main() -> None:
    if sys.argv[1:2] == ["alone"]:
        alone(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", choices=_SAMPLES, default="lightcurve")
    parser.add_argument("--alerts", type=int, default=600_000)
    parser.add_argument("--profile", choices=engine.PROFILE_NAMES, default="2025")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "alert-transfer-benchmark"))
    parser.add_argument("--without", action="append", default=[])
    options = parser.parse_args()
    data, content, num_alerts = Path(options.data), options.content, options.alerts
    command = str(Path(sys.executable).with_name("alert-transfer"))
    with engine.start_broker() as broker:
        kafka, sample = broker.bootstrap, "ftransfer_sample"
        _console.print("writing the topics")
        with engine.local_cluster(num_workers=2) as client:
            size = min(num_alerts, _SAMPLES[content])
            send_sample(kafka, client, write_archive(data, _SAMPLES[content], options.profile), sample, content, size)
        topic, labelled = "ftransfer_whole", "ftransfer_labelled"
        nbytes = make_topic(kafka, sample, topic, num_alerts)
        make_topic(kafka, sample, labelled, num_alerts, num_labels=NUM_LABELS)
        tiny = "ftransfer_tiny"
        make_topic(kafka, sample, tiny, 100)

        def ours(name: str, topic: str, *more: str) -> Callable[[], Taken]:
            words = [command, "consume", topic, "--outdir", "out", "--kafka", kafka, *more]
            return lambda: run(words, data / name)

        def theirs() -> Taken:
            words = ["-survey", "ztf", "-topic", topic, "-outdir", "out", "-partitionby", "time"]
            group = f"group-{time.time_ns()}"
            register = ["-survey", "ztf", "-username", "b", "-groupid", group, "-servers", kafka, "-maxtimeout", "2"]
            script = f"{finkctl()} auth register {' '.join(register)} && {finkctl()} transfer {' '.join(words)}"
            return run(["sh", "-c", script], data / "fink-client")

        def by_itself() -> Taken:
            words = [sys.executable, __file__, "alone", topic, kafka]
            environment = {**os.environ, "PYTHONPATH": os.getcwd()}
            done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
            return Taken(*map(float, done.stdout.split()))

        runs = {
            "consume": ours("consume", topic),
            "consume, by class": ours("by-class", labelled, "--partitionby", "finkclass"),
            "stream": lambda: run([sys.executable, "-c", _STREAM, topic, kafka], data / "stream"),
            "fastavro alone": by_itself,
            "fink-client": theirs,
            "consume, 100 alerts": ours("tiny", tiny),
        }
        taken: dict[str, list[Taken]] = {name: [] for name in runs if name not in options.without}
        for number in range(options.rounds):
            for name in taken:
                if name == "fink-client" and number:
                    continue  # it takes minutes, and is no judge of small differences
                taken[name].append(runs[name]())
                _console.print(f"{number + 1}. {name}: {taken[name][-1]}")
        fetched = {"by class": data / "by-class" / "out"}
        if "fink-client" in taken:
            fetched["fink-client"] = data / "fink-client" / "out"
        check(
            data / "consume" / "out",
            {"fink-client": fetched["fink-client"]} if "fink-client" in fetched else {},
            num_alerts,
        )
        check(fetched["by class"], {}, num_alerts)
        for folder in (data / "consume" / "out", fetched["by class"]):
            assert consumer.verify(folder).complete, f"{folder} is not complete"
    show(taken, content, num_alerts, nbytes)


def show(taken: dict[str, list[Taken]], content: str, num_alerts: int, nbytes: int) -> None:
    """Print the medians."""
    table = Table("what", "seconds", "alerts/s", "CPU seconds", "CPU µs an alert", "peak MB")
    for name, times in taken.items():
        wall_s = statistics.median(one.wall_s for one in times)
        cpu_s = statistics.median(one.cpu_s for one in times)
        num = 100 if "100" in name else num_alerts
        peak = max(one.peak_mb for one in times)
        table.add_row(
            name, f"{wall_s:.2f}", f"{num / wall_s:,.0f}", f"{cpu_s:.2f}", f"{cpu_s / num * 1e6:,.1f}", f"{peak:,.0f}"
        )
    title = f"{num_alerts:,} alerts, {content}, {nbytes / num_alerts:,.0f} bytes each"
    Console(width=120).print(title, table, *ratios(taken))


def ratios(taken: dict[str, list[Taken]]) -> list[str]:
    """Tell how many times as fast as the others the consumer is, by medians, each beside what is asked for."""
    medians = {name: statistics.median(one.wall_s for one in times) for name, times in taken.items()}
    return [
        f"consume beside {name}: {medians[name] / medians['consume']:.1f} times as fast"
        + (f" ({asked})" if asked else "")
        for name, asked in (("fink-client", "asked for: 35 of lightcurves, 6 of full alerts"), ("fastavro alone", ""))
        if name in medians and "consume" in medians
    ]


if __name__ == "__main__":
    main()
