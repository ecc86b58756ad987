"""Rows per second of the filter alone, beside pyarrow's own kernels, which are its ceiling, and pandas.

    .venv/bin/python benchmarks/filter.py [--kind cone] [--rows 5000 100000] [--rounds 7] [--json FILE]

Each takes the few columns that a condition names, as they were read, and gives the positions of the rows that fulfil
it; by turns in one process. The processor's time counts, medians, since other load slows all of them. The kernels are
what somebody would write by hand for this one condition and these columns, without Spark's rules for NaN, types and
nulls; pandas too, its frame included. All must give the same positions. Alerts are a sample's (2021's schema),
repeated; 5,000 are a fragment of one small file, 100,000 one of a large.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console

from benchmarks.blocks import Source, sources
from benchmarks.figures import Figure
from benchmarks.measuring import OURS, add_options, keep, rates_by_turns, rates_shown
from engine.conditions import filter_table, input_schema, with_predicates

_SOURCE = "ZTF 2021"
_ROWS = (5_000, 100_000)
_LABELS = ("RRLyrae", "QSO", "Star")
_RA, _DEC, _RADIUS_DEG = 85.0, 25.0, 60.0


@dataclass(frozen=True)
class Kind:
    """A condition of one kind, and how its mask is computed otherwise."""

    where: str
    kernels: Callable[[pa.Table], pa.Array]
    pandas: Callable[[pd.DataFrame], pd.Series] | None
    """None: nobody would do it so."""


def _joined(t: pa.Table) -> pa.Array:
    parts = [
        pc.greater(t["candidate.rb"], 0.5),
        pc.equal(t["candidate.nbad"], 0),
        pc.less_equal(t["candidate.fwhm"], 5.0),
        pc.less_equal(t["candidate.elong"], 1.2),
        pc.less_equal(pc.abs(t["candidate.magdiff"]), 0.1),
    ]
    mask = parts[0]
    for part in parts[1:]:
        mask = pc.and_kleene(mask, part)
    return mask


def _joined_frame(f: pd.DataFrame) -> pd.Series:
    return (
        (f["candidate.rb"] > 0.5)
        & (f["candidate.nbad"] == 0)
        & (f["candidate.fwhm"] <= 5)
        & (f["candidate.elong"] <= 1.2)
        & (f["candidate.magdiff"].abs() <= 0.1)
    )


def _within(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return which positions lie in the cone."""
    ra, dec, ra_0, dec_0 = np.radians(ra), np.radians(dec), np.radians(_RA), np.radians(_DEC)
    half = np.sin((dec - dec_0) / 2) ** 2 + np.cos(dec) * np.cos(dec_0) * np.sin((ra - ra_0) / 2) ** 2
    return half <= np.sin(np.radians(_RADIUS_DEG) / 2) ** 2


def _any_item(t: pa.Table) -> pa.Array:
    lists = t.column(0).combine_chunks()
    lists = lists.chunk(0) if isinstance(lists, pa.ChunkedArray) else lists
    is_bright = pc.less(lists.flatten().field(0), 18.0)
    found = np.bincount(pc.list_parent_indices(lists).filter(is_bright), minlength=len(lists))
    return pa.array(found > 0)


