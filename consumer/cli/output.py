"""Where a command's texts go: answers to stdout, and what it says besides to stderr.

An answer that can't be written is an error. What is said besides is lost then, and the command goes on: a terminal that
is closed must not stop a transfer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast

from consumer.errors import AlertTransferError
from consumer.words import printable

__all__ = ["OutputError", "ReaderGone", "drop_output", "fill_standard_streams", "say", "stderr", "write", "written"]


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class OutputError(AlertTransferError):
    """An answer can't be written."""


class ReaderGone(Exception):
    """The program that read our answer has ended (`| head`)."""


def write(text: str, *, is_drawn: bool = False) -> None:
    """Write an answer, with an end of line: the one door to stdout, through which no control character passes.

    Parameters
    ----------
    text
        The answer.
    is_drawn
        Whether rich drew it: its control characters are rich's own then, and the texts in it harmless already.

    Raises
    ------
    OutputError
        If it can't be written.
    ReaderGone
        If its reader has gone.
    """
    with written():
        if sys.stdout is None:
            raise OSError("stdout is closed")
        sys.stdout.write(f"{text if is_drawn else printable(text)}\n")
        sys.stdout.flush()


@contextlib.contextmanager
def written() -> Iterator[None]:
    """Raise what goes wrong with writing to stdout in this block as `write` does."""
    try:
        yield
    except BrokenPipeError as exc:
        drop_output(sys.stdout)
        raise ReaderGone from exc
    except UnicodeEncodeError as exc:
        character = exc.object[exc.start]
        raise OutputError(
            f"the answer can't be written: the encoding {exc.encoding} has no {character!a} (U+{ord(character):04X})",
            next_step="have it written as UTF-8, by PYTHONIOENCODING=utf-8 in the environment; or give --json, "
            "which is ASCII",
        ) from exc
    except OSError as exc:
        drop_output(sys.stdout)
        where = "make room there, or write it elsewhere" if exc.errno in _FULL else "write it elsewhere"
        raise OutputError(
            f"the answer can't be written: {exc.strerror or exc}", next_step=f"{where}; what the command did stands"
        ) from exc


def say(text: str) -> None:
    """Write a text to stderr, with an end of line: likewise without control characters (consumer/words.py)."""
    stream = stderr()
    stream.write(f"{printable(text)}\n")
    stream.flush()


def stderr() -> TextIO:
    """Return stderr as a stream that loses what can't be written."""
    return cast(TextIO, _Lossy(sys.stderr))


class _Lossy:
    """A stream that has lost its reader, its terminal or its disk, or that was closed from the beginning (None)."""

    def __init__(self, stream: TextIO | None):
        self._stream = stream

    def write(self, text: str) -> int:
        with self._lost():
            if self._stream is not None:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._lost():
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            drop_output(self._stream)


def drop_output(stream: TextIO | None) -> None:
    """Have a stream's output vanish: Python would complain at its exit of what is left in the buffer."""
    # Streams of tests have no number.
    with contextlib.suppress(OSError, AttributeError):
        number = cast(TextIO, stream).fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


def fill_standard_streams() -> None:
    """Open what was closed of stdin, stdout and stderr (`2>&-`): files that we open must not get their numbers.

    Programs that we start, and libraries in C, write to these numbers.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
