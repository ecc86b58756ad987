"""Topics fetched to disk: the consumer, by class and as a stream, beside fink-client and fastavro alone.

.venv/bin/python benchmarks/consume.py [lightcurve] [full] [--scale 0.1] [--rounds 3] [--rounds-of-fink-client 1]
    [--without fink-client] [--data DIR] [--json FILE]

600,000 lightcurves of 2025's schema, 30,000 full alerts of 2021's; `--scale` takes a part of both, `--alerts` and
`--profile` say otherwise. Each way runs as a process of its own, whole, from its start to its exit, by turns with the
others; medians count. The topic is made first: the alerts of a sample again and again, with new identifiers; for files
by class with 250 labels. Of what was written, the identifiers must be those that were sent, and 500 alerts equal in
every field between the consumer and fink-client. fastavro alone decodes the messages one by one from memory into
dictionaries, and keeps none.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
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
from benchmarks.figures import Figure
from benchmarks.measuring import ROOT, Taken, add_options, by_turns, console, figures_of, keep, run
from benchmarks.processes import peak_mb
from consumer.kafka import Cluster, DataReader, ManifestFollower
from engine.kafka import KafkaCluster
from tests.fink_client import finkctl

_WHOLE = {"lightcurve": ("2025", 600_000), "full": ("2021", 30_000)}
"""Content -> the schema's year, and how many alerts."""
_SAMPLES = {"lightcurve": 50_000, "full": 4_000}
"""Of how many alerts a topic is made."""
_TINY = 100
_COMPARED = 500
OURS, BY_CLASS, STREAM, START = (
    f"alert-transfer{rest}" for rest in ("", ", by class", ", stream", f", {_TINY} alerts")
)
FASTAVRO, FINK_CLIENT = "fastavro alone", "fink-client"
NAMES = (OURS, BY_CLASS, STREAM, FASTAVRO, FINK_CLIENT, START)
_STREAM = """
import consumer, sys
found = sum(batch.num_rows for batch in consumer.stream(sys.argv[1], kafka=sys.argv[2]))
sys.exit(None if found == int(sys.argv[3]) else f"{found} alerts came")
"""


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
    print(wall_s, cpu_s, peak_mb())


def read(folder: Path, columns: list[str] | None = None, candids: list[int] | None = None) -> pa.Table:
    """Return the alerts in a folder, sorted by identifier."""
    chosen = None if candids is None else pc.field("candid").isin(candids)
    found = ds.dataset(folder, format="parquet", partitioning=None).to_table(columns=columns, filter=chosen)
    return found.sort_by("candid")


