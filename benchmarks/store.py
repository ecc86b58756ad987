"""What reading from an S3 server asks of it, and how long it takes beside a local disk, near and far away.

    make versitygw
    python benchmarks/store.py --files 30 --nbytes 20000000 --latency 0 50

One process reads fragments of one file each, the filter's column first and then every column, as a worker's task does
but for encoding and sending; on S3 (versitygw behind the tests' counting proxy, a process of its own, which keeps each
answer back for so many milliseconds) the next ones are opened meanwhile. Bytes are beside what the needed column chunks
and one footer a file weigh.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import s3fs

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine.archive import Archive, Fragment, cut_fragments, open_ahead
from tests.counting_proxy import counting
from tests.s3_servers import VERSITYGW, versitygw

NIGHT = dt.date(2021, 11, 22)
FOLDER = "science/year=2021/month=11/day=22"
FILTER = "f0"
NUM_FIELDS, NUM_STAMPS = 100, 3


def file_of(nbytes: int, seed: int) -> pa.Table:
    """Return alerts of 100 numbers and three stamps that do not compress, so many bytes in all."""
    chance = np.random.default_rng(seed)
    num_alerts = nbytes // (8 * NUM_FIELDS + NUM_STAMPS * 5_000)
    stamps = {f"stamp{i}": [chance.bytes(5_000) for _ in range(num_alerts)] for i in range(NUM_STAMPS)}
    return pa.table({**{f"f{i}": chance.normal(size=num_alerts) for i in range(NUM_FIELDS)}, **stamps})


def read(archive: Archive, fragments: Sequence[Fragment], columns: Sequence[str]) -> int:
    """Read fragments and return how many alerts they had."""
    num_alerts = 0
    for fragment, opened in open_ahead(archive, fragments, [FILTER, *columns]):
        with opened() as one:
            one.read_leaves([FILTER], [pa.float64()])
            num_alerts += sum(block.num_rows for block in one.read_blocks(columns, fragment.row_groups, 500))
            one.check_unchanged()
    return num_alerts


def _proxy(url: str, pipe: Connection) -> None:
    with counting(url) as proxy:
        pipe.send(proxy.url)
        while (latency := pipe.recv()) is not None:
            pipe.send((len(proxy.asked), proxy.nbytes()))
            proxy.asked.clear()
            proxy.latency = latency


@contextmanager
def far(url: str) -> Iterator[tuple[str, Connection]]:
    """Run the proxy; gives its address, and what takes a latency and tells what was asked until then."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_proxy, args=(url, there), daemon=True)
    process.start()
    yield here.recv(), here
    here.send(None)
    process.join()


def timed(archive: Archive, fragments: Sequence[Fragment], columns: Sequence[str]) -> tuple[float, float]:
    """Return wall and processor's seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    read(archive, fragments, columns)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=30)
    parser.add_argument("--nbytes", type=int, default=20_000_000, help="of a file")
    parser.add_argument("--row-groups", type=int, default=2, help="of a file")
    parser.add_argument("--latency", type=float, nargs="+", default=[0, 50], help="milliseconds")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder_:
        run(Path(folder_), args)


def run(folder: Path, args: argparse.Namespace) -> None:
    if not VERSITYGW.exists():
        sys.exit("versitygw is not built: make versitygw")
    (folder / FOLDER).mkdir(parents=True)
    (folder / "server").mkdir()
    for number in range(args.files):
        table = file_of(args.nbytes, number)
        pq.write_table(table, folder / FOLDER / f"{number}.parquet", row_group_size=-(-len(table) // args.row_groups))
    metadata = pq.read_metadata(folder / FOLDER / "0.parquet")
    with versitygw(folder / "server") as store, far(store["endpoint_url"]) as (url, pipe):
        files = s3fs.S3FileSystem(**store)
        files.mkdir("bucket")
        for path in sorted((folder / FOLDER).iterdir()):
            files.pipe(f"bucket/{FOLDER}/{path.name}", path.read_bytes())
        local = Archive(str(folder / "science"))
        remote = Archive("s3://bucket/science", {**store, "endpoint_url": url})
        for what, columns in {"2 columns": [FILTER, "f50"], "all": table.schema.names}.items():
            measure(what, columns, local, remote, pipe, metadata, args)


def measure(
    what: str,
    columns: Sequence[str],
    local: Archive,
    remote: Archive,
    pipe: Connection,
    metadata: pq.FileMetaData,
    args: argparse.Namespace,
) -> None:
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
    weigh = sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in columns)
    needed = args.files * (weigh + metadata.serialized_size)

    def fragments(archive: Archive) -> list[Fragment]:
        footers = archive.footers(archive.files([NIGHT]))
        return cut_fragments(footers, [FILTER], target_nbytes=10**12, max_alerts=10**9)

    def told(where: str, seconds: tuple[float, float], *more: Any) -> None:
        print(f"| {what} | {where} | {seconds[0]:.2f} s | {seconds[1]:.2f} s | " + " | ".join(map(str, more)) + " |")

    cut = fragments(local)
    timed(local, cut, columns)
    told("disk", timed(local, cut, columns), "", "", "")
    cut = fragments(remote)
    timed(remote, cut[:2], columns)  # the client is made
    for latency in args.latency:
        pipe.send(latency / 1000)
        pipe.recv()
        seconds = timed(remote, cut, columns)
        pipe.send(0.0)
        num_asked, nbytes = pipe.recv()
        told(
            f"S3, {latency:g} ms",
            seconds,
            f"{nbytes / 1e6:,.1f} MB",
            f"{nbytes / needed:.2f}",
            f"{num_asked / args.files:.1f}",
        )


if __name__ == "__main__":
    main()
