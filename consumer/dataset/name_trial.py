"""Whether the disk takes the names of folders as they are: tried before anything is written into them."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from consumer.dataset.folder_names import NULL_FOLDER
from consumer.errors import AlertTransferError, IncompleteError, InputError

__all__ = ["NameTrial"]

# Too long; Windows calls a path that is too long not found, or not valid.
_REFUSED = {errno.ENAMETOOLONG, errno.ENOENT, errno.EINVAL}
_SHOWN = 60
_FILE = "part-00000.parquet"


class NameTrial:
    """The names of the folders that one output folder has, each tried once.

    Parameters
    ----------
    outdir
        The output folder.
    scratch
        A folder that need not exist, whose path is at least as long as that of the output folder; it doesn't stay.
    by_label
        Whether its folders are named by labels.
    ignores_case
        Whether its disk takes names for one that differ in their capitals only.
    """

    def __init__(self, outdir: Path, scratch: Path, *, by_label: bool, ignores_case: bool):
        self._outdir = outdir
        self._scratch = scratch
        self._by_label = by_label
        self._ignores_case = ignores_case
        self._known: dict[str, str] = {}

    def add(self, folders: Iterable[str]) -> list[str]:
        """Take names in; returns those that are new.

        Raises
        ------
        IncompleteError
            If the disk takes two of them for one.
        """
        new = []
        for folder in folders:
            key = folder.lower() if self._ignores_case else folder
            same = self._known.get(key)
            if same is None:
                self._known[key] = folder
                new.append(folder)
            elif same != folder:
                raise IncompleteError(
                    f"the disk of {self._outdir} ignores case: {_shown(same)} and {_shown(folder)} would be one folder "
                    "there, and alerts would be lost; it was begun by version 0.1.0, or on another disk",
                    next_step="fetch the topic anew with --restart, or into another --outdir",
                )
        return new

    def check(self, folders: Iterable[str], *, is_empty: bool) -> None:
        """Try names that may be new.

        Parameters
        ----------
        folders
            Relative to the output folder.
        is_empty
            Whether nothing was fetched so far.

        Raises
        ------
        InputError, IncompleteError
            If the disk refuses one of them; InputError where nothing was fetched so far.
        """
        for folder in self.add(folder for folder in folders if folder):
            name = folder.rpartition("=")[2]
            if self._by_label and name != NULL_FOLDER == unquote(name):
                raise self._taken_for_null(folder, is_empty=is_empty)
            trial = self._scratch / folder / _FILE
            self._scratch.mkdir(parents=True, exist_ok=True)
            try:
                trial.parent.mkdir(parents=True)
                trial.touch()
            except OSError as exc:
                if exc.errno not in _REFUSED:
                    raise
                raise self._refusal(folder, exc, is_empty=is_empty) from exc
            finally:
                shutil.rmtree(self._scratch)

    def _refusal(self, folder: str, exc: OSError, *, is_empty: bool) -> AlertTransferError:
        kind = InputError if is_empty else IncompleteError
        column, _, name = folder.rpartition("=")
        if not self._by_label:
            return kind(
                f"{self._outdir} can't have the folder {folder}: {exc.strerror}",
                next_step="choose an --outdir whose own path is shorter",
            )
        if "*" in name and exc.errno == errno.EINVAL:
            return kind(
                f"the disk of {self._outdir} has no folders with a '*' in their name, as version 0.1.0, which began "
                f"this one, gives to the {column} {_shown(name)!r}",
                next_step="fetch the topic anew with --restart, or into another --outdir: names are encoded since",
            )
        message = (
            f"the {column} {_shown(name)!r} is too long for the name of a folder in {self._outdir}: it has "
            f"{len(name):,} characters there ({exc.strerror})"
        )
        return kind(message, accepted="labels of any length, with --partitionby time or none", next_step=_way(is_empty))

    def _taken_for_null(self, folder: str, *, is_empty: bool) -> AlertTransferError:
        kind = InputError if is_empty else IncompleteError
        return kind(
            f"a {folder.rpartition('=')[0]} is {NULL_FOLDER!r}, which pandas, pyarrow, Polars and Dask read back as "
            "null, however the folder is named",
            accepted="any label, with --partitionby time or none",
            next_step=_way(is_empty),
        )


def _way(is_empty: bool) -> str:
    if is_empty:
        return "run it again with --partitionby time, or with none"
    return "fetch it anew with --partitionby time, into another --outdir or into this one with --restart"


def _shown(folder: str) -> str:
    text = unquote(folder)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
