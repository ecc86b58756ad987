"""Blocks of alerts for encoder.py, decoder.py and filter.py: of each survey, in each content, as a worker has them.

Samples of ZTF (2021's and 2025's schema) and LSST are written first; real alerts of these and of ELAsTiCC take part
where they are at hand (the environment's ALERT_TRANSFER_SHARED names the folder). Few alerts are repeated.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from rich.console import Console

import engine
from benchmarks.figures import Figure
from benchmarks.measuring import add_options, keep, rates_shown
from engine.pipeline import read_content
from engine.schema import encode
from tests.elasticc import SURVEY

__all__ = ["Block", "Source", "measure_blocks", "sources"]

CONTENTS = ("lightcurve", "cutouts", "full")
SHARED = Path(os.environ.get("ALERT_TRANSFER_SHARED", Path(__file__).resolve().parents[2] / "shared"))
_BLOCK_NBYTES = 30_000_000
_SAMPLE_ALERTS = 600
_NIGHT = "2026-03-22"
_SAMPLES = {
    "ZTF 2021": {"profile": "2021", "nights": "2021-11-22"},
    "ZTF 2025": {"profile": "2025", "nights": "2025-07-31"},
    "LSST": {"survey": "lsst", "nights": _NIGHT},
}
_REAL = {
    "ZTF 2021, real": ("ztf", "fink-archive/science/year=2021/month=11/day=22/part-00002.snappy.parquet"),
    "ZTF 2025, real": ("ztf", "fink-archive/science/year=2025/month=7/day=31/part-00000.parquet"),
    "LSST, real": ("lsst", "other-surveys/lsst-part-00000.snappy.parquet"),
    "ELAsTiCC, real": ("elasticc", "other-surveys/elasticc-part-00000.parquet"),
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Alerts of one survey and year in an archive."""

    name: str
    survey: str
    archive: Path
    night: str

    def plan(self, content: str, where: str | None = None) -> engine.TransferPlan:
        """Return the plan of a job that sends a content of them."""
        how = {"survey": self.survey, "archive": self.archive, "nights": self.night}
        return engine.plan(engine.TransferRequest(**how, content=content, where=where))


@dataclass(frozen=True, kw_only=True)
class Block:
    """Alerts of a content, as a worker encodes them."""

    source: str
    content: str
    alerts: pa.RecordBatch
    schema: Mapping[str, Any]
    """Avro's."""

    @property
    def case(self) -> str:
        """Return whose alerts they are, and what of them."""
        return f"{self.source}, {self.content}"


@contextmanager
def sources(names: list[str] | None = None) -> Iterator[list[Source]]:
    """Give the sources that are at hand, or those that are named, while the block runs."""
    with tempfile.TemporaryDirectory() as folder_:
        folder, found = Path(folder_), []
        for name, how in _SAMPLES.items():
            if not names or name in names:
                made = engine.write_sample(folder / name, alerts_per_night=_SAMPLE_ALERTS, **how)
                found.append(
                    Source(name=name, survey=made.survey, archive=Path(made.archive), night=str(made.nights[0]))
                )
        (folder / "elasticc.yaml").write_text(SURVEY)
        for name, (survey, path) in _REAL.items():
            if (names and name not in names) or not (SHARED / path).exists():
                continue
            night = folder / name / "science" / "year=2026" / "month=03" / "day=22"
            night.mkdir(parents=True)
            (night / "part-0.parquet").symlink_to(SHARED / path)
            survey = str(folder / "elasticc.yaml") if survey == "elasticc" else survey
            found.append(Source(name=name, survey=survey, archive=folder / name / "science", night=_NIGHT))
        yield found


def measure_blocks(doc: str | None, measure: Callable[[Block, int], Iterable[Figure]]) -> None:
    """Be a script that measures something of each block that is chosen, so many rounds, and prints the rates."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", action="append", choices=[*_SAMPLES, *_REAL], help="by default all at hand")
    parser.add_argument("--content", action="append", choices=CONTENTS, help="by default all")
    add_options(parser, rounds=7)
    options = parser.parse_args()
    found = [figure for block in _blocks(options) for figure in measure(block, options.rounds)]
    keep(options, found)
    Console(width=140).print(rates_shown(found))


def _blocks(options: argparse.Namespace) -> Iterator[Block]:
    """Yield the blocks that were chosen, 30 MB of datums each."""
    with sources(options.source) as found:
        for source in found:
            for content in options.content or CONTENTS:
                plan = source.plan(content)
                read = [block for one in plan.fragments for _, block in read_content(plan.selection, one, None)]
                (alerts,) = pa.Table.from_batches(read).combine_chunks().to_batches()
                nbytes_each = max(1, encode(alerts, plan.schema).nbytes // len(alerts))
                places = np.arange(max(len(alerts), _BLOCK_NBYTES // nbytes_each)) % len(alerts)
                repeated = alerts.take(pa.array(places[: 1 + _BLOCK_NBYTES // nbytes_each]))
                yield Block(source=source.name, content=content, alerts=repeated, schema=plan.schema)
