"""One night, a magnitude condition, one worker process: alerts/s, time to the first alert, peak memory.

.venv/bin/python benchmarks/one_night.py [--content full] [--alerts 25000] [--rounds 3] [--data DIR]
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
import threading
import time
from pathlib import Path

import confluent_kafka
from rich.console import Console
from rich.table import Table

import consumer
import engine

NIGHT = dt.date(2025, 7, 31)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=25_000)
    parser.add_argument("--content", default="lightcurve")
    parser.add_argument("--where", default="candidate.magpsf > 17")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "alert-transfer-benchmark"))
    options = parser.parse_args()
    console = Console(stderr=True)
    root = Path(options.data) / f"one-night-{options.alerts}"
    if not (root / "science").exists():
        console.print(f"writing {options.alerts:,} alerts to {root}")
        engine.write_sample(root, nights=[NIGHT], alerts_per_night=options.alerts)
    table = Table(
        "round",
        "selected",
        "first alert s",
        "job s",
        "read alerts/s",
        "sent alerts/s",
        "MB/s",
        "consumed/s",
        "worker peak MB",
    )
    with engine.start_broker() as broker, engine.local_cluster(num_workers=1) as client:
        for number in range(options.rounds):
            topic = f"ftransfer_benchmark_{os.getpid()}_{number}"
            request = engine.TransferRequest(
                archive=root / "science",
                nights=NIGHT.isoformat(),
                where=options.where,
                content=options.content,
                topic=topic,
            )
            first = FirstAlert(topic, broker.bootstrap)
            first.start()
            begun = time.monotonic()
            status = engine.submit(request, client=client, kafka=broker.bootstrap).wait()
            elapsed_s = time.monotonic() - begun
            assert status.state == "complete", status
            first.join(60)
            with tempfile.TemporaryDirectory() as folder:
                consuming = time.monotonic()
                consumer.consume(topic, Path(folder) / "out", kafka=broker.bootstrap)
                consume_s = time.monotonic() - consuming
            sent = status.num_alerts_sent
            peak = max(client.run(peak_nbytes).values())
            table.add_row(
                "1 (cold)" if number == 0 else str(number + 1),
                f"{sent:,}",
                f"{first.at - begun:.1f}",
                f"{elapsed_s:.1f}",
                f"{options.alerts / elapsed_s:,.0f}",
                f"{sent / elapsed_s:,.0f}",
                f"{status.nbytes / elapsed_s / 1e6:.1f}",
                f"{sent / consume_s:,.0f}",
                f"{peak / 1e6:.0f}",
            )
    Console(width=140).print(f"{options.content}, {options.where}, one worker, {options.alerts:,} alerts", table)


if __name__ == "__main__":
    main()
