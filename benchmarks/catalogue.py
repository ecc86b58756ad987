"""What a catalogue costs and saves on a large archive: each figure in a fresh process.

    python benchmarks/catalogue.py --nights 2000 --files 20

The archive is made of links to a few small files of a sample archive, as that of `planning.py`. By default all files
are indexed by `index_archive`; `--spread` indexes two nights and spreads their rows over the others, which takes
minutes less and gives as large a catalogue.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
from planning import FIRST, make_archive

import engine
from benchmarks.processes import peak_mb
from engine.archive import Archive
from engine.catalogue import open_catalogue
from engine.surveys import survey_named

WHATS = (
    "index",
    "index again",
    "info of a young catalogue",
    "info, listed",
    "class counts of a year, young",
    "class counts, all nights listed before",
    "fields of 60 nights",
    "plan of all nights",
)
YEAR = "2021-01:2021-12"


def measured(what: str, data: Path, num_nights: int) -> dict[str, Any]:
    """Do one thing in this process; return what it took."""
    archive = Archive(str(data / "science"))
    settings = engine.Settings()
    listed = archive.listing(archive.nights()).files if what.startswith("class counts, all") else ()
    catalogue = open_catalogue(archive, settings)
    cpu, wall = time.process_time(), time.perf_counter()
    of = _done(what, archive.url, settings, catalogue, listed, num_nights)
    return {
        "what": what,
        "of": of,
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mb": round(peak_mb()),
    }


def _done(what: str, url: str, settings: engine.Settings, catalogue: Any, listed: Any, num_nights: int) -> str:
    if what.startswith("index"):
        report = engine.index_archive(url, settings=settings)
        return f"{report.num_read:,} of {report.num_files:,} files read"
    if what == "class counts, all nights listed before":
        nights = sorted({file.night for file in listed})
        counts = catalogue.class_counts(survey_named("ztf"), nights, files=listed)
        return f"{len(counts):,} nights"
    if what == "fields of 60 nights":
        return f"{len(engine.fields(url, settings=settings).fields):,} fields"
    if what == "plan of all nights":
        last = FIRST.fromordinal(FIRST.toordinal() + num_nights - 1)
        request = engine.TransferRequest(archive=url, nights=f"{FIRST}:{last}", where="candidate.magpsf > 17")
        return f"{len(engine.plan(request, settings=settings).fragments):,} fragments"
    young = {"info of a young catalogue": None, "class counts of a year, young": YEAR}
    max_age_s = 86_400.0 if what in young else None
    info = engine.archive_info(url, nights=young.get(what), settings=settings, max_age_s=max_age_s)
    return f"{len(info.nights):,} nights, {info.num_files:,} files, {info.num_alerts:,} alerts"


def spread(data: Path) -> str:
    """Index a night of each schema, and take its rows for all other files."""
    archive, settings = Archive(str(data / "science")), engine.Settings()
    nights = archive.nights()
    some = [nights[0], nights[-1]]
    report = engine.index_archive(archive.url, nights=[f"{night}" for night in some], settings=settings)
    catalogue = open_catalogue(archive, settings)
    held = catalogue.beside
    assert held is not None
    rows = [row for night in some for row in held.month(f"{night:%Y-%m}").to_pylist()]
    by_size = {row["size"]: row for row in rows}
    months: dict[str, list[dict[str, Any]]] = {}
    for file in archive.listing(nights).files:
        row = by_size.get(file.nbytes, rows[0]) | {"size": file.nbytes, "etag": file.etag, "night": file.night}
        months.setdefault(f"{file.night:%Y-%m}", []).append(row | {"path": catalogue.relative(file.path)})
    schema = held.month(f"{some[0]:%Y-%m}").schema
    tables = ((month, pa.Table.from_pylist(found, schema=schema)) for month, found in months.items())
    held.write(tables, lambda contents: type(contents)(**{**vars(contents), "indexed_at": time.time()}))
    return f"{report.num_read:,} files read, {sum(map(len, months.values())):,} rows written"


def main() -> None:
    """Make the archive, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=2000)
    parser.add_argument("--files", type=int, default=20, help="in each night")
    parser.add_argument("--data", type=Path, help="folder for the archive; one of its own, if none is given")
    parser.add_argument("--spread", action="store_true", help="index a few files, and spread their rows")
    parser.add_argument("--only", choices=WHATS, help="one measurement, in this process")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = (options.data or Path(temporary)) / f"catalogue-{options.nights}-{options.files}"
        if not data.exists():
            make_archive(data, options.nights, options.files)
        if options.only:
            print(json.dumps(measured(options.only, data, options.nights)))
            return
        if options.spread:
            print(spread(data))
        print("| what | of | seconds | CPU seconds | peak memory |\n|---|---|---|---|---|")
        for what in WHATS[1 if options.spread else 0 :]:
            command = [sys.executable, __file__, "--only", what, "--data", str(data.parent)]
            command += ["--nights", str(options.nights), "--files", str(options.files)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            print("| {what} | {of} | {seconds} | {cpu_seconds} | {peak_mb} MB |".format(**found), flush=True)


if __name__ == "__main__":
    main()
