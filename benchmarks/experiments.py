"""Four experiments on a warm cluster, and in the same run what their bare parts take: CPU, rates, memory.

.venv/bin/python benchmarks/experiments.py [E1 E1-2025 E2 E3 E4] [--scale 0.2] [--rounds 3] [--data DIR] [--profile]

E1  one night repeated to 1,000,000 alerts, a magnitude condition, lightcurve, one worker
E2  250,000 alerts, 4 % kept, full packets, one worker
E3  1,000,000 alerts, all of them, lightcurve, two workers
E4  50,000 alerts, all of them, full packets, one worker

CPU is that of all processes of the job, the broker's apart. The bare parts are what can't be done without, each alone
in one thread: the columns read by pyarrow, the survivors' labels and encoding in full blocks, and the same messages
sent by librdkafka.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import confluent_kafka
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

import engine
from consumer.wire import encode_keys, partitions_of
from engine.conditions import filter_table
from engine.kafka import FragmentSender, KafkaCluster
from engine.pipeline import NarrowReader, read_content
from engine.schema import encode

A_NIGHT = 10_000
FIRST = {"2021": dt.date(2021, 11, 22), "2025": dt.date(2025, 7, 31)}
NUM_PARTITIONS = 10
MANY_FILES = 20
"""Files that the bare parts are measured on: all nights are one night's file, linked."""


def peak_nbytes() -> int:
    """Return the high-water mark of this process's resident memory."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


class FirstAlert(threading.Thread):
    """Polls a topic that need not exist yet, and notes when its first alert arrives."""

    def __init__(self, topic: str, kafka: str):
        super().__init__(daemon=True)
        self.at: float | None = None
        settings = {"bootstrap.servers": kafka, "group.id": topic, "topic.metadata.refresh.interval.ms": 200}
        self._consumer = confluent_kafka.Consumer({**settings, "auto.offset.reset": "earliest", "log_level": 0})
        self._consumer.assign([confluent_kafka.TopicPartition(topic, p, 0) for p in range(10)])

    def run(self) -> None:
        while self.at is None:
            message = self._consumer.poll(0.2)
            if message is not None and not message.error():
                self.at = time.monotonic()
        self._consumer.close()


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is sent of which archive."""

    profile: str
    num_alerts: int
    where: str | None
    content: str
    num_workers: int
    classes: tuple[str, ...] = ()


EXPERIMENTS = {
    "E1": Experiment(
        profile="2021", num_alerts=1_000_000, where="candidate.magpsf > 18.85", content="lightcurve", num_workers=1
    ),
    "E1-2025": Experiment(
        profile="2025", num_alerts=250_000, where="candidate.magpsf > 18.85", content="lightcurve", num_workers=1
    ),
    "E2": Experiment(
        profile="2021", num_alerts=250_000, where="candidate.magpsf > 19.862", content="full", num_workers=1
    ),
    "E3": Experiment(profile="2021", num_alerts=1_000_000, where=None, content="lightcurve", num_workers=2),
    "E4": Experiment(profile="2021", num_alerts=50_000, where=None, content="full", num_workers=1),
}


