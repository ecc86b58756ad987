"""The experiments, and what they read: one night's file, linked under as many nights as it takes."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import engine

__all__ = ["EXPERIMENTS", "Experiment", "Nights", "write_nights"]

_FIRST = {"2021": dt.date(2021, 11, 22), "2025": dt.date(2025, 7, 31)}
_A_NIGHT = 10_000


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is sent of which archive, by how many one-thread workers."""

    profile: str
    num_alerts: int
    content: str
    num_workers: int = 1
    where: str | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Nights:
    """Consecutive nights of an archive, with equally many alerts each."""

    root: Path
    first: dt.date
    last: dt.date
    num_alerts: int

    @property
    def text(self) -> str:
        """The nights as requests name them."""
        return f"{self.first}:{self.last}"

    @property
    def folders(self) -> list[Path]:
        """The folder of each night."""
        num_nights = (self.last - self.first).days + 1
        return [_folder(self.root, self.first + dt.timedelta(days=day)) for day in range(num_nights)]


_BRIGHT = "candidate.magpsf > 18.85"
EXPERIMENTS = {
    "E1": Experiment(profile="2021", num_alerts=1_000_000, content="lightcurve", where=_BRIGHT),
    "E1-2025": Experiment(profile="2025", num_alerts=250_000, content="lightcurve", where=_BRIGHT),
    "E2": Experiment(profile="2021", num_alerts=250_000, content="full", where=_BRIGHT, classes=("SN candidate",)),
    "E3": Experiment(profile="2021", num_alerts=1_000_000, content="lightcurve", num_workers=2),
    "E4": Experiment(profile="2021", num_alerts=50_000, content="full"),
}


def write_nights(folder: Path, experiment: Experiment, scale: float) -> Nights:
    """Write one night unless it is there, and link its file under as many nights as it takes."""
    wanted = max(1_000, round(experiment.num_alerts * scale))
    a_night = min(_A_NIGHT, wanted)
    root = folder / f"night-{experiment.profile}-{a_night}"
    first = _FIRST[experiment.profile]
    if not root.exists():
        beginning = root.with_name(f"{root.name}.{os.getpid()}")
        # In a process of its own, so that its memory is not taken for that of a transfer.
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            write = partial(engine.write_sample, profile=experiment.profile, alerts_per_night=a_night)
            pool.submit(write, beginning, nights=[first]).result()
        beginning.rename(root)
    science = root / "science"
    nights = Nights(
        root=science,
        first=first,
        last=first + dt.timedelta(days=-(-wanted // a_night) - 1),
        num_alerts=-(-wanted // a_night) * a_night,
    )
    files = sorted(_folder(science, first).glob("*.parquet"))
    for night in nights.folders[1:]:
        night.mkdir(parents=True, exist_ok=True)
        for file in files:
            if not (night / file.name).exists():
                os.link(file, night / file.name)
    return nights


def _folder(root: Path, night: dt.date) -> Path:
    """Return a night's folder: as newer archives write it, without zeros, if that is there."""
    bare = root / f"year={night.year}" / f"month={night.month}" / f"day={night.day}"
    return bare if bare.exists() else root / f"year={night:%Y}" / f"month={night:%m}" / f"day={night:%d}"
