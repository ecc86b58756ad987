"""Dask processes whose alert-transfer is not the one that is tested: none, another version, or changed files."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import distributed

from engine.local.processes import start_owned
from tests.conftest import REPOSITORY

__all__ = ["KINDS", "dask_scheduler", "environment", "strange_workers"]

KINDS = ("lacking", "older", "changed")
# Found before any other, whatever is installed: the package, and what tells its version, are not there.
_HIDE = """
import importlib.metadata, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("engine", "consumer"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
from_name = importlib.metadata.Distribution.from_name.__func__

def hiding(cls, name):
    if name == "alert-transfer":
        raise importlib.metadata.PackageNotFoundError(name)
    return from_name(cls, name)

importlib.metadata.Distribution.from_name = classmethod(hiding)
"""


def environment(folder: Path, kind: str) -> dict[str, str]:
    """Return the environment of a process of a kind; what it needs is written to a folder."""
    folder.mkdir(parents=True)
    if kind == "lacking":
        (folder / "sitecustomize.py").write_text(_HIDE)
    else:
        for package in ("engine", "consumer"):
            shutil.copytree(REPOSITORY / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    if kind == "older":
        about = folder / "alert_transfer-0.1.9.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: alert-transfer\nVersion: 0.1.9\n")
    if kind == "changed":
        with open(folder / "engine" / "pipeline" / "narrow.py", "a") as file:
            file.write("\n# somebody's own line\n")
    return os.environ | {"PYTHONPATH": str(folder)}


@contextlib.contextmanager
def dask_scheduler(folder: Path, env: dict[str, str] | None = None, more: Sequence[str] = ()) -> Iterator[str]:
    """Start a scheduler without a worker; yields its address."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "scheduler.json"
    options = ["--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file), *more]
    with _dask(folder, "scheduler", options, env):
        deadline = time.monotonic() + 150
        while not (file.exists() and file.read_text().strip()):
            assert time.monotonic() < deadline, (folder / "scheduler.log").read_text()
        yield json.loads(file.read_text())["address"]


@contextlib.contextmanager
def strange_workers(folder: Path, client: distributed.Client, *kinds: str) -> Iterator[dict[str, str]]:
    """Start workers of one thread, beside those that a cluster has; yields kind -> address. `right` is one of ours."""
    before = len(client.nthreads())
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            env = None if kind == "right" else environment(folder / kind, kind)
            options = [client.scheduler.address, "--nthreads", "1", "--name", f"{kind}-{folder.name}", "--no-nanny"]
            options += ["--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(folder)]
            stack.enter_context(_dask(folder, "worker", options, env, log=kind))
        client.wait_for_workers(before + len(kinds), timeout=150)
        names = {about["name"]: address for address, about in client.scheduler_info(n_workers=-1)["workers"].items()}
        yield {kind: names[f"{kind}-{folder.name}"] for kind in kinds}


@contextlib.contextmanager
def _dask(folder: Path, role: str, options: list[str], env: dict[str, str] | None, log: str = "") -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "dask", role, *options]
    # Not from here: with `-m`, Python finds first what lies in the folder that it is started in.
    with start_owned(command, log=folder / f"{log or role}.log", env=env, cwd=folder):
        yield