def check(ours: Path, others: Mapping[str, Path], num_alerts: int) -> None:
    """See that every folder holds each alert once, and 500 of them with the same values in every field."""
    candids = read(ours, ["candid"])["candid"]
    assert len(candids) == pc.count_distinct(candids).as_py() == num_alerts, "alerts lack or are there twice"
    chosen = candids.take(pa.array(range(0, num_alerts, max(1, num_alerts // _COMPARED)))).to_pylist()
    expected = read(ours, candids=chosen)
    for name, folder in others.items():
        assert read(folder, ["candid"])["candid"].equals(candids), f"{name} has other alerts"
        found = read(folder, candids=chosen)
        lacking = set(expected.column_names) - set(found.column_names)
        assert not lacking, f"{name} lacks {lacking}"
        # Values as text: the client keeps the values, and has types of its own.
        for column in expected.column_names:
            pair = [[repr(value) for value in table[column].to_pylist()] for table in (expected, found)]
            assert pair[0] == pair[1], f"{name} has other values of {column}"
        console.print(f"  {name} wrote the same {len(candids):,} alerts; {len(chosen)} of them equal in every field")


def measure(
    kafka: str, content: str, profile: str, num_alerts: int, options: argparse.Namespace
) -> tuple[dict[str, list[Taken]], int]:
    """Return what each way took in each round, by its name, and the bytes of an alert."""
    data = Path(options.data)
    sample, topic, labelled, tiny = (f"ftransfer_{content}_{rest}" for rest in ("sample", "whole", "labelled", "tiny"))
    console.print(f"{content}: writing {num_alerts:,} alerts of {profile}'s schema twice")
    with engine.local_cluster(num_workers=2) as client:
        size = min(num_alerts, _SAMPLES[content])
        send_sample(kafka, client, write_archive(data, _SAMPLES[content], profile), sample, content, size)
    nbytes = make_topic(kafka, sample, topic, num_alerts)
    make_topic(kafka, sample, labelled, num_alerts, num_labels=NUM_LABELS)
    make_topic(kafka, sample, tiny, _TINY)
    command = str(Path(sys.executable).with_name("alert-transfer"))

    def ours(name: str, topic: str, *more: str) -> Callable[[], Taken]:
        words = [command, "consume", topic, "--outdir", "out", "--kafka", kafka, *more]
        return lambda: run(words, data / name)

    def theirs() -> Taken:
        words = ["-survey", "ztf", "-topic", topic, "-outdir", "out", "-partitionby", "time"]
        group = f"group-{time.time_ns()}"
        register = ["-survey", "ztf", "-username", "b", "-groupid", group, "-servers", kafka, "-maxtimeout", "2"]
        script = f"{finkctl()} auth register {' '.join(register)} && {finkctl()} transfer {' '.join(words)}"
        return run(["sh", "-c", script], data / FINK_CLIENT)

    def by_itself() -> Taken:
        words = [sys.executable, __file__, "alone", topic, kafka]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
        wall_s, cpu_s, peak_mb = map(float, done.stdout.split())
        return Taken(wall_s=wall_s, cpu_s=cpu_s, peak_mb=peak_mb)

    stream = [sys.executable, "-c", _STREAM, topic, kafka, str(num_alerts)]
    runs = {
        OURS: ours("consume", topic),
        BY_CLASS: ours("by-class", labelled, "--partitionby", "finkclass"),
        STREAM: lambda: run(stream, data / "stream"),
        FASTAVRO: by_itself,
        FINK_CLIENT: theirs,
        START: ours("tiny", tiny),
    }
    runs = {name: runs[name] for name in runs if name not in options.without}
    fewer = {} if options.rounds_of_fink_client is None else {FINK_CLIENT: options.rounds_of_fink_client}
    taken = by_turns(runs, options.rounds, fewer)
    folders = {name: data / folder / "out" for name, folder in ((OURS, "consume"), (BY_CLASS, "by-class"))}
    folders = {name: folder for name, folder in folders.items() if name in taken}
    for name, folder in folders.items():
        others = {FINK_CLIENT: data / FINK_CLIENT / "out"} if name == OURS and taken.get(FINK_CLIENT) else {}
        check(folder, others, num_alerts)
        assert consumer.verify(folder).complete, f"{folder} is not complete"
    for home in ("consume", "by-class", "stream", FINK_CLIENT, "tiny"):
        shutil.rmtree(data / home, ignore_errors=True)
    cluster = KafkaCluster(bootstrap=kafka)
    for one in (sample, topic, labelled, tiny):
        cluster.delete_job_topics(one)
    return {name: its for name, its in taken.items() if its}, nbytes // num_alerts


def figures(content: str, num_alerts: int, nbytes_each: int, taken: Mapping[str, Sequence[Taken]]) -> list[Figure]:
    """Return the figures of one content; of 100 alerts only what says something of starting and ending."""
    found = figures_of("consumers", content, "topic", num_alerts=[num_alerts], bytes=[num_alerts * nbytes_each])
    for name, its in taken.items():
        runs = {
            "seconds": [one.wall_s for one in its],
            "cpu_s": [one.cpu_s for one in its],
            "peak_mb": [one.peak_mb for one in its],
        }
        if name != START:
            runs["alerts_per_s"] = [num_alerts / one.wall_s for one in its]
            runs["mb_per_s"] = [num_alerts * nbytes_each / 1e6 / one.wall_s for one in its]
            runs["cpu_us"] = [1e6 * one.cpu_s / num_alerts for one in its]
        found += figures_of("consumers", content, name, **runs)
    return found


def show(content: str, num_alerts: int, nbytes_each: int, taken: Mapping[str, Sequence[Taken]]) -> None:
    """Print the medians."""
    table = Table("what", "runs", "seconds", "alerts/s", "CPU seconds", "CPU µs an alert", "peak MB")
    medians = {name: statistics.median(one.wall_s for one in its) for name, its in taken.items()}
    for name, its in taken.items():
        cpu_s = statistics.median(one.cpu_s for one in its)
        num = _TINY if name == START else num_alerts
        speeds = ("", "") if name == START else (f"{num / medians[name]:,.0f}", f"{1e6 * cpu_s / num:,.1f}")
        peak = max(one.peak_mb for one in its)
        table.add_row(name, str(len(its)), f"{medians[name]:.2f}", speeds[0], f"{cpu_s:.2f}", speeds[1], f"{peak:,.0f}")
    lines = [
        f"{OURS} beside {name}: {medians[name] / medians[OURS]:.1f} times as fast{asked}"
        for name, asked in ((FINK_CLIENT, " (asked for: 35 of lightcurves, 6 of full alerts)"), (FASTAVRO, ""))
        if name in medians and OURS in medians
    ]
    Console(width=120).print(f"{num_alerts:,} alerts, {content}, {nbytes_each:,} bytes each", table, *lines)


def main() -> None:
    if sys.argv[1:2] == ["alone"]:
        alone(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contents", nargs="*", metavar="content", help=f"of {', '.join(_WHOLE)}; by default both")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the alerts")
    parser.add_argument("--alerts", type=int, help="how many, instead")
    parser.add_argument("--profile", choices=engine.PROFILE_NAMES, help="the year of the schema")
    parser.add_argument("--rounds-of-fink-client", type=int, help="it takes minutes; as the others by default")
    parser.add_argument("--without", action="append", default=[], choices=NAMES)
    parser.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "alert-transfer-benchmark"))
    add_options(parser)
    options = parser.parse_args()
    if wrong := set(options.contents) - set(_WHOLE):
        parser.error(f"{', '.join(wrong)} is none of {', '.join(_WHOLE)}")
    if FINK_CLIENT not in options.without:
        finkctl()  # its environment is made before anything is measured
    found = []
    with engine.start_broker() as broker:
        for content in options.contents or _WHOLE:
            profile, whole = _WHOLE[content]
            num_alerts = options.alerts or max(1_000, int(whole * options.scale))
            profile = options.profile or profile
            taken, nbytes_each = measure(broker.bootstrap, content, profile, num_alerts, options)
            found += figures(content, num_alerts, nbytes_each, taken)
            show(content, num_alerts, nbytes_each, taken)
            keep(options, found)


if __name__ == "__main__":
    main()
