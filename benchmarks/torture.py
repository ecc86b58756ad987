"""Kill everything that can die in the midst of a transfer, and count the alerts afterwards.

.venv/bin/python benchmarks/torture.py --rounds 1 [--alerts 5000] [--seed 0] [--only SCENARIO] [--json FILE]

Exit code 1 if a round failed: an alert lost or doubled, a process or a file left behind, a job that did not end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.torture.checks import mark_processes, orphans
from tests.torture.rounds import Result, Scenario, play
from tests.torture.scenarios import SCENARIOS
from tests.torture.stage import Stage, write_archive

__all__ = ["play_all"]

_console = Console(stderr=True, width=160)


def play_all(
    rounds: Sequence[tuple[Scenario, int, int]], folder: Path, num_alerts: int, seed: int, delay_s: float
) -> Iterator[Result]:
    """Play rounds one after another, and yield how each ended.

    Parameters
    ----------
    rounds
        Of each: the scenario, the percentage, the seed.
    folder
        For everything.
    num_alerts
        Alerts in the archive.
    seed
        Of the archive.
    delay_s
        How slow Kafka is made until the death.
    """
    mark_processes()
    archive = write_archive(folder / "archive", num_alerts, seed)
    with contextlib.ExitStack() as stack:
        stage = None
        for number, (scenario, percent, round_seed) in enumerate(rounds):
            if stage is not None and stage.num_brokers != scenario.num_brokers:
                stack.close()
                stage = None
            if stage is None:
                (place := folder / f"stage-{number}").mkdir()
                stage = stack.enter_context(Stage(place, archive, scenario.num_brokers))
            result = play(stage, scenario, percent, round_seed, delay_s)
            if not result.passed:
                # What failed may have spoilt the stage for the next round.
                stack.close()
                stage = None
            yield result


def summary(results: Sequence[Result]) -> Table:
    """Return the table of all rounds, a line for each scenario."""
    table = Table("what dies", "rounds", "passed", "rows", "lost", "doubled", "copies dropped", "consumer runs", "s")
    names = list(dict.fromkeys(result.scenario for result in results))
    for name in [*names, "all"]:
        of = [result for result in results if name in (result.scenario, "all")]
        totals = [
            len(of),
            sum(result.passed for result in of),
            *(sum(getattr(result, field) for result in of) for field in _SUMS),
            round(sum(result.elapsed_s for result in of)),
        ]
        table.add_row(name, *(f"{total:,}" for total in totals), end_section=name == names[-1])
    return table


_SUMS = ("num_expected", "num_lost", "num_doubled", "num_second_copies", "num_consumer_runs")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="of each scenario and percentage")
    parser.add_argument("--alerts", type=int, default=5_000, metavar="N", help="in the archive")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="may be repeated")
    parser.add_argument("--without", action="append", default=[], choices=list(SCENARIOS), help="may be repeated")
    parser.add_argument("--percent", action="append", type=int, metavar="P", help="only these; may be repeated")
    parser.add_argument("--delay", type=float, default=0.08, metavar="S", help="of every 64 KiB to and from Kafka")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all rounds, one by one")
    parser.add_argument("--data", type=Path, metavar="DIR", help="kept there, logs of failed rounds included")
    options = parser.parse_args()
    # A service manager's TERM ends us as Ctrl-C does: in order, with nothing mounted or left in the temporary folder.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = [SCENARIOS[name] for name in options.only or SCENARIOS if name not in options.without]
    rounds = [
        (scenario, percent, options.seed + number)
        for number in range(options.rounds)
        for scenario in chosen
        for percent in scenario.percents
        if not options.percent or percent in options.percent
    ]
    results: list[Result] = []
    with contextlib.ExitStack() as stack:
        folder = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        folder.mkdir(parents=True, exist_ok=True)
        for result in play_all(rounds, folder, options.alerts, options.seed, options.delay):
            results.append(result)
            verdict = "[green]passed[/]" if result.passed else "[red]FAILED[/]"
            _console.print(
                f"{len(results)}/{len(rounds)} {result.scenario} at {result.reached_percent:.0f} %, "
                f"seed {result.seed}: {verdict}, {result.num_expected:,} rows, {result.num_lost:,} lost, "
                f"{result.num_doubled:,} doubled, {result.elapsed_s:.0f} s"
            )
            if result.problem:
                _console.print(result.problem, style="red", markup=False)
            if options.json:
                options.json.write_text(json.dumps([result.to_dict() for result in results], indent=1))
    left = orphans([])
    for process in left:
        _console.print(f"left behind at the end: {process}", style="red", markup=False)
    Console(width=140).print(summary(results))
    return 0 if results and all(result.passed for result in results) and not left else 1


if __name__ == "__main__":
    sys.exit(main())
