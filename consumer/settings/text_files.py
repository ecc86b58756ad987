"""Text files that users name: a request, a configuration. Read without importing what reads YAML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from consumer.errors import InputError
from consumer.settings.values import shown

__all__ = ["MAX_NBYTES", "read_stream", "read_text"]

MAX_NBYTES = 1_000_000


def read_text(path: str | os.PathLike[str], what: str, *, error: type[InputError]) -> str:
    """Return a file's text, a byte-order mark left out and ends of lines as `\\n`; no more than 1 MB is ever read.

    Parameters
    ----------
    path
        The file; `~` is the user's home.
    what
        What the file is, for messages: `the request`.
    error
        What is raised.

    Raises
    ------
    InputError
        If there is no such file, it is too large or no UTF-8.
    """
    place = Path(path)
    try:
        place = place.expanduser()
        with open(place, "rb") as file:
            data = file.read(MAX_NBYTES + 1)
    except OSError as exc:
        raise error(
            f"{what} {shown(str(place), 200)} can't be read: {exc.strerror}", next_step="check the path"
        ) from exc
    except (ValueError, RuntimeError) as exc:  # a path with a NUL; a home that is nobody's
        raise error(f"{what} {shown(str(path), 200)} can't be read: it is no path", next_step="check the path") from exc
    return _text_of(data, f"{what} {shown(str(place), 200)}", error)


def read_stream(stream: BinaryIO, what: str, *, error: type[InputError]) -> str:
    """Return what a stream has, read as `read_text` reads a file.

    Parameters
    ----------
    stream
        Stdin, say; read to its end.
    what
        What it holds, for messages.
    error
        What is raised.

    Raises
    ------
    InputError
        If it can't be read, is too large or no UTF-8.
    """
    try:
        data = stream.read(MAX_NBYTES + 1)
    except OSError as exc:
        raise error(f"{what} can't be read: {exc.strerror}") from exc
    return _text_of(data, what, error)


def _text_of(data: bytes, what: str, error: type[InputError]) -> str:
    if len(data) > MAX_NBYTES:
        raise error(f"{what} can't be read: it has more than {MAX_NBYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        raise error(
            f"{what} can't be read: it is {'UTF-16' if wide else 'not UTF-8 text'}", next_step="save it as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")
