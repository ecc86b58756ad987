"""What may know footers without reading the files: a catalogue of the archive is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.archive.footer import ArchiveFile, Footer

__all__ = ["FooterSource"]


class FooterSource(Protocol):
    """Knows the footers of some files. It is never trusted over the listing: a file is the one that it knows by path,
    size and ETag alone.
    """

    @property
    def with_nulls(self) -> bool:
        """Whether it wants the nulls of files that are read since it does not know them."""

    @property
    def ranges_of(self) -> Sequence[str]:
        """Leaves of which it wants the ranges of these files."""

    def known(
        self, files: Sequence[ArchiveFile], *, with_nulls: bool, ranges_of: Sequence[str]
    ) -> Mapping[str, Footer]:
        """Return path -> footer, of those of the files of which it knows all that is asked for.

        Parameters
        ----------
        files
            As they are listed now.
        with_nulls, ranges_of
            See `Archive.footers`. A footer counts as known if it says of these leaves all that the file's statistics
            say, though that may be nothing.
        """

    def learned(self, footers: Sequence[Footer]) -> None:
        """Take the footers that were read, since it did not know them: with what it wants of them."""
