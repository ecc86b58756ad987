"""Small archives that catalogues are made of, and what is done to them."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import engine
from engine.archive import Archive, ArchiveFile, Footer
from engine.catalogue import Catalogue, open_catalogue

LABELS = ("SN candidate", "Unknown", "RRLyr", None)


def alerts(first: int, num_alerts: int, *, finkclass: bool = True, ra: float = 10.0) -> pa.Table:
    """Return alerts of ZTF with little more than an identity, a position and a class."""
    numbers = range(first, first + num_alerts)
    candidate = [{"jd": 2459540.5 + i / 1000, "magpsf": 15.0 + i % 5, "ra": ra, "dec": -20.0} for i in numbers]
    columns = {
        "objectId": [f"ZTF{i}" for i in numbers],
        "candid": pa.array(numbers, pa.int64()),
        "candidate": candidate,
        "cdsxmatch": [("Star", "Unknown")[i % 2] for i in numbers],
    }
    if finkclass:
        columns["finkclass"] = pa.array([LABELS[i % len(LABELS)] for i in numbers], pa.string())
    return pa.table(columns)


def write(root: Path, night: str, name: str, table: pa.Table, row_group_size: int = 4) -> Path:
    """Write a file of a night."""
    year, month, day = night.split("-")
    path = root / f"year={year}" / f"month={month}" / f"day={day}" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=row_group_size)
    return path


def files_of(root: Path) -> list[ArchiveFile]:
    """Return the files as they are listed now."""
    archive = Archive(str(root))
    return archive.files(archive.nights())


def opened(root: Path, **settings) -> Catalogue:
    """Return an archive's catalogue, opened anew."""
    return open_catalogue(Archive(str(root)), engine.Settings(**settings))


def indexed(root: Path, **how) -> engine.IndexReport:
    """Index an archive."""
    return engine.index_archive(str(root), settings=how.pop("settings", engine.Settings()), **how)


def told(footer: Footer) -> tuple:
    """Return all that a footer tells, to compare it with another."""
    sizes = footer.column_nbytes.tolist()
    return (
        footer.file,
        footer.schema,
        footer.row_groups,
        footer.leaves.paths,
        sizes,
        footer.null_counts,
        footer.ranges,
    )


def night(text: str) -> dt.date:
    """Return a night."""
    return dt.date.fromisoformat(text)
