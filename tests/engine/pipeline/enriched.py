"""A small archive, of which one file lacks what is computed and one has it, and an enrichment that counts alerts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.archive import Archive, Fragment, cut_fragments, unite
from engine.enrichment import Enrichment, added_by, with_added
from engine.pipeline import Predicate, Selection, project_schema
from engine.surveys import survey_named

NUM_ALERTS = 12
A_ROW_GROUP = 4
MAGNITUDES = [float(number) for number in range(NUM_ALERTS)]


@dataclass(frozen=True)
class Counting:
    """Adds twice the magnitude, and counts the alerts that it is given."""

    name: ClassVar[str] = "doubled"
    needs: ClassVar[pa.Schema] = pa.schema([("candidate.magpsf", pa.float64()), ("size(prv_candidates)", pa.int32())])
    adds: ClassVar[pa.Schema] = pa.schema([("doubled", pa.float64()), ("earlier", pa.struct([("n", pa.int32())]))])
    given: list[int] = field(default_factory=list, hash=False)

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        assert batch.schema == self.needs
        self.given.append(batch.num_rows)
        magnitude, num_earlier = batch.columns
        earlier = pa.StructArray.from_arrays([num_earlier], fields=list(self.adds.field("earlier").type))
        return pa.record_batch([pc.multiply(magnitude, 2.0), earlier], schema=self.adds)


def write(root: Path, part: int = 0, **own: pa.Array) -> None:
    """Write a file of 12 alerts, four a row group."""
    folder = root / "year=2021/month=11/day=22"
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "objectId": [f"ZTF21{number:04d}" for number in range(NUM_ALERTS)],
        "candid": pa.array(range(NUM_ALERTS), pa.int64()),
        "candidate": [{"jd": 2459540.5, "magpsf": value, "ra": 10.0, "dec": value} for value in MAGNITUDES],
        "prv_candidates": [[{"jd": 1.0}] * (number % 3) for number in range(NUM_ALERTS)],
        "cdsxmatch": ["Star"] * NUM_ALERTS,
        **own,
    }
    pq.write_table(pa.table(columns), folder / f"part-{part}.parquet", row_group_size=A_ROW_GROUP)


def selection(
    root: Path, enrichments: tuple[Enrichment, ...], fields: tuple[str, ...], sql: str | None = None, leaves=()
) -> tuple[Selection, list[Fragment]]:
    """Return a selection in the content `fields`, and the archive's fragments, one a file."""
    survey = replace(survey_named("ztf"), enrichments=enrichments)
    archive = Archive(str(root))
    footers = archive.footers(archive.files(archive.nights()))
    union = with_added(unite(footers), enrichments)
    projection = project_schema(union, "fields", survey, fields)
    names = added_by(enrichments).names
    fragments = cut_fragments(footers, projection.columns(), target_nbytes=2**30, max_alerts=10**6, class_columns=names)
    return (
        Selection(
            archive=archive,
            survey=survey,
            predicate=Predicate(
                sql=sql, leaves=tuple(leaf for leaf, _ in leaves), types=tuple(type_ for _, type_ in leaves)
            ),
            projection=projection,
            enrichments=enrichments,
            block_alerts=64,
        ),
        fragments,
    )
