"""What must hold after a round: every alert on disk once, no process and no file left behind.

The alerts are counted by pyarrow alone; neither the engine's filter nor the consumer's bookkeeping is asked.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.compute as pc
import pyarrow.parquet as pq

__all__ = ["Balance", "balance", "candids_of_archive", "candids_of_folder", "mark_processes", "orphans", "strays"]

MAGNITUDE = 17.0
"""The jobs of the rounds ask for `candidate.magpsf > 17`."""
_MARK = "ALERT_TRANSFER_TORTURE"
_BESIDE = {
    "lock",
    "job.json",
    "journal.jsonl",
    "manifest.jsonl",
    "receipt.json",
    "receipt.txt",
    "request.yaml",
    "staging",
}


@dataclass(frozen=True, kw_only=True)
class Balance:
    """How the alerts on disk compare with those that were asked for."""

    num_expected: int
    num_lost: int
    num_doubled: int
    """Copies too many, and alerts that nobody asked for."""


def candids_of_archive(root: Path, magnitude: float = MAGNITUDE) -> Counter[int]:
    """Return how often each candid of the archive that is fainter than a magnitude is in it."""
    found: Counter[int] = Counter()
    for path in sorted(root.rglob("*.parquet")):
        table = pq.ParquetFile(path).read(columns=["candid", "candidate.magpsf"])
        chosen = table.filter(pc.greater(pc.struct_field(table["candidate"], "magpsf"), magnitude))
        found.update(chosen["candid"].to_pylist())
    return found


def candids_of_folder(outdir: Path) -> Counter[int]:
    """Return how often each candid is in a consumer's folder."""
    found: Counter[int] = Counter()
    for path in sorted(outdir.rglob("*.parquet")):
        found.update(pq.ParquetFile(path).read(columns=["candid"])["candid"].to_pylist())
    return found


def balance(expected: Counter[int], found: Counter[int]) -> Balance:
    """Return what is lost and what is there too often, as multisets."""
    return Balance(
        num_expected=expected.total(),
        num_lost=(expected - found).total(),
        num_doubled=(found - expected).total(),
    )


def strays(outdir: Path) -> list[str]:
    """Return the files in and beside a consumer's folder that should not be there once it has ended well."""
    beside = outdir.with_name(outdir.name + ".transfer")
    inside = [path for path in outdir.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    unknown = [path for path in beside.iterdir() if path.name not in _BESIDE]
    return [str(path) for path in (*inside, *unknown, *(beside / "staging").rglob("*"))]


def mark_processes() -> None:
    """Mark this process, so that whatever it starts from now on is known again, however far it strays."""
    os.environ.setdefault(_MARK, uuid.uuid4().hex)


def orphans(kept: Iterable[int]) -> list[str]:
    """Return the living processes with our mark that are neither us nor of the family of a process of `kept`.

    Parameters
    ----------
    kept
        Processes started by engine.processes; their watchdogs and all descendants of these are kept as well.
    """
    family = {os.getpid()}
    for pid in kept:
        watchdog = psutil.Process(pid).parent()
        family |= {watchdog.pid, *(process.pid for process in watchdog.children(recursive=True))}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid not in family and process.environ().get(_MARK) == os.environ[_MARK]:
                found.append(f"{process.pid} {' '.join(process.cmdline())[:120]} ({process.status()})")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
