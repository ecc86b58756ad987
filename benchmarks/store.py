"""What reading from an S3 server asks of it, and how long it takes beside a local disk, near and far away.

    make versitygw
    .venv/bin/python benchmarks/store.py [counts] [reach] [--latency 0 50] [--rounds 3] [--json FILE]

Fragments are read by the function that a worker's task runs, in tasks of about a second as jobs have them: the filter's
columns, then the content of what is selected, the next fragments opened and fetched meanwhile. Nothing is encoded or
sent. Servers and the tests' counting proxy, which keeps each answer back for so many milliseconds, are processes of
their own; they take processor's time of the same cores, which the last column tells.

counts  requests, and bytes beside what the needed column chunks and one footer a file weigh: 8 files of 20 MB, from
        versitygw and from moto; a condition that nothing fulfils, light curves with a condition, full alerts
reach   30 files of 100 MB, full alerts, in one row group each: from a disk and from versitygw, beside what is asked
        for, 1.5 times the disk's time and what the bytes take at 1 GB/s; and the same bytes fetched by the barest
        client and thrown away. Takes 6 GB of --data
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import s3fs
from rich.console import Console
from rich.table import Table

import engine
from benchmarks.figures import Figure
from benchmarks.measuring import OURS, add_options, by_turns, console, figures_of, keep
from benchmarks.store_bare import fetch_bare
from benchmarks.store_servers import SERVERS, Far, cpu_of_others, far, is_built, server
from consumer.wire import FragmentDone
from engine.archive import Fragment
from engine.pipeline import NarrowReader
from engine.sinks import FragmentFigures, FragmentWriter
from engine.transfer.manifest_plan import TransferTask
from engine.transfer.worker import send_fragments

_NIGHT = "2025-07-31"
_FOLDER = "science/year=2025/month=07/day=31"
_ALERT_NBYTES = 44_000
"""About, on disk."""
_TASK_S = 1.0
BARE = ", fetched alone"
_GOAL, _GOAL_NBYTES_A_S = 1.5, 1e9
CASES = {
    "a condition that nothing fulfils": {"where": "candidate.magpsf > 99", "content": "full"},
    "light curves with a condition": {"where": "candidate.magpsf > 18.85", "content": "lightcurve"},
    "full": {"content": "full"},
}


class _Writer:
    """Counts alerts, and forgets them."""

    def __init__(self, figures: FragmentFigures):
        self._figures = figures
        self._num_alerts = 0

    def write(self, rows: np.ndarray, block: pa.RecordBatch, encoded: pa.Array) -> None:
        self._num_alerts += block.num_rows

    def send(self, beside: _Writer | None = None) -> None:
        """There is nothing to send."""

    def send_on(self) -> None:
        """There is nothing to send."""

    def abandon(self) -> None:
        """There is nothing to drop."""

    def finish(self) -> FragmentDone:
        return self._figures.done(nbytes=0, partitions={0: self._num_alerts})


class _Nowhere:
    """A sink of which a worker's task opens writers."""

    def open(self, fragment: Fragment, figures: FragmentFigures, *_: Any) -> FragmentWriter:
        return _Writer(figures)

    def encode(self, block: pa.RecordBatch) -> pa.Array:
        """Return something an alert: what they would be sent as is not looked at."""
        return pa.nulls(block.num_rows)


@dataclass(frozen=True, kw_only=True)
class Read:
    """What one reading took."""

    seconds: float
    cpu_s: float
    others_cpu_s: float
    """Of the server and its proxy."""
    num_requests: int = 0
    nbytes: int = 0

    def __str__(self) -> str:
        asked = f", {self.num_requests} requests, {self.nbytes / 1e6:,.1f} MB" if self.num_requests else ""
        return f"{self.seconds:.2f} s, {self.cpu_s:.2f} CPU seconds and {self.others_cpu_s:.2f} of others{asked}"


def read(plan: engine.TransferPlan, task_fragments: int) -> None:
    """Read the fragments of a plan as a worker does, so many a task."""
    task = TransferTask(
        job_id="benchmark",
        sink=_Nowhere(),  # type: ignore[arg-type]  # of which nothing else is asked
        selection=plan.selection,
        limit=None,
        skip_unreadable=False,
        labels=frozenset(),
    )
    for start in range(0, len(plan.fragments), task_fragments):
        fragments = plan.fragments[start : start + task_fragments]
        nothing = [None] * len(fragments)
        for outcome in send_fragments(task, fragments, nothing, nothing, with_identifiers=True):
            if outcome.failure:
                raise outcome.failure