def write_archive(folder: Path, experiment: Experiment, num_alerts: int) -> tuple[Path, str]:
    """Write one night, and link its file under as many nights as it takes; return the root, and the nights."""
    first = FIRST[experiment.profile]
    root = folder / f"experiment-{experiment.profile}"
    if not root.exists():
        engine.write_sample(root, nights=[first], alerts_per_night=A_NIGHT, profile=experiment.profile)
    source = sorted((root / "science").rglob("*.parquet"))
    nights = [first + dt.timedelta(days=day) for day in range(-(-num_alerts // A_NIGHT))]
    for night in nights[1:]:
        at = root / "science" / f"year={night:%Y}" / f"month={night:%m}" / f"day={night:%d}"
        at.mkdir(parents=True, exist_ok=True)
        for file in source[:1] if len(nights) > 1 else []:
            if not (at / file.name).exists():
                os.link(file, at / file.name)
    return root / "science", f"{nights[0]}:{nights[-1]}"


def cpu_seconds(without: int) -> float:
    """Return the CPU seconds of this process and all below it, but for one of these and what is below that."""
    this = psutil.Process()
    left_out = {without} | {child.pid for child in psutil.Process(without).children(recursive=True)}
    total = 0.0
    for process in [this, *this.children(recursive=True)]:
        if process.pid in left_out:
            continue
        times = process.cpu_times()
        total += times.user + times.system
    return total


def files_of(plan: engine.TransferPlan) -> Iterator[list]:
    """Yield the fragments of each of the first files."""
    by_file: dict = {}
    for fragment in plan.fragments:
        by_file.setdefault(fragment.file, []).append(fragment)
    yield from list(by_file.values())[:MANY_FILES]


def bare_parts(kafka: str, plan: engine.TransferPlan) -> dict[str, float]:
    """Return microseconds of CPU an alert read, for each part alone, in one thread."""
    selection = plan.selection
    took: dict[str, float] = dict.fromkeys(("narrow", "content", "classes", "encode", "produce"), 0.0)
    leaves = [leaf for leaf in selection.predicate.leaves if "(" not in leaf]
    columns = list(selection.projection.columns())
    cluster = KafkaCluster(bootstrap=kafka)
    topic = f"ftransfer_bare_{os.getpid()}_{time.time_ns()}"
    cluster.create_job_topics(topic, NUM_PARTITIONS)
    num_alerts = 0
    datums_of: list[tuple[int, np.ndarray, pa.Array]] = []
    raw: list[pa.Table] = []
    for fragments in files_of(plan):
        path = fragments[0].file.path
        num_alerts += sum(fragment.num_alerts for fragment in fragments)
        if leaves:
            begun = time.process_time()
            pq.ParquetFile(path, memory_map=True).read(columns=leaves)
            took["narrow"] += time.process_time() - begun
        names = [name for name in columns if name.partition(".")[0] in pq.read_schema(path).names]
        begun = time.process_time()
        for batch in pq.ParquetFile(path, memory_map=True).iter_batches(selection.block_alerts, columns=names):
            del batch
        took["content"] += time.process_time() - begun
        blocks = []
        for fragment in fragments:
            found = None
            if selection.predicate.sql is not None:
                found = filter_table(NarrowReader(selection=selection)(fragment), selection.predicate.sql)
            blocks += [block for _, block in read_content(selection, fragment, found)]
        raw.append(pa.Table.from_batches(blocks))
    whole = pa.concat_tables(raw).combine_chunks()
    for enrichment in selection.enrichments:
        leaves_in = list(enrichment.needs)
        flat = {}
        for field in leaves_in:
            at = selection.projection.path_of(field.name) if "(" not in field.name else None
            flat[field.name] = (
                whole[at].combine_chunks() if at in whole.column_names else pa.nulls(whole.num_rows, field.type)
            )
        batch = pa.record_batch(
            [
                pa.array(x.cast(f.type))
                if not isinstance(x, pa.ChunkedArray)
                else pa.concat_arrays(x.chunks).cast(f.type)
                for x, f in zip(flat.values(), leaves_in, strict=True)
            ],
            schema=enrichment.needs,
        )
        begun = time.process_time()
        enrichment(batch)
        took["classes"] += time.process_time() - begun
    for number, batch in enumerate(whole.to_batches(max_chunksize=selection.block_alerts)):
        begun = time.process_time()
        datums = encode(batch, plan.schema)
        took["encode"] += time.process_time() - begun
        datums_of.append((number, np.arange(batch.num_rows), datums))
    sender = FragmentSender(cluster, topic)
    begun = time.process_time()
    for number, rows, datums in datums_of:
        partitions = partitions_of(number, rows, NUM_PARTITIONS)
        sender.send(encode_keys(number, rows), datums.to_pylist(), partitions.tolist())
    sender.finish()
    took["produce"] += time.process_time() - begun
    cluster.delete_job_topics(topic)
    return {name: 1e6 * seconds / num_alerts for name, seconds in took.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", default=list(EXPERIMENTS))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "alert-transfer-benchmark"))
    options = parser.parse_args()
    console = Console(stderr=True)
    table = Table(
        "experiment", "sent", "job s", "read/s", "CPU µs", "bare µs", "ratio", "first alert s", "worker MB", "parts"
    )
    for name in options.experiments:
        experiment = EXPERIMENTS[name]
        num_alerts = max(A_NIGHT, int(experiment.num_alerts * options.scale) // A_NIGHT * A_NIGHT)
        root, nights = write_archive(Path(options.data), experiment, num_alerts)
        console.print(f"{name}: {num_alerts:,} alerts of {root}")
        how = {"archive": root, "nights": nights, "where": experiment.where, "content": experiment.content}
        settings = engine.Settings()
        rows, parts = [], []
        with (
            engine.start_broker() as broker,
            engine.local_cluster(num_workers=experiment.num_workers) as client,
        ):
            for number in range(options.rounds + 1):
                topic = f"ftransfer_experiment_{os.getpid()}_{number}"
                request = engine.TransferRequest(**how, topic=topic)
                first = FirstAlert(topic, broker.bootstrap)
                first.start()
                cpu, begun = cpu_seconds(broker.pid), time.monotonic()
                status = engine.submit(request, client=client, kafka=broker.bootstrap, settings=settings).wait()
                elapsed_s, cpu = time.monotonic() - begun, cpu_seconds(broker.pid) - cpu
                assert status.state == "complete", status
                first.join(60)
                peak = max(client.run(peak_nbytes).values())
                KafkaCluster(bootstrap=broker.bootstrap).delete_job_topics(topic)
                if number:
                    rows.append((elapsed_s, 1e6 * cpu / num_alerts, first.at - begun, peak, status.num_alerts_sent))
                    parts.append(bare_parts(broker.bootstrap, engine.plan(request, settings=settings)))
                    console.print(f"  {elapsed_s:.2f} s, {rows[-1][1]:.2f} µs; bare {sum(parts[-1].values()):.2f} µs")
        elapsed_s, cpu, first_s = (statistics.median(row[i] for row in rows) for i in range(3))
        middle = {part: statistics.median(found[part] for found in parts) for part in parts[0]}
        bare = sum(middle.values())
        table.add_row(
            name,
            f"{rows[0][4]:,}",
            f"{elapsed_s:.1f}",
            f"{num_alerts / elapsed_s:,.0f}",
            f"{cpu:.1f}",
            f"{bare:.1f}",
            f"{cpu / bare:.2f}",
            f"{first_s:.2f}",
            f"{max(row[3] for row in rows) / 1e6:.0f}",
            ", ".join(f"{part} {value:.2f}" for part, value in middle.items() if value),
        )
    Console(width=180).print(table)


if __name__ == "__main__":
    main()
