"""Alerts into a Parquet file that a user names; a file that is there stays unless the user says otherwise."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from consumer.cli import shown
from engine import InputError

__all__ = ["check_output", "write_output"]


def check_output(file: str, *, overwrite: bool) -> Path:
    """Return the path of a file that can be written, before anything is read for it.

    Raises
    ------
    InputError
        If it is no Parquet by its name, is there already, or has no folder.
    """
    path = Path(file)
    if path.suffix != ".parquet":
        raise InputError(
            f"--output {shown(file)} does not end in .parquet",
            accepted="a Parquet file; JSON comes by --json > FILE",
            next_step=f"give --output {path.stem or 'alerts'}.parquet",
        )
    if path.is_dir():
        raise InputError(f"--output {shown(file)} is a folder", accepted="the name of a file")
    if not path.parent.is_dir():
        raise InputError(
            f"there is no folder {shown(str(path.parent))} for --output", next_step="make it, or name another"
        )
    if path.exists() and not overwrite:
        raise _is_there(file)
    return path


def write_output(path: Path, alerts: pa.Table, *, overwrite: bool) -> None:
    """Write alerts to a file, whole or not at all.

    Raises
    ------
    InputError
        If it has come to be there meanwhile, or can't be written.
    """
    try:
        with _target(path, overwrite) as file:
            pq.write_table(alerts, file, compression="zstd", write_page_checksum=True)
    except FileExistsError:
        raise _is_there(str(path)) from None
    except OSError as exc:
        raise InputError(
            f"{shown(str(path))} can't be written: {exc.strerror or exc}", next_step="name another file by --output"
        ) from exc


@contextlib.contextmanager
def _target(path: Path, overwrite: bool) -> Iterator[Path]:
    """Yield where to write: the file itself, which must be new, or one beside it that takes its place at the end."""
    written = path.with_name(f".{path.name}.{os.getpid()}.part") if overwrite else path
    with open(written, "xb"):
        pass  # refuses what is there
    try:
        yield written
        if overwrite:
            os.replace(written, path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def _is_there(file: str) -> InputError:
    return InputError(
        f"{shown(file)} is there already", next_step="name another file by --output, or give --overwrite as well"
    )