def timed(work: Callable[[], object], proxy: Far | None = None, latency_ms: float = 0) -> Read:
    """Return what some reading takes; through a proxy what it asks, too."""
    if proxy:
        proxy.be(latency_ms / 1000)
    others, cpu, wall = cpu_of_others(), time.process_time(), time.perf_counter()
    work()
    seconds, cpu_s, others_s = time.perf_counter() - wall, time.process_time() - cpu, cpu_of_others() - others
    num_requests, nbytes = proxy.be(0) if proxy else (0, 0)
    return Read(seconds=seconds, cpu_s=cpu_s, others_cpu_s=others_s, num_requests=num_requests, nbytes=nbytes)


@contextmanager
def archive(data: Path | None, num_files: int, nbytes: int, row_groups: int) -> Iterator[Path]:
    """Give a folder with the archive of one file that is there so many times, as links."""
    with tempfile.TemporaryDirectory(dir=data) as folder_:
        folder = Path(folder_)
        made = engine.write_sample(
            folder / "made", nights=_NIGHT, alerts_per_night=max(1, nbytes // _ALERT_NBYTES), profile="2025"
        )
        table = pa.concat_tables(
            pq.read_table(file, partitioning=None) for file in Path(made.archive).rglob("*.parquet")
        )
        (folder / _FOLDER).mkdir(parents=True)
        first = folder / _FOLDER / "part-00000.parquet"
        # A sample's stamps are drawn from few, which real ones are not: no dictionary may save them.
        leaves = pq.read_metadata(next(Path(made.archive).rglob("*.parquet"))).schema
        paths = [path for place in range(len(leaves)) if "cutout" not in (path := leaves.column(place).path)]
        pq.write_table(table, first, row_group_size=-(-table.num_rows // row_groups), use_dictionary=paths)
        for number in range(1, num_files):
            os.link(first, first.with_name(f"part-{number:05}.parquet"))
        console.print(f"{num_files} files of {first.stat().st_size / 1e6:.1f} MB, {table.num_rows} alerts each")
        yield folder


@contextmanager
def served(folder: Path, name: str) -> Iterator[Far]:
    """Run a server with the archive in it, and the proxy before it."""
    with ExitStack() as stack:
        options = stack.enter_context(server(name, folder / name))
        files = s3fs.S3FileSystem(**options)
        files.mkdir("bucket")
        for path in sorted((folder / _FOLDER).iterdir()):
            files.pipe(f"bucket/{_FOLDER}/{path.name}", path.read_bytes())
        yield stack.enter_context(far(options))


def planned(case: Mapping[str, Any], folder: Path, proxy: Far | None = None) -> engine.TransferPlan:
    """Return the plan of a case on the disk, or through a proxy."""
    root = str(folder / "science") if proxy is None else "s3://bucket/science"
    settings = engine.Settings() if proxy is None else engine.Settings(storage_options=dict(proxy.options))
    plan = engine.plan(engine.TransferRequest(archive=root, nights=_NIGHT, **case), settings=settings)
    assert len(plan.fragments) == len(plan.files), "a file is to be one fragment"
    return plan


def needed_nbytes(plan: engine.TransferPlan, folder: Path) -> int:
    """Return what the column chunks that a plan's fragments need and one footer a file weigh."""
    selection = plan.selection
    if selection.predicate.sql is None:
        columns = {*selection.projection.columns()}
    else:
        columns = {*NarrowReader(selection=selection).leaves(plan.fragments, with_identifiers=True)}
        if "99" not in selection.predicate.sql:
            columns |= {*selection.projection.columns()}
    metadata = pq.read_metadata(next((folder / _FOLDER).iterdir()))
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    wanted = (chunk for chunk in chunks if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in columns))
    return len(plan.files) * (sum(chunk.total_compressed_size for chunk in wanted) + metadata.serialized_size)


def task_of(plan: engine.TransferPlan) -> int:
    """Return how many fragments a task of a second has, where each takes as long as it does on the disk."""
    read(plan, len(plan.fragments))
    seconds = timed(lambda: read(plan, len(plan.fragments))).seconds / len(plan.fragments)
    return max(1, min(len(plan.fragments), int(_TASK_S / seconds)))


def figures(case: str, reads: Sequence[Read], needed: int | None = None) -> list[Figure]:
    """Return the figures of one case."""
    runs = {"seconds": [one.seconds for one in reads], "cpu_s": [one.cpu_s for one in reads]}
    if needed is not None:
        runs["bytes_read"] = [one.nbytes for one in reads]
        runs["requests"] = [one.num_requests for one in reads]
        runs["ratio"] = [one.nbytes / needed for one in reads]
    others = figures_of("store", case, "server and proxy", cpu_s=[one.others_cpu_s for one in reads])
    return figures_of("store", case, OURS, **runs) + (others if needed is not None else [])


def measure(
    title: str,
    case: Mapping[str, Any],
    folder: Path,
    proxy: Far,
    options: argparse.Namespace,
    table: Table,
    *,
    with_bare: bool = False,
) -> tuple[list[Figure], dict[str, list[Read]]]:
    """Return the figures of one case on the disk and through a proxy, and what was read; adds lines to a table."""
    local, remote = planned(case, folder), planned(case, folder, proxy)
    needed, num_files = needed_nbytes(local, folder), len(local.files)
    size = options.task or task_of(local)
    read(remote, size)  # the client is made
    console.print(f"{title}: {size} fragments a task")
    runs = {"disk": partial(timed, partial(read, local, size))}
    for latency in options.latency:
        runs[f"S3, {latency:g} ms"] = partial(timed, partial(read, remote, size), proxy, latency)
        if with_bare:
            objects = [(file.path, file.nbytes) for file in remote.files]
            fetch = partial(fetch_bare, proxy.options, objects)
            runs[f"S3, {latency:g} ms{BARE}"] = partial(timed, fetch, proxy, latency)
    found = by_turns(runs, options.rounds)
    made = []
    for where, reads in found.items():
        if where.endswith(BARE):
            seconds_, cpu_ = [one.seconds for one in reads], [one.cpu_s for one in reads]
            case_ = f"{title}, {where.removesuffix(BARE)}"
            made += figures_of("store", case_, "fetched alone", seconds=seconds_, cpu_s=cpu_)
        else:
            made += figures(f"{title}, {where}", reads, needed if where != "disk" else None)
        seconds, cpu_s, others_s, num_requests, nbytes = (
            statistics.median(values) for values in zip(*(vars(one).values() for one in reads), strict=True)
        )
        asked = (
            ["", "", ""]
            if where == "disk"
            else [f"{nbytes / 1e6:,.1f}", f"{nbytes / needed:.2f}", f"{num_requests / num_files:.1f}"]
        )
        table.add_row(title, where, f"{seconds:.2f}", f"{cpu_s:.2f}", *asked, f"{others_s:.2f}")
    return made, found


def counts(options: argparse.Namespace, table: Table) -> Iterator[Figure]:
    """Yield figures of what is asked of the servers."""
    with archive(options.data, options.files or 8, options.nbytes or 20_000_000, 2) as folder:
        for name in options.server or [name for name in SERVERS if is_built(name)]:
            with served(folder, name) as proxy:
                for title, case in CASES.items():
                    made, _ = measure(f"{name}, {title}", case, folder, proxy, options, table)
                    yield from made


def reach(options: argparse.Namespace, table: Table) -> Iterator[Figure]:
    """Yield figures of large fragments, and what is asked for."""
    num_files, nbytes = options.files or 30, options.nbytes or 100_000_000
    with archive(options.data, num_files, nbytes, 1) as folder, served(folder, "versitygw") as proxy:
        title = f"{num_files} fragments of {nbytes / 1e6:.0f} MB"
        made, found = measure(title, CASES["full"], folder, proxy, options, table, with_bare=True)
        yield from made
        local_s = statistics.median(one.seconds for one in found.pop("disk"))
        all_nbytes = sum(path.stat().st_size for path in (folder / _FOLDER).iterdir())
        limit_s = _GOAL * local_s + all_nbytes / _GOAL_NBYTES_A_S
        table.add_row(title, "asked for: at most", f"{limit_s:.2f}")
        for where, reads in found.items():
            if where.endswith(BARE):
                continue
            ratios = [one.seconds / limit_s for one in reads]
            yield from figures_of("store", f"{title}, {where}", "asked for", seconds=[limit_s], ratio=ratios)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="what", help="counts, reach; by default both")
    parser.add_argument("--files", type=int)
    parser.add_argument("--nbytes", type=int, help="of a file")
    parser.add_argument("--latency", type=float, nargs="+", default=[0, 50], help="milliseconds")
    parser.add_argument("--server", action="append", choices=SERVERS, help="of counts; by default all at hand")
    parser.add_argument("--task", type=int, help="fragments a task; by default what takes a second on the disk")
    parser.add_argument("--data", type=Path, help="a folder for the files, which are removed in the end")
    add_options(parser)
    options = parser.parse_args()
    if wrong := set(options.what) - {"counts", "reach"}:
        parser.error(f"{', '.join(wrong)}: counts or reach")
    if not is_built("versitygw"):
        sys.exit("versitygw is not built: make versitygw")
    table = Table(
        "what", "where", "seconds", "CPU s", "MB", "of needed", "requests a file", "CPU s of server and proxy"
    )
    found: list[Figure] = []
    for name, work in {"counts": counts, "reach": reach}.items():
        if not options.what or name in options.what:
            found += work(options, table)
            keep(options, found)
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
