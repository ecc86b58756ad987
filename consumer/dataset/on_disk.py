"""The files that readers of a folder meet, compared with those that were written: one rule for `consume` and `verify`.

Readers differ. pyarrow and pandas read whatever lies in a folder and below it, but for names, of files or of folders,
that begin with `_` or `.`. Polars, DuckDB and Dask read what ends in `.parquet`, whatever it begins with. So alerts
count as there where all of them read them; and whatever else one of them would read does not belong there.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer.dataset.parquet import is_ours, is_parquet

__all__ = ["Met", "Stranger", "look_through", "lost_files", "strangers"]

_PASSED_OVER = ("_", ".")
_SUFFIX = ".parquet"


@dataclass(frozen=True, kw_only=True)
class Met:
    """A file that some reader meets."""

    path: Path
    name: str
    """Relative to the folder, with `/`."""
    hidden: bool
    """Whether its name or that of a folder begins with `_` or `.`: pyarrow and pandas pass over it."""

    @property
    def by_all(self) -> bool:
        """Whether all readers read it."""
        return not self.hidden and self.name.endswith(_SUFFIX)

    @property
    def readers(self) -> str:
        """Which readers read it, in words."""
        if self.by_all:
            return "all readers"
        return "Polars, DuckDB and Dask" if self.hidden else "pyarrow and pandas"


@dataclass(frozen=True, kw_only=True)
class Stranger:
    """A file that readers meet and that was not written where it lies."""

    met: Met
    is_ours: bool
    """Whether a consumer wrote it, of whatever job: a copy, or a file that was moved."""

    @property
    def told(self) -> str:
        """What is wrong with it."""
        told = "alerts that a consumer wrote, but none were written there" if self.is_ours else "not of this program"
        return f"{self.met.name}: {told}" + ("" if self.met.by_all else f"; only {self.met.readers} read it")


def look_through(outdir: Path) -> tuple[list[Met], list[str]]:
    """Return the files that some reader meets, sorted, and what is wrong with links: each folder is looked at once.

    Raises
    ------
    OSError
        If a folder can't be read.
    """

    def refuse(exc: OSError) -> None:
        if exc.filename != str(outdir) or exc.errno != errno.ENOENT:
            raise exc

    top = Path(os.path.realpath(outdir))
    visited, found, wrong = {top}, [], []
    for folder, below, names in os.walk(outdir, onerror=refuse, followlinks=True):
        inside = Path(folder).relative_to(outdir)
        kept = []
        # Links last: what they lead to has a name of its own.
        for name in sorted(below, key=lambda name: (os.path.islink(os.path.join(folder, name)), name)):
            real = Path(os.path.realpath(os.path.join(folder, name)))
            if real in visited or top.is_relative_to(real):
                wrong.append(f"{(inside / name).as_posix()}: a link to {real}, whose files readers meet again there")
            else:
                visited.add(real)
                kept.append(name)
        below[:] = kept
        for name in names:
            place = inside / name
            hidden = any(part.startswith(_PASSED_OVER) for part in place.parts)
            if not hidden or name.endswith(_SUFFIX):
                found.append(Met(path=Path(folder, name), name=place.as_posix(), hidden=hidden))
    return sorted(found, key=lambda met: met.name), wrong


def lost_files(written: Mapping[str, Mapping[str, Any]], met: Iterable[Met]) -> dict[str, str]:
    """Return what is wrong with each file that does not lie on the disk as the journal has it, by name and size.

    Parameters
    ----------
    written
        The journal's files.
    met
        What `look_through` found.
    """
    # Names as the folder lists them: asked for a name, a disk that ignores case finds others, too.
    paths = {file.name: file.path for file in met}
    twins = {name.lower(): name for name in paths if name not in written}
    found = {}
    for name, file in written.items():
        # A link that leads nowhere is a file that is gone.
        nbytes = paths[name].stat().st_size if name in paths and paths[name].exists() else None
        if nbytes is None:
            twin = twins.get(name.lower())
            instead = f"; {twin}, which is one with it where the disk ignores case, is there" if twin else ""
            found[name] = f"{name} is gone{instead}"
        elif nbytes != file["nbytes"]:
            found[name] = f"{name} has {nbytes:,} bytes, {file['nbytes']:,} were written"
    return found


def strangers(written: Container[str], met: Iterable[Met]) -> Iterator[Stranger]:
    """Yield the files that readers meet and the journal does not name.

    Hidden files that are no Parquet are left out (macOS puts `._name` beside each file on some disks): readers pass
    over them, or end with an error.
    """
    for file in met:
        if file.name not in written and (not file.hidden or is_parquet(file.path)):
            yield Stranger(met=file, is_ours=is_ours(file.path))
