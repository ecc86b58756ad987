"""How often the interval of an estimate holds the truth, and how wide it is: on made-up populations and on archives.

    .venv/bin/python benchmarks/estimates.py --seeds 60
    .venv/bin/python benchmarks/estimates.py --archive DIR/science --nights 2021-11-01:2021-11-30 --seeds 20

Populations are numbers of alerts that fulfil a condition, as they may lie in row groups: evenly, with rates that differ
by night, file or row group, and in runs of neighbours. An archive is counted in full once for each condition, and
estimated with each seed; how the bytes compare is told as well.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

import engine
from engine.archive import ArchiveFile, Fragment
from engine.conditions import filter_table
from engine.estimation import Interval, draw_sample, estimate_plan, interval_of
from engine.estimation.estimating import MOST_ALERTS, MOST_GROUPS, SHARE
from engine.pipeline import NarrowReader, read_content
from engine.schema import encode

RATES = (1 / 2, 1 / 10, 1 / 50, 1 / 500, 1 / 3_000, 1 / 20_000)
KINDS = ("even", "nights", "files", "groups", "runs10", "runs50", "runs300")
CONDITIONS = (
    "candidate.magpsf > 18.8",
    "candidate.magpsf > 19.5",
    "candidate.magpsf > 20",
    "candidate.rb > 0.6 AND candidate.magpsf < 17",
    "candidate.fid = 1 AND candidate.distnr > 2",
    "candidate.magpsf < 15",
    "candidate.magpsf < 14",
    "candidate.magpsf < 13.5",
    "candidate.drb > 0.5 AND candidate.classtar > 0.8",
    "cdsxmatch = 'QSO'",
    "cdsxmatch = 'Unknown' AND candidate.magpsf > 20.3",
    "cdsxmatch = 'RRLyrae' AND candidate.magpsf < 15",
    "exists(prv_candidates, x -> x.magpsf < 15)",
    "candidate.dec > 80",
    "candidate.dec BETWEEN 10 AND 10.2",
    "candidate.ra BETWEEN 100 AND 100.1",
    "objectId LIKE '%aaa'",
    "objectId LIKE '%ab'",
)


def placed(kind: str, sizes: np.ndarray, rate: float, chance: np.random.Generator) -> np.ndarray:
    """Return which alerts fulfil a condition, shape (sum of sizes,)."""
    num_groups, total = len(sizes), int(sizes.sum())
    wanted = max(1, round(rate * total))
    hit = np.zeros(total, dtype=bool)
    if kind == "even":
        hit[chance.choice(total, wanted, replace=False)] = True
    elif kind.startswith("runs"):
        length = int(kind.removeprefix("runs"))
        for start in chance.choice(total - length, max(1, wanted // length)):
            hit[start : start + length] = True
    else:
        together = {"nights": 20, "files": 4, "groups": 1}[kind]
        share = np.repeat(np.exp(chance.normal(0, 1.2, -(-num_groups // together))), together)[:num_groups]
        share = np.minimum(1.0, share / (share * sizes).sum() * wanted)
        hit = chance.random(total) < np.repeat(share, sizes)
    return hit


def estimated(groups: list[Fragment], sizes: np.ndarray, hit: np.ndarray, chance: np.random.Generator) -> Interval:
    """Return the interval that a sample of a population gives."""
    starts, total = np.cumsum(sizes) - sizes, int(sizes.sum())
    sample = draw_sample(groups, chance, most_alerts=min(total // SHARE, MOST_ALERTS), most_groups=MOST_GROUPS)
    rows = np.array([group.num_rows for group in sample.groups])
    hits = []
    for group in sample.groups:
        start, at = starts[group.fragment.number], group.rows
        hits.append(hit[start : start + group.fragment.num_alerts].sum() if at is None else hit[start + at].sum())
    share = 1.0 if sample.is_of_all_groups else len(sample.groups) / sample.num_groups
    weights = np.array([group.weight for group in sample.groups])
    return interval_of(rows, np.array(hits), weights, total, share_of_groups=share)


def synthetic(seeds: int) -> Iterator[tuple[str, float, int, Interval]]:
    """Yield population, rate, truth and interval."""
    chance = np.random.default_rng(1)
    file = ArchiveFile(path="made up", night=dt.date(2021, 11, 22), nbytes=1, etag=None)
    for num_groups in (30, 100, 1_000):
        sizes = chance.integers(1_000, 3_200, num_groups)
        groups = [
            Fragment(number=number, file=file, row_groups=(0,), row_group_alerts=(size,))
            for number, size in enumerate(sizes.tolist())
        ]
        for kind in KINDS:
            for rate in RATES:
                for _ in range(seeds):
                    hit = placed(kind, sizes, rate, chance)
                    yield (
                        f"{num_groups:,} row groups, {kind}",
                        rate,
                        int(hit.sum()),
                        estimated(groups, sizes, hit, chance),
                    )


def of_archive(archive: str, nights: str, seeds: int, content: str) -> None:
    """Print how estimates of an archive compare with what is there."""
    settings = engine.Settings()
    by_decade: dict[int, list[tuple[bool, float, float]]] = defaultdict(list)
    sizes, seconds = [], []
    for where in CONDITIONS:
        request = engine.TransferRequest(archive=archive, nights=nights, where=where, content=content)
        plan = engine.plan(request, settings=settings)
        truth = nbytes = 0
        for fragment in plan.fragments:
            positions = filter_table(NarrowReader(selection=plan.selection)(fragment), plan.selection.predicate.sql)
            truth += len(positions)
            for _, block in read_content(plan.selection, fragment, positions):
                nbytes += sum(map(len, encode(block, plan.schema).to_pylist()))
        oks, widths = [], []
        for seed in range(seeds):
            begun = time.process_time()
            found = estimate_plan(plan, settings=settings, seed=seed)
            seconds.append(time.process_time() - begun)
            oks.append(found.num_alerts_low <= truth <= found.num_alerts_high)
            widths.append((found.num_alerts_high - found.num_alerts_low) / max(truth, 1))
            if truth and found.alert_nbytes is not None:
                sizes.append(found.alert_nbytes * truth / nbytes - 1)
        rate = truth / plan.num_archive_alerts
        decade = int(np.floor(np.log10(rate))) if rate else -9
        by_decade[decade] += [(ok, width, rate) for ok, width in zip(oks, widths, strict=True)]
        print(f"{where:55s} {truth:8,} of {plan.num_archive_alerts:,}  {np.mean(oks):.2f}  {np.median(widths):.2f}")
    for decade, cases in sorted(by_decade.items(), reverse=True):
        ok, width = np.mean([c[0] for c in cases]), np.median([c[1] for c in cases])
        print(f"rate 1e{decade}: {len(cases)} estimates, {ok:.3f} hold the truth, median width {width:.2f} of it")
    off = np.abs(sizes)
    print(
        f"bytes: off by {np.median(off):.3f} in the median, {np.quantile(off, 0.95):.3f} in 19 of 20, "
        f"{off.max():.3f} at most"
    )
    print(f"CPU: {np.median(seconds):.2f} s in the median, {max(seconds):.2f} s at most")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--archive")
    parser.add_argument("--nights")
    parser.add_argument("--content", default="lightcurve")
    given = parser.parse_args()
    if given.archive:
        of_archive(given.archive, given.nights, given.seeds, given.content)
        return
    cases: dict[tuple[str, float], list[tuple[bool, float]]] = defaultdict(list)
    for kind, rate, truth, found in synthetic(given.seeds):
        cases[kind, rate].append((found.low <= truth <= found.high, (found.high - found.low) / max(truth, 1)))
    for kind in dict.fromkeys(kind for kind, _ in cases):
        row = [cases[kind, rate] for rate in RATES]
        print(
            kind, *(f"{np.mean([ok for ok, _ in c]):.2f}/{np.median([w for _, w in c]):.2f}" for c in row), flush=True
        )


if __name__ == "__main__":
    main()
