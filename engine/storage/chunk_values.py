"""Values of a few rows of a column chunk, taken from its pages: what nobody asked for is neither decoded nor copied."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from engine.storage.hybrid import hybrid_numbers
from engine.storage.page_bytes import PageBytes
from engine.storage.pages import Page, PageError, data_pages

__all__ = ["ChunkValues", "Picked"]

_MOST_NBYTES = 1 << 27
"""Values that come to more are left to Arrow, and to the guards against dictionaries that expand without bound."""


@dataclass(frozen=True, kw_only=True)
class Picked:
    """Values of rows, one after the other."""

    definitions: np.ndarray | None
    """Definition level of each row, int32, shape (n,); None: all have a value."""
    is_there: np.ndarray
    """Whether a row has a value, shape (n,)."""
    offsets: np.ndarray
    """Where each begins, int64, shape (n + 1,)."""
    data: bytes


class ChunkValues:
    """The values of a column chunk of bytes without repetition, of which those of ascending rows are asked for in turn.

    Parameters
    ----------
    chunk
        Its bytes, from its first page on.
    codec
        One of the values of `dictionaries.CODECS`.
    num_rows
        Rows of the row group.
    deepest
        The definition level of rows that have a value.
    """

    def __init__(self, chunk: memoryview, codec: str | None, num_rows: int, deepest: int):
        self._pages = data_pages(chunk, codec, num_rows)
        self._deepest = deepest
        self._dictionary: _Values | None = None
        self._page: Page | None = None
        self._opened: _OpenPage | None = None
        self._begin = self._end = 0
        """Rows of the page."""

    def pick(self, rows: np.ndarray) -> Picked:
        """Return the values of rows.

        Parameters
        ----------
        rows
            Ascending, and none before those of the last time, shape (n,).

        Raises
        ------
        PageError
            If a page is not what is read here.
        """
        with _understood():
            return self._pick(rows)

    def finish(self) -> None:
        """Look at the pages that are left, as whoever decodes them would.

        Raises
        ------
        PageError
            If one is not what is read here.
        """
        with _understood():
            for _ in self._pages:
                pass

    def _pick(self, rows: np.ndarray) -> Picked:
        definitions, is_there, lengths = [], [], []
        parts: list[memoryview] = []
        nbytes = done = 0
        while done < len(rows):
            while rows[done] >= self._end:
                self._turn()
            upto = int(np.searchsorted(rows, self._end))
            page = self._open_page()
            here = rows[done:upto] - self._begin
            there = page.is_there[here]
            found = np.zeros(len(here), np.int64)
            starts, ends = page.places(here[there])
            found[there] = ends - starts
            nbytes += int(found.sum())
            if nbytes > _MOST_NBYTES:
                raise PageError("values of many bytes")
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                parts += page.text.parts(start, end)
            if page.definitions is not None:
                definitions.append(page.definitions[here])
            is_there.append(there)
            lengths.append(found)
            done = upto
        return Picked(
            definitions=np.concatenate(definitions) if self._deepest else None,
            is_there=np.concatenate(is_there),
            offsets=np.concatenate([[0], np.cumsum(np.concatenate(lengths))]),
            data=b"".join(parts),
        )

    def _turn(self) -> None:
        """Go on to the next data page."""
        self._opened = None
        for found in self._pages:
            if isinstance(found, Page):
                self._page = found
                self._begin, self._end = self._end, self._end + found.num_values
                return
            self._dictionary = _Values(*found)
        raise PageError("fewer values than rows")

    def _open_page(self) -> _OpenPage:
        if self._opened is None:
            assert self._page is not None
            self._opened = _OpenPage(self._page, self._deepest, self._dictionary)
        return self._opened


@contextmanager
def _understood() -> Iterator[None]:
    """Raise PageError, too, where a page is not what its bytes were taken for."""
    try:
        yield
    except PageError:
        raise
    except (IndexError, ValueError, struct.error, OverflowError, RecursionError) as exc:
        raise PageError("a page that is not understood") from exc


class _Values:
    """Values that stand one after the other, each behind its length."""

    def __init__(self, text: PageBytes, num_values: int, begin: int = 0):
        if num_values < 0:
            raise PageError("fewer values than none")
        self.text = text
        self._ends = np.array([begin, *text.ends(begin, num_values)], np.int64)

    def places(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where values begin and end."""
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self._ends) - 1:
            raise PageError("a value that is not there")
        return self._ends[numbers] + 4, self._ends[numbers + 1]


class _OpenPage:
    """A page that has values that are asked for."""

    def __init__(self, page: Page, deepest: int, dictionary: _Values | None):
        text = page.open()
        self.definitions, begin = page.definitions(text, deepest)
        if self.definitions is None:
            self.is_there = np.ones(page.num_values, bool)
        else:
            self.is_there = self.definitions == deepest
        num_values = int(np.count_nonzero(self.is_there))
        self._numbers = np.cumsum(self.is_there) - 1
        if not page.is_indexed:
            self._values = _Values(text, num_values, begin)
        elif dictionary is None:
            raise PageError("a dictionary that is not there")
        else:
            self._values = dictionary
            indices = np.empty(0, np.int32)
            if num_values:
                packed = b"".join(text.parts(begin, text.nbytes))
                indices = hybrid_numbers(packed[1:], packed[0], num_values)
            self._numbers = indices[self._numbers] if num_values else self._numbers
        self.text = self._values.text

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where the values of rows that have one begin and end in the text."""
        return self._values.places(self._numbers[rows])
