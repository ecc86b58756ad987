"""How time, CPU and memory grow with alerts, fragments, workers, survivors and nights; what is fixed, what each adds.

.venv/bin/python benchmarks/growth.py [alerts full fragments workers survivors nights] [--scale 0.1] [--rounds 3]
    [--json FILE] [--data DIR]

alerts      125,000 to 1,000,000 of 2021's schema, a magnitude condition, lightcurve, one worker
full        10,000 to 80,000, all of them in full packets, one worker
fragments   500 to 20,000 of one small file of 20 alerts each, two workers; then what reads the job's manifest
workers     one and two, 1,000,000 alerts, all of them, lightcurve
survivors   100, 10, 1 and 0.01 % of 500,000 alerts, lightcurve, one worker
nights      50 to 2,000 of ten files each, planned without a job

Each job has a broker that was there and a fresh, warm cluster. Scheduler, workers and submitter are processes each;
peaks are those of the largest, from submit on. Archives are links to one night's file, so they take no room. The times
under `send` begin when the coordinator runs; `seconds` begin at submit, and reading the footers is in them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

import engine
from benchmarks.figures import Figure, write_figures
from benchmarks.fitting import fitted_figures
from benchmarks.one_job import run_job
from engine.kafka import KafkaCluster

FIRST = dt.date(2021, 11, 22)
A_NIGHT = 10_000
A_NIGHT_OF_FULL = 2_000
A_TINY_FILE = 20
TINY_FILES_A_NIGHT = 100
FILES_A_NIGHT = 10
SURVIVORS = {100.0: 1.0, 10.0: 0.1, 1.0: 0.01, 0.01: 0.0001}
"""Per cent -> share."""
WHERE = "candidate.magpsf > 18.85"
FITTED = (
    "seconds",
    "send_s",
    "submit_s",
    "cpu_s",
    "cluster_cpu_s",
    "worker_cpu_s",
    "scheduler_cpu_s",
    "submitter_cpu_s",
    "worker_peak_mb",
)
FITTED_AXES = ("alerts", "full", "fragments")
SHOWN = (*FITTED, "scheduler_peak_mb", "submitter_peak_mb")
PLANNED = ("list", "read footers", "plan", "plan, footers known")

console = Console(stderr=True)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One job of an axis."""

    at: float
    """Where on the axis."""
    archive: Path
    nights: int
    where: str | None = WHERE
    content: str = "lightcurve"
    num_workers: int = 1
    is_read: bool = False
    """Whether what reads its manifest is measured as well."""


def night(number: int) -> dt.date:
    """Return a night."""
    return FIRST + dt.timedelta(days=number)


def linked(root: Path, num_alerts: int, num_nights: int, files_a_night: int = 1) -> Path:
    """Write one night's alerts, and link its file under as many nights as are wanted; return the archive's root."""
    if not root.exists():
        engine.write_sample(root, nights=[FIRST], alerts_per_night=num_alerts, profile="2021")
    archive = root / "science"
    source = min((archive / folder_of(0)).iterdir())
    for number in range(num_nights):
        folder = archive / folder_of(number)
        folder.mkdir(parents=True, exist_ok=True)
        for part in range(1, files_a_night):
            _link(source, folder / f"part-{part:05}.parquet")
        if number:
            _link(source, folder / source.name)
    return archive


def folder_of(number: int) -> str:
    """Return the folder of a night."""
    return f"year={night(number):%Y}/month={night(number):%m}/day={night(number):%d}"


def _link(source: Path, path: Path) -> None:
    if not path.exists():
        os.link(source, path)


def of_alerts(data: Path, scale: float) -> Iterator[Point]:
    """Yield jobs of more and more alerts."""
    nights = [max(part, round(part * 12.5 * scale)) for part in (1, 2, 4, 8)]
    archive = linked(data / "growth-alerts", A_NIGHT, max(nights))
    yield from (Point(at=count * A_NIGHT, archive=archive, nights=count) for count in nights)


def of_full(data: Path, scale: float) -> Iterator[Point]:
    """Yield jobs of more and more alerts with all that they have."""
    nights = [max(part, round(part * 5 * scale)) for part in (1, 2, 4, 8)]
    archive = linked(data / "growth-full", A_NIGHT_OF_FULL, max(nights))
    for count in nights:
        yield Point(at=count * A_NIGHT_OF_FULL, archive=archive, nights=count, where=None, content="full")


