"""Files read for the catalogue: here in a few threads, or on the workers of a cluster."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from engine.archive import ArchiveFile, Footer
from engine.catalogue.measuring import Measure
from engine.catalogue.rows import Content
from engine.errors import ArchiveError
from engine.workers import on_worker

if TYPE_CHECKING:
    import distributed

__all__ = ["ReadFile", "read_files"]

_FILES_AT_ONCE = 8
_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class ReadFile:
    """What was found in a file."""

    file: ArchiveFile
    footer: Footer | None = None
    content: Content | None = None
    problem: str | None = None
    """Why footer or content is missing."""


def read_files(
    measure: Measure, files: Sequence[ArchiveFile], client: distributed.Client | None
) -> Generator[list[ReadFile]]:
    """Yield what is found in files, some at a time, in any order.

    Parameters
    ----------
    measure
        Measures a file.
    files
        Which files.
    client
        Of the cluster that reads them; None reads them here.
    """
    num_threads = _THREADS if client is None else max(1, sum(client.nthreads().values()))
    left = iter([files[start : start + _FILES_AT_ONCE] for start in range(0, len(files), _FILES_AT_ONCE)])
    pool = ThreadPoolExecutor(num_threads)

    def begun(among: Sequence[ArchiveFile]) -> Future[list[ReadFile]]:
        if client is None:
            return pool.submit(_read, measure, among)
        return pool.submit(on_worker, client, _read, measure, among)

    running = {begun(among) for among in islice(left, 2 * num_threads)}
    try:
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {begun(among) for among in islice(left, len(done))}
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read(measure: Measure, files: Sequence[ArchiveFile]) -> list[ReadFile]:
    unreadable: list[tuple[ArchiveFile, str]] = []
    survey = measure.survey
    leaves = [survey.time_field, survey.brightness_field, survey.ra_field, survey.dec_field]
    try:
        footers = measure.archive.footers(
            files, None, unreadable, with_nulls=True, ranges_of=list(filter(None, leaves))
        )
    except ArchiveError as exc:
        if len(files) > 1:  # the others may well be there
            return [found for file in files for found in _read(measure, [file])]
        return [ReadFile(file=files[0], problem=exc.as_told)]
    found = [ReadFile(file=file, problem=reason) for file, reason in unreadable]
    for footer in footers:
        try:
            found.append(ReadFile(file=footer.file, footer=footer, content=measure(footer)))
        except ArchiveError as exc:
            found.append(ReadFile(file=footer.file, footer=footer, problem=exc.as_told))
    return found
