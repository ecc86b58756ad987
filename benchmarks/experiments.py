"""The experiments, side by side: the engine, Spark doing the same job, and the bare parts that no engine goes below.

.venv/bin/python benchmarks/experiments.py [E1 E1-2025 E2 E3 E4] [--scale 0.2] [--rounds 3] [--without spark]
    [--spark plain,tuned,udfs] [--json FILE] [--data DIR]

E1  one night repeated to 1,000,000 alerts, a magnitude condition, lightcurve, one worker
E2  250,000 alerts of several nights, supernova candidates and a magnitude condition, full packets, one worker
E3  1,000,000 alerts, all of them, lightcurve, two workers
E4  50,000 alerts, all of them, full packets, one worker

Each round takes its turns on the same archive and broker: the engine on a warm cluster; the engine as a whole command
that starts a cluster of its own; Spark as a whole command, `local[N]` with as many cores as workers; and the bare
parts, each alone in one thread. CPU is that of all processes but the broker's. "Spark beside it" in
benchmarks/README.md tells how each is measured.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.archives import EXPERIMENTS, Experiment, Nights, write_nights
from benchmarks.figures import Figure, write_figures
from benchmarks.rounds import Quantities, Stage
from benchmarks.spark import starting as spark

_OURS = "alert-transfer"
_COMMAND = "alert-transfer, from cold"
_LONG_ENOUGH = 0.5
"""Scale under which Spark's runs are about its start."""
_COLUMNS = {
    "num_alerts": ("sent", ",.0f"),
    "seconds": ("s", ".1f"),
    "cold_s": ("from cold s", ".1f"),
    "alerts_per_s": ("read/s", ",.0f"),
    "mb_per_s": ("MB/s", ",.0f"),
    "first_alert_s": ("first alert s", ".2f"),
    "cpu_s": ("CPU s", ",.1f"),
    "cpu_us": ("CPU µs", ",.1f"),
    "peak_mb": ("largest MB", ",.0f"),
    "peak_sum_mb": ("all MB", ",.0f"),
}
_console = Console(stderr=True)


def figures_of(
    name: str, experiment: Experiment, nights: Nights, variants: Sequence[spark.Variant], rounds: int, folder: Path
) -> list[Figure]:
    """Make an experiment, all sides by turns in each round; return its figures."""
    runs: dict[tuple[str, str], list[float]] = {}

    def keep(what: str, quantities: Quantities) -> None:
        for quantity, value in quantities.items():
            runs.setdefault((what, quantity), []).append(value)
        told = ", ".join(
            f"{quantities[quantity]:{form}} {title}"
            for quantity, (title, form) in _COLUMNS.items()
            if quantity in quantities
        )
        _console.print(f"  {what}: {told}", highlight=False, soft_wrap=True)

    with Stage.opened(experiment, nights, folder) as stage:
        for number in range(1, rounds + 1):
            _console.print(f"{name}, round {number} of {rounds}: {nights.num_alerts:,} alerts of {nights.root}")
            keep(_OURS, stage.warm())
            keep(_COMMAND, cold := stage.cold())
            runs.setdefault((_OURS, "cold_s"), []).append(cold["cold_s"])
            for variant in variants:
                keep(variant.name, stage.spark(variant))
            for what, quantities in stage.bare().items():
                keep(what, quantities)
    return [
        Figure(section="experiments", case=name, what=what, quantity=quantity, runs=values)
        for (what, quantity), values in runs.items()
    ]


def print_table(figures: Sequence[Figure]) -> None:
    """Print the medians, a line for each side of each experiment."""
    sides: dict[tuple[str, str], dict[str, float]] = {}
    for figure in figures:
        sides.setdefault((figure.case, figure.what), {})[figure.quantity] = figure.median
    table = Table("experiment", "what", *(title for title, _ in _COLUMNS.values()), "CPU to ours")
    for (case, what), found in sides.items():
        cells = [format(found[name], form) if name in found else "" for name, (_, form) in _COLUMNS.items()]
        table.add_row(case, what, *cells, f"{found['cpu_us'] / sides[case, _OURS]['cpu_us']:.2f}")
    Console(width=200).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", metavar="EXPERIMENT", default=[])
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of alerts (1)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of all sides (3)")
    parser.add_argument("--without", choices=["spark"], action="append", default=[], help="leave Spark out")
    parser.add_argument("--spark", default=",".join(spark.VARIANTS), help=f"which of {', '.join(spark.VARIANTS)}")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--data", default=str(Path(tempfile.gettempdir()) / "alert-transfer-benchmark"))
    options = parser.parse_args()
    for given, accepted in ((options.experiments, EXPERIMENTS), (options.spark.split(","), spark.VARIANTS)):
        if unknown := set(given) - set(accepted):
            parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(accepted)}")
    variants = [] if options.without else [spark.VARIANTS[name] for name in options.spark.split(",")]
    if variants:
        spark.prepare()
        if options.scale < _LONG_ENOUGH:
            _console.print(f"Spark at a scale of {options.scale}: its figures are mostly its JVM's warm-up.")
    folder, figures = Path(options.data), []
    for name in options.experiments or EXPERIMENTS:
        nights = write_nights(folder, EXPERIMENTS[name], options.scale)
        figures += figures_of(name, EXPERIMENTS[name], nights, variants, options.rounds, folder / "scratch")
        if options.json:
            write_figures(options.json, figures)
    print_table(figures)


if __name__ == "__main__":
    main()