def of_fragments(data: Path, scale: float) -> Iterator[Point]:
    """Yield jobs of more and more tiny files."""
    nights = [max(part, round(part * 5 * scale)) for part in (1, 4, 16, 40)]
    archive = linked(data / "growth-fragments", A_TINY_FILE, max(nights), TINY_FILES_A_NIGHT)
    for count in nights:
        at = count * TINY_FILES_A_NIGHT
        yield Point(at=at, archive=archive, nights=count, num_workers=2, is_read=True)


def of_workers(data: Path, scale: float) -> Iterator[Point]:
    """Yield the same job on one worker and on two."""
    nights = max(2, round(100 * scale))
    archive = linked(data / "growth-alerts", A_NIGHT, nights)
    yield from (Point(at=n, archive=archive, nights=nights, where=None, num_workers=n) for n in (1, 2))


def of_survivors(data: Path, scale: float) -> Iterator[Point]:
    """Yield jobs that keep ever less."""
    nights = max(2, round(50 * scale))
    archive = linked(data / "growth-alerts", A_NIGHT, nights)
    file = min((archive / folder_of(0)).iterdir())
    column = pq.ParquetFile(file).read(["candidate.magpsf"])["candidate"].combine_chunks()
    magnitudes = np.sort(column.field("magpsf"))
    for per_cent, share in SURVIVORS.items():
        kept = round(share * len(magnitudes))
        where = None if kept == len(magnitudes) else f"candidate.magpsf > {float(magnitudes[-kept - 1])!r}"
        yield Point(at=per_cent, archive=archive, nights=nights, where=where)


AXES: Mapping[str, Callable[[Path, float], Iterator[Point]]] = {
    "alerts": of_alerts,
    "full": of_full,
    "fragments": of_fragments,
    "workers": of_workers,
    "survivors": of_survivors,
}


@dataclass
class Runs:
    """What was measured so far: quantities of each case, in each run."""

    path: Path | None
    """Where they are written after each."""
    found: dict[tuple[str, str, str], list[float]] = field(default_factory=dict)

    def add(self, axis: str, at: float, what: str, quantities: Mapping[str, float]) -> None:
        """Take in a run."""
        for quantity, value in quantities.items():
            self.found.setdefault((f"{axis} {at:g}" if at < 1e5 else f"{axis} {at:.0f}", what, quantity), []).append(
                value
            )

        if self.path:
            write_figures(self.path, self.figures)

    @property
    def figures(self) -> list[Figure]:
        """All figures, and what is fitted through them."""
        measured = [
            Figure(section="growth", case=case, what=what, quantity=quantity, runs=values)
            for (case, what, quantity), values in self.found.items()
        ]
        return measured + fitted_figures(measured, FITTED_AXES, FITTED)


def measure_jobs(axis: str, points: Iterator[Point], runs: Runs, kafka: str, rounds: int) -> None:
    """Run the jobs of an axis, each as often as there are rounds."""
    for point in points:
        for number in range(rounds):
            topic = f"ftransfer_growth_{os.getpid()}_{axis}_{point.at:g}_{number}".replace("+", "")
            request = {
                "archive": str(point.archive),
                "nights": f"{FIRST}:{night(point.nights - 1)}",
                "where": point.where,
                "content": point.content,
                "topic": topic,
            }
            found = run_job(kafka, request, num_workers=point.num_workers, warm_nights=str(FIRST))
            runs.add(axis, point.at, "alert-transfer", with_rates(found))
            console.print(f"{axis} {point.at:g}: " + ", ".join(f"{key} {value:,.4g}" for key, value in found.items()))
            if point.is_read:
                for what, taken in read_manifest(topic, kafka).items():
                    runs.add(axis, point.at, what, taken)
                    console.print(f"  {what}: " + ", ".join(f"{key} {value:,.4g}" for key, value in taken.items()))
            KafkaCluster(bootstrap=kafka).delete_job_topics(topic)


def with_rates(found: Mapping[str, float]) -> dict[str, float]:
    """Return what was measured, and what follows from it for one alert, and one fragment."""
    return {
        **found,
        "alerts_per_s": found["num_alerts"] / found["seconds"],
        "cpu_us": 1e6 * found["cpu_s"] / found["num_alerts"],
        "cpu_ms_a_fragment": 1e3 * found["cluster_cpu_s"] / found["num_fragments"],
    }


