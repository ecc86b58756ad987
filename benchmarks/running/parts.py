"""Parts of the suite: which scripts it runs, how, and about how long each takes on two quiet cores."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

__all__ = ["PARTS", "SIZES", "Step", "steps_of"]

_ROUNDS = re.compile(r"(--rounds|--tests) (\d+)")
SIZES = ("small", "full", "check")
"""`make bench`, `make bench-full` and `make bench-check`."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One script, run as a process of its own with `--json FILE`."""

    name: str
    script: str
    """Name of the file in benchmarks/."""
    options: str
    """Its options, as they are typed."""
    minutes: float
    """About how long it takes; the last run's time counts where it is known."""
    is_check: bool = False
    """Whether it is of the small set that the guard repeats."""

    @property
    def command(self) -> str:
        """What a reader types to measure it again."""
        return f".venv/bin/python benchmarks/{self.script} {self.options}".rstrip()


def _step(name: str, script: str, options: str, minutes: float) -> Step:
    return Step(name=name, script=script, options=options, minutes=minutes, is_check=name.startswith("check-"))


_OF_ONE_YEAR = "--source 'ZTF 2025' --content lightcurve --content full --rounds 5"
_SMALL_FILES = "counts --server versitygw --files 4 --nbytes 5000000 --latency 0 --rounds 1"
_CHECKS = (
    _step("check-experiments", "experiments.py", "E1 --scale 0.3 --rounds 3 --without spark", 2),
    _step("check-consume", "consume.py", "lightcurve --alerts 100000 --rounds 2 --without fink-client", 1.5),
    _step("check-encoder", "encoder.py", _OF_ONE_YEAR, 0.5),
    _step("check-decoder", "decoder.py", _OF_ONE_YEAR, 0.5),
    _step("check-store", "store.py", _SMALL_FILES, 0.5),
)
PARTS: dict[str, tuple[Step, ...]] = {
    "small": (
        _step("experiments", "experiments.py", "E1 E3 E4 --scale 0.5 --rounds 1 --spark plain,tuned", 9),
        _step("consume", "consume.py", "--scale 0.33 --rounds 1", 5),
    ),
    "full": (
        _step("experiments-E1", "experiments.py", "E1 --rounds 3", 7),
        _step("experiments-E1-2025", "experiments.py", "E1-2025 --rounds 3", 5),
        _step("experiments-E2", "experiments.py", "E2 --rounds 3", 11),
        _step("experiments-E3", "experiments.py", "E3 --rounds 3", 7),
        _step("experiments-E4", "experiments.py", "E4 --rounds 3", 8),
        # fink-client takes two minutes for each round, and one says as much as three: it is many times slower.
        _step("consume-lightcurve", "consume.py", "lightcurve --rounds 3 --rounds-of-fink-client 1", 7),
        _step("consume-full", "consume.py", "full --rounds 3", 8),
        _step("growth", "growth.py", "--rounds 3", 37),
        _step("encoder", "encoder.py", "", 2),
        _step("decoder", "decoder.py", "", 2),
        _step("filter", "filter.py", "", 1),
        _step("store", "store.py", "--rounds 3", 6),
        _step("startup-warm", "startup.py", "--only warm --rounds 5", 1),
        _step("startup-cold", "startup.py", "--only cold --rounds 3 --alerts 50000", 1),
        _step("fairness", "fairness.py", "--tests 3", 6),
        *_CHECKS,
    ),
    "check": _CHECKS,
}
"""Size -> its parts, in the order in which they run."""


def steps_of(
    size: str, *, only: Iterable[str] = (), without: Iterable[str] = (), rounds: int | None = None
) -> list[Step]:
    """Return the steps of a size, or those that are asked for; raise ValueError where one has no such name.

    With `rounds`, each that has rounds has so many; those of the guard stay as they are, to be compared later.
    """
    steps = {step.name: step for step in PARTS[size]}
    for name in [*only, *without]:
        if name not in steps:
            raise ValueError(f"there is no part {name!r} of this size; there are {', '.join(steps)}")
    chosen = [step for name, step in steps.items() if name not in without and (not only or name in only)]
    return chosen if rounds is None else [step if step.is_check else _with_rounds(step, rounds) for step in chosen]


def _with_rounds(step: Step, rounds: int) -> Step:
    found = _ROUNDS.search(step.options)
    if found is None:
        return step
    options = _ROUNDS.sub(rf"\g<1> {rounds}", step.options)
    return replace(step, options=options, minutes=step.minutes * rounds / int(found[2]))
