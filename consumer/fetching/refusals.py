"""What the disk refuses, told as an error of ours."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from consumer.errors import AlertTransferError, IncompleteError

__all__ = ["told_when_refused"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def told_when_refused(path: str | os.PathLike[str], kind: type[AlertTransferError]) -> Iterator[None]:
    """Raise what the disk refuses as an error of this kind, or as IncompleteError where the disk is full."""
    try:
        yield
    except OSError as exc:
        if exc.errno in _FULL:
            raise IncompleteError(
                f"{path} can't be written any further: {os.strerror(exc.errno)}",
                next_step="make room there, then run it again: it goes on where it was stopped",
            ) from exc
        if exc.errno is None:
            raise
        if exc.errno == errno.ENAMETOOLONG:
            raise kind(
                f"{exc.filename or path} can't be made: {os.strerror(exc.errno)}",
                next_step="choose an --outdir whose path is shorter",
            ) from exc
        raise kind(
            f"{exc.filename or path} can't be used: {os.strerror(exc.errno)}",
            accepted="an output folder that can be read and written, and likewise the folder that it lies in",
            next_step="have that changed and run it again: it goes on where it was stopped; or choose another --outdir",
        ) from exc