def read_manifest(topic: str, kafka: str) -> dict[str, dict[str, float]]:
    """Return what commands take that read a job's manifest."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "status": ["status", topic],
            "jobs": ["jobs"],
            "consume": ["consume", topic, "--outdir", f"{folder}/alerts"],
            "verify": ["verify", f"{folder}/alerts"],
        }
        return {what: _taken([*words, "--json"], kafka) for what, words in commands.items()}


def _taken(words: list[str], kafka: str) -> dict[str, float]:
    # Of the one child that a process of its own waits for, the system knows how much memory it took.
    code = (
        "import json, resource, subprocess, sys, time; begun = time.monotonic(); "
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True); "
        "seconds = time.monotonic() - begun; used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(json.dumps({'seconds': seconds, 'cpu_s': used.ru_utime + used.ru_stime, "
        "'peak_mb': used.ru_maxrss * 1024 / 1e6}))"
    )
    command = Path(sys.executable).with_name("alert-transfer")
    environment = {**os.environ, "ALERT_TRANSFER_KAFKA": kafka}
    done = subprocess.run(
        [sys.executable, "-c", code, command, *words], env=environment, stdout=subprocess.PIPE, check=True
    )
    taken: dict[str, float] = json.loads(done.stdout)
    return taken


def measure_nights(runs: Runs, data: Path, scale: float, rounds: int) -> None:
    """Plan more and more nights, each in a process of its own."""
    script = Path(__file__).with_name("planning.py")
    for nights in sorted({max(2, round(part * scale)) for part in (50, 200, 800, 2000)}):
        for what in PLANNED:
            for _ in range(rounds):
                words: list[Any] = ["--only", what, "--data", data, "--nights", nights, "--files", FILES_A_NIGHT]
                done = subprocess.run([sys.executable, script, *map(str, words)], check=True, stdout=subprocess.PIPE)
                found = json.loads(done.stdout)
                taken = {"seconds": found["seconds"], "cpu_s": found["cpu_seconds"], "peak_mb": found["peak_mb"]}
                runs.add("nights", nights, what, taken)
                console.print(f"nights {nights}: {what}: {found['of']}, {taken}")


def tables(figures: list[Figure]) -> Iterator[Table]:
    """Yield a table of jobs for each axis, and one of all else."""
    at = {(figure.case, figure.what, figure.quantity): figure.median for figure in figures}
    for axis in AXES:
        cases = list(dict.fromkeys(case for case, what, _ in at if case.rpartition(" ")[0] == axis))
        if cases:
            table = Table("case", *SHOWN, title=axis)
            for case in cases:
                table.add_row(case, *(f"{at[case, 'alert-transfer', quantity]:,.3g}" for quantity in SHOWN))
            for part in ("fixed", "each"):
                row = [at.get((axis, "fitted", f"{part}_{quantity}")) for quantity in SHOWN]
                table.add_row(part, *("" if value is None else f"{value:.3g}" for value in row))
            yield table
    others = Table("case", "what", "seconds", "CPU s", "peak MB")
    for case, what in dict.fromkeys((case, what) for case, what, quantity in at if quantity == "peak_mb"):
        others.add_row(
            case, what, *(f"{at[case, what, quantity]:,.3g}" for quantity in ("seconds", "cpu_s", "peak_mb"))
        )
    if others.rows:
        yield others


def main() -> None:
    """Measure the axes that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("axes", nargs="*", default=[*AXES, "nights"], help="default: all")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of alerts, fragments and nights")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "alert-transfer-benchmark")
    options = parser.parse_args()
    if unknown := set(options.axes) - {*AXES, "nights"}:
        parser.error(f"no axes: {', '.join(sorted(unknown))}; there are {', '.join([*AXES, 'nights'])}")
    options.data.mkdir(parents=True, exist_ok=True)
    runs = Runs(options.json)
    with engine.start_broker() as broker:
        for axis in (axis for axis in AXES if axis in options.axes):
            measure_jobs(axis, AXES[axis](options.data, options.scale), runs, broker.bootstrap, options.rounds)
    if "nights" in options.axes:
        measure_nights(runs, options.data, options.scale, options.rounds)
    for table in tables(runs.figures):
        Console(width=200).print(table)


if __name__ == "__main__":
    main()
