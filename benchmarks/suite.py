"""All benchmarks, one after the other, and the page that is made of them.

    .venv/bin/python benchmarks/suite.py --size full --keep
    .venv/bin/python benchmarks/suite.py --size full --keep --only encoder --only decoder
    .venv/bin/python benchmarks/suite.py --page

Each script runs as a process of its own. What it measured is kept as soon as it ends: a run that was stopped goes on
where it stopped, as long as the code is the same. `--only PART` measures a part again and merges it in. With `--keep`
the page, its plots and its JSON go into the repository, in place of those of the same day; without, into
build/benchmarks/. `--page` makes the page again of the JSON that was kept last.
"""

from __future__ import annotations

import argparse
import signal
import sys

from rich.console import Console

from benchmarks.page.writing import KEPT, write_kept, write_page
from benchmarks.running.parts import PARTS, steps_of
from benchmarks.running.results import Results, last_kept, merged, read_results
from benchmarks.running.runner import ROOT, Suite, minutes_text

FOLDER = ROOT / "build" / "benchmarks"


def main(arguments: list[str] | None = None) -> int:
    """Run what is asked for; return the exit code: 1 if a part failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("small", "full"), default="small")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="may be given several times")
    parser.add_argument("--without", action="append", default=[], metavar="PART", help="may be given several times")
    parser.add_argument("--rounds", type=int, metavar="N", help="so many of each part, where it has several")
    parser.add_argument("--afresh", action="store_true", help="measure also what a stopped run has measured")
    parser.add_argument("--keep", action="store_true", help="write into docs/ and benchmarks/results/")
    parser.add_argument("--page", action="store_true", help="measure nothing; make the page again")
    parser.add_argument("--list", action="store_true", help="name the parts, their commands and times; run nothing")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    try:
        steps = steps_of(options.size, only=options.only, without=options.without, rounds=options.rounds)
    except ValueError as exc:
        parser.error(str(exc))
    if options.list:
        for step in steps:
            print(f"{step.name:22} {minutes_text(step.minutes * 60):>7}  {step.command}")
        return 0
    if options.page:
        path = last_kept(KEPT)
        if path is None:
            console.print(f"There is no JSON in {KEPT}: make bench-full writes one.", soft_wrap=True)
            return 1
        console.print(f"wrote {write_kept(read_results(path))}", highlight=False, soft_wrap=True)
        return 0
    suite = Suite(size=options.size, folder=FOLDER / options.size, console=console)
    whole = not options.only and not options.without
    results, failures = suite.run(steps, afresh=options.afresh or bool(options.only), whole=whole)
    results = _with_older(results, suite, keep=options.keep)
    if not results.parts:
        console.print("Nothing was measured, so no page is written.")
        return 1
    written = write_kept(results) if options.keep else write_page(results, suite.folder)
    console.print(f"wrote {written}", highlight=False, soft_wrap=True)
    for name, reason in failures.items():
        console.print(f"{name} is not measured: {reason}", style="red", markup=False, highlight=False, soft_wrap=True)
    if failures:
        console.print("The same command again measures these alone.")
    return 1 if failures else 0


def _with_older(results: Results, suite: Suite, *, keep: bool) -> Results:
    """Add the parts that were measured before, on the same machine: the page tells when each was."""
    paths = [suite.finished, last_kept(KEPT) if keep else None]
    for path in paths:
        if path is not None and path.exists():
            results = merged(results, read_results(path))
    order = [step.name for step in PARTS[results.size]]
    parts = sorted((part for part in results.parts if part.name in order), key=lambda part: order.index(part.name))
    return Results(size=results.size, machine=results.machine, parts=parts)


if __name__ == "__main__":
    # Told to end, it ends its script, which ends its brokers and clusters.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped: the same command goes on from here")
