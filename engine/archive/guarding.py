"""What goes wrong while a file of the archive is read, told in the archive's terms: its bytes, or the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from engine.archive.footer import ArchiveFile
from engine.errors import AlertTransferError, ArchiveError, UnreadableError
from engine.storage import ChangedError, EncryptedError, ExpansionError, OpenParquet, Store, cause_of, without_password

__all__ = ["Reading", "guarded", "has_changed"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Reading:
    """What was being read of a file when it failed."""

    opened: OpenParquet
    row_groups: Sequence[int]
    columns: Sequence[str]

    def culprit(self) -> str:
        """Return the row group that can't be read, as the beginning of a sentence."""
        for group in self.row_groups:
            try:
                for _ in self.opened.batches([group], self.columns, 1024):
                    pass
            except (pa.ArrowException, OSError):
                return f"row group {group} of "
        return ""


def guarded(store: Store, file: ArchiveFile, action: Callable[[], _T], read: Reading | None = None) -> _T:
    """Return what an action on a file returns.

    Parameters
    ----------
    store
        Where the file lies.
    file
        What is read.
    action
        Reads of it.
    read
        What of it, where a row group can be named.

    Raises
    ------
    UnreadableError
        If its bytes are not what they should be.
    ArchiveError
        If the store can't be reached, or does not let us.
    """
    try:
        return action()
    except (MemoryError, AlertTransferError):
        raise
    except ChangedError as exc:
        raise has_changed(file, f"now {cause_of(exc)}") from exc
    except Exception as exc:
        # Arrow's errors about the bytes that it found: its own, plain OSErrors without a number, and names that are
        # no text. All else the system or the store says: it could not be reached, or did not let us.
        of_bytes = isinstance(exc, pa.ArrowException | UnicodeDecodeError)
        if not of_bytes and (type(exc) is not OSError or exc.errno is not None):
            if not isinstance(exc, OSError) and store.is_local:
                raise
            raise ArchiveError(
                f"{without_password(file.path)} can't be read: {cause_of(exc)}",
                next_step="check that it is there and readable"
                + (", and that the server answers requests for ranges of a file" if store.is_web else ""),
            ) from exc
        what = f"{without_password(file.path)} ({file.nbytes} bytes)"
        if isinstance(exc, EncryptedError):
            what, accepted = f"{what} is Parquet that is not read", "Parquet without encryption"
            mend = "have the file written without encryption"
        elif isinstance(exc, ExpansionError):
            what = f"{what} is Parquet that expands without bound"
            accepted = "row groups that come to a size that their bytes explain"
            mend = "have the file written anew in smaller row groups"
        else:
            what = f"{read.culprit() if read else ''}{what} is not Parquet that can be read"
            accepted, mend = "Parquet", "repair the file"
        raise UnreadableError(
            f"{what}: {exc}",
            accepted=accepted,
            next_step=f"{mend}, leave out the night {file.night}, or send the rest with --skip-unreadable",
        ) from exc


def has_changed(file: ArchiveFile, now: str) -> ArchiveError:
    """Return the error that a file is not the one that was planned.

    Parameters
    ----------
    file
        As it was planned.
    now
        What tells that it is another one.
    """
    return ArchiveError(
        f"{without_password(file.path)} has changed since the job was planned: "
        f"{file.nbytes} bytes, ETag {file.etag} then; {now}",
        next_step="submit the request again, to plan it on what is there now",
    )
