"""How long a large archive takes to plan, and how much memory: each figure in a fresh process.

    python benchmarks/planning.py --nights 2000 --files 10

The archive is made of links to a few small files of a sample archive, of two years' schemas and of variants of them, so
that it takes no room. With a source of footers, that process has them from a file, as a catalogue would.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import itertools
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import engine
from benchmarks.processes import peak_mb
from consumer.settings import Settings
from consumer.wire import Manifest, encode_record
from engine.archive import Archive, ArchiveFile, Footer
from engine.planning import make_plan
from engine.request import TransferRequest
from engine.transfer.manifest_plan import fragments_of, plan_records

FIRST = dt.date(2019, 11, 1)
TOPIC = "ftransfer_ztf_2026-11-26_benchmark"
WHATS = ("list", "read footers", "plan", "plan, footers known", "plan and write records", "read the plan back")
WHERE = "candidate.magpsf > 17 AND size(prv_candidates) > 2"


class Kept:
    """Footers that were read before, as a catalogue has them; learns nothing."""

    with_nulls = False
    ranges_of = ()

    def __init__(self, path: Path):
        self._path = path

    def known(
        self, files: Sequence[ArchiveFile], *, with_nulls: bool, ranges_of: Sequence[str]
    ) -> Mapping[str, Footer]:
        """Return all that are kept."""
        with open(self._path, "rb") as file:
            return {footer.file.path: footer for some in _unpickled(file) for footer in some}

    def learned(self, footers: Sequence[Footer]) -> None:
        """Raise: all should be known."""
        raise AssertionError(f"{len(footers)} footers were read")


def _unpickled(file: io.BufferedReader) -> Iterator[Sequence[Footer]]:
    while file.peek(1):
        yield pickle.load(file)


def make_archive(root: Path, num_nights: int, files_a_night: int) -> None:
    """Write an archive of links; every hundredth file has a schema that varies."""
    kinds = {2021: _kinds(root, "2021"), 2025: _kinds(root, "2025")}
    numbers = itertools.count()
    for day in range(num_nights):
        night = FIRST + dt.timedelta(day)
        plain, *variants = kinds[2021 if night.year < 2023 else 2025]
        folder = root / f"science/year={night.year}/month={night.month:02}/day={night.day:02}"
        folder.mkdir(parents=True)
        for part in range(files_a_night):
            number = next(numbers)
            path = variants[number // 100 % len(variants)] if number % 100 == 99 else plain
            os.link(path, folder / f"part-{part:05}-{number:032x}.c000.snappy.parquet")


def _kinds(root: Path, profile: str) -> list[Path]:
    """Return a file of a year's schema, one without a column, one with a column more, one with another type."""
    made = engine.write_sample(root / profile, nights="2021-11-22", alerts_per_night=60, profile=profile)
    (path,) = Path(made.archive).rglob("*.parquet")
    table = pq.read_table(path, partitioning=None)
    at = table.schema.get_field_index("schemavsn")
    variants = [
        table.drop_columns(["schemavsn"]),
        table.append_column("more", pa.array(["x"] * len(table))),
        table.set_column(at, "schemavsn", table["schemavsn"].cast(pa.large_string())),
    ]
    paths = [path]
    for number, variant in enumerate(variants):
        paths.append(root / profile / f"variant-{number}.parquet")
        pq.write_table(variant, paths[-1])
    return paths


def measured(what: str, data: Path, num_nights: int) -> dict[str, Any]:
    """Do one thing in this process; return what it took."""
    archive, nights = Archive(str(data / "science")), [FIRST + dt.timedelta(day) for day in range(num_nights)]
    cpu, wall = time.process_time(), time.perf_counter()
    of = _done(what, archive, nights, data)
    return {
        "what": what,
        "of": of,
        "seconds": round(time.perf_counter() - wall, 3),
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_mb": round(peak_mb()),
    }


def _done(what: str, archive: Archive, nights: list[dt.date], kept: Path) -> str:
    if what == "list":
        return f"{len(archive.listing(nights).files):,} files"
    if what == "read footers":
        footers = archive.footers(archive.files(nights), ranges_of=("candidate.jd",))
        with open(kept / "footers", "wb") as file:
            for start in range(0, len(footers), 1000):
                pickle.dump(footers[start : start + 1000], file)
        return f"{len(footers):,} footers"
    if what == "read the plan back":
        manifest = Manifest(topic=TOPIC)
        with open(kept / "records", "rb") as records:
            for line in records:
                manifest.take(line)
        return f"{len(fragments_of(manifest)):,} fragments"
    request = TransferRequest(archive=archive.url, nights=f"{nights[0]}:{nights[-1]}", where=WHERE)
    plan = make_plan(request, Settings(), source=Kept(kept / "footers") if what == "plan, footers known" else None)
    if what == "plan and write records":
        with open(kept / "records", "wb") as records:
            # As they are submitted: all at once.
            made = list(plan_records(plan, topic=TOPIC, job_id="j", num_partitions=8, created_at=1.0))
            records.writelines(value + b"\n" for _, value in [encode_record(record) for record in made])
    return f"{len(plan.fragments):,} fragments, {len(plan.notes)} notes"


def main() -> None:
    """Make the archive, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=2000)
    parser.add_argument("--files", type=int, default=10, help="in each night")
    parser.add_argument("--data", type=Path, help="folder for the archive; one of its own, if none is given")
    parser.add_argument("--only", choices=WHATS, help="one measurement, in this process")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = (options.data or Path(temporary)) / f"planning-{options.nights}-{options.files}"
        if not data.exists():
            make_archive(data, options.nights, options.files)
        if options.only:
            print(json.dumps(measured(options.only, data, options.nights)))
            return
        print("| what | of | seconds | CPU seconds | peak memory |\n|---|---|---|---|---|")
        for what in WHATS:
            command = [sys.executable, __file__, "--only", what, "--data", data.parent]
            command += ["--nights", str(options.nights), "--files", str(options.files)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            print("| {what} | {of} | {seconds:.1f} | {cpu_seconds:.1f} | {peak_mb} MB |".format(**found), flush=True)


if __name__ == "__main__":
    main()