KINDS = {
    "number": Kind(
        "candidate.magpsf > 18.85",
        lambda t: pc.greater(t["candidate.magpsf"], 18.85),
        lambda f: f["candidate.magpsf"] > 18.85,
    ),
    "five numbers": Kind(
        "candidate.rb > 0.5; candidate.nbad = 0; candidate.fwhm <= 5; candidate.elong <= 1.2; "
        "abs(candidate.magdiff) <= 0.1",
        _joined,
        _joined_frame,
    ),
    "arithmetic": Kind(
        "candidate.magpsf - candidate.magnr < -0.5",
        lambda t: pc.less(pc.subtract(t["candidate.magpsf"], t["candidate.magnr"]), -0.5),
        lambda f: f["candidate.magpsf"] - f["candidate.magnr"] < -0.5,
    ),
    "labels": Kind(
        f"cdsxmatch IN {_LABELS}",
        lambda t: pc.is_in(t["cdsxmatch"], pa.array(_LABELS)),
        lambda f: f["cdsxmatch"].isin(_LABELS),
    ),
    "either": Kind(
        "roid = 3 OR cdsxmatch = 'Unknown'",
        lambda t: pc.or_kleene(pc.equal(t["roid"], 3), pc.equal(t["cdsxmatch"], "Unknown")),
        lambda f: (f["roid"] == 3) | (f["cdsxmatch"] == "Unknown"),
    ),
    "pattern": Kind(
        "objectId LIKE 'ZTF%a_'",
        lambda t: pc.match_like(t["objectId"], "ZTF%a_"),
        lambda f: f["objectId"].str.fullmatch("ZTF.*a."),
    ),
    "cone": Kind(
        f"cone({_RA}, {_DEC}, {_RADIUS_DEG * 3600})",
        lambda t: pa.array(_within(t["candidate.ra"].to_numpy(), t["candidate.dec"].to_numpy())),
        lambda f: pd.Series(_within(f["candidate.ra"].to_numpy(), f["candidate.dec"].to_numpy())),
    ),
    "items of a list": Kind("exists(prv_candidates, x -> x.magpsf < 18)", _any_item, None),
}


def tables(source: Source, kind: Kind, sizes: list[int]) -> Iterator[tuple[pa.Table, pa.Schema, str]]:
    """Yield for each size what is read of alerts for a condition, the narrow table's schema, and the condition."""
    plan = source.plan("lightcurve", kind.where)
    predicate, raw = plan.selection.predicate, input_schema(plan.selection.predicate.schema)
    with plan.selection.archive.open(plan.fragments[0]) as opened:
        table = opened.read_leaves(raw.names, raw.types)
    for size in sizes:
        rows = pa.array(np.arange(size) % table.num_rows)
        yield table.take(rows).combine_chunks(), predicate.schema, str(predicate.sql)


def measure(source: Source, name: str, sizes: list[int], rounds: int) -> Iterator[Figure]:
    """Yield the figures of one kind."""
    kind = KINDS[name]
    for table, schema, sql in tables(source, kind, sizes):

        def ours(table: pa.Table = table, schema: pa.Schema = schema, sql: str = sql) -> np.ndarray:
            return filter_table(with_predicates(table, schema), sql)

        def kernels(table: pa.Table = table) -> np.ndarray:
            mask = kind.kernels(table)
            return pc.indices_nonzero(mask).to_numpy()

        def in_pandas(table: pa.Table = table) -> np.ndarray:
            assert kind.pandas is not None
            return np.flatnonzero(kind.pandas(table.to_pandas()))

        found, case = ours(), f"filter: {name}, {table.num_rows:,} rows"
        ways = {OURS: ours, "pyarrow's kernels": kernels} | ({} if kind.pandas is None else {"pandas": in_pandas})
        assert 0 < len(found) < table.num_rows, f"{case}: {len(found)} fulfil it"
        for way, do in ways.items():
            assert np.array_equal(do(), found), f"{case}: {way} finds others"
        yield from rates_by_turns(case, {way: (do, table.num_rows) for way, do in ways.items()}, rounds)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", action="append", choices=list(KINDS), help="by default all")
    parser.add_argument("--rows", type=int, nargs="+", default=list(_ROWS))
    add_options(parser, rounds=7)
    options = parser.parse_args()
    with sources([_SOURCE]) as (source,):
        kinds = options.kind or list(KINDS)
        found = [figure for name in kinds for figure in measure(source, name, options.rows, options.rounds)]
    keep(options, found)
    Console(width=140).print(rates_shown(found))


if __name__ == "__main__":
    main()
