"""The narrow table of a fragment: the few leaves that the filter reads, classes computed where the file lacks them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from engine.archive import Archive, Fragment
from engine.enrichment import FINKCLASS_INPUTS, CatalogueFile, finkclass, load_tns_catalogue, tnsclass
from engine.pipeline.contents import Projection
from engine.surveys import Survey

__all__ = ["NarrowQuestion", "NarrowReader", "Selection"]


@dataclass(frozen=True, kw_only=True)
class NarrowQuestion:
    """The filter of a job: the few leaves it reads and the question that dask-sql answers on them."""

    sql: str | None
    """None: every alert is selected."""
    leaves: tuple[str, ...]
    types: tuple[pa.DataType, ...]

    @property
    def schema(self) -> pa.Schema:
        """Return the schema of the narrow table."""
        return pa.schema(list(zip(self.leaves, self.types, strict=True)))


class Selection(Protocol):
    """What is selected out of an archive, and in which content: a plan has it, and so has a worker's task."""

    @property
    def archive(self) -> Archive:
        """Where the alerts are."""

    @property
    def survey(self) -> Survey:
        """What its fields mean."""

    @property
    def question(self) -> NarrowQuestion:
        """Which alerts are selected."""

    @property
    def projection(self) -> Projection:
        """Which columns of them."""

    @property
    def tns_catalogue(self) -> CatalogueFile | None:
        """What `tnsclass` is computed with."""

    @property
    def block_alerts(self) -> int:
        """Alerts that are read at once."""


@dataclass(frozen=True, kw_only=True)
class NarrowReader:
    """Reads the few leaves of a fragment that the filter asks for. Callable, picklable, small."""

    archive: Archive
    survey: Survey
    question: NarrowQuestion
    tns_catalogue: CatalogueFile | None

    @classmethod
    def of(cls, job: Selection) -> NarrowReader:
        """Return the reader of a task or a plan."""
        return cls(archive=job.archive, survey=job.survey, question=job.question, tns_catalogue=job.tns_catalogue)

    def __call__(self, fragment: Fragment) -> pa.Table:
        """Return the leaves of a fragment, one row an alert, the classes computed where the file lacks them."""
        try:
            return self._read(fragment)
        except Exception:
            self.archive.check_unchanged(fragment.file)  # a changed file explains best whatever went wrong
            raise

    def _read(self, fragment: Fragment) -> pa.Table:
        question = self.question
        computed = [name for name in question.leaves if name in fragment.lacking]
        stored = [
            (leaf, type_) for leaf, type_ in zip(question.leaves, question.types, strict=True) if leaf not in computed
        ]
        table = self.archive.read_leaves(fragment, [leaf for leaf, _ in stored], [type_ for _, type_ in stored])
        classes = self.classes(fragment, computed)
        arrays = [classes[leaf] if leaf in classes else table[leaf] for leaf in question.leaves]
        return pa.table(arrays, schema=question.schema)

    def classes(self, fragment: Fragment, names: Sequence[str]) -> dict[str, pa.Array]:
        """Return computed class columns of a fragment, shape (num_alerts,) each."""
        found = {}
        if "finkclass" in names:
            types = [_INPUT_TYPES.get(leaf, pa.float64()) for leaf in FINKCLASS_INPUTS]
            found["finkclass"] = finkclass(self.archive.read_leaves(fragment, FINKCLASS_INPUTS, types))
        if "tnsclass" in names:
            found["tnsclass"] = self._tnsclass(fragment)
        return found

    def _tnsclass(self, fragment: Fragment) -> pa.Array:
        if self.tns_catalogue is None:
            return pa.repeat("Unknown", fragment.num_alerts)
        position = [self.survey.ra_field, self.survey.dec_field]
        table = self.archive.read_leaves(fragment, position, [pa.float64(), pa.float64()])
        ra, dec = (table[leaf].to_numpy() for leaf in position)
        return tnsclass(ra, dec, load_tns_catalogue(self.tns_catalogue))


_INPUT_TYPES = {"cdsxmatch": pa.string(), "tracklet": pa.string()}
