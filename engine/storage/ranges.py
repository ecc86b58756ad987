"""Ranges of a remote file that are fetched ahead of whoever reads it, several at once, in bounded memory.

Arrow reads a column chunk in one go, and each once. So chunks are the unit: those that lie near each other come with
one request, large ones with several, and what was read is let go. Before its first batch Arrow holds all chunks of a
row group: once it has begun with one of them, the others are fetched at once, whatever they weigh.
"""

from __future__ import annotations

import io
import threading
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from weakref import ref

from engine.storage.remote import RemoteFile
from engine.storage.rooms import Rooms

__all__ = ["Range", "RangedFile", "brought_together"]

Range = tuple[int, int]
"""Where it starts, and where it ends."""

_WASTE = 0.2
"""What lies between chunks may come with them up to this part of what they weigh: a request costs more than its bytes,
but of thousands of small row groups nearly all lies between."""
_PART_NBYTES = 8 * 1024 * 1024
"""One request brings so much at most: several at once come faster than one, and a cut costs no more."""
_OWN_NBYTES = 16 * 1024 * 1024
"""So much of each open file may lie ready or be on its way, besides what the row group that is being read has left."""
_SHARED_NBYTES = 96 * 1024 * 1024
"""And so much more of all of them, those first that are read first: of large row groups the whole next one is to be
here when it is begun, for Arrow holds all of it before it gives the first rows."""
_KEPT_NBYTES = 4 * 1024 * 1024
"""So much of what was read stays: the filter's columns are read again with the content."""
_REQUESTS_AT_ONCE = 16


_lock = threading.RLock()
"""Of all files: what one lets go of the others take."""


@lru_cache(maxsize=1)
def _requests() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_REQUESTS_AT_ONCE, thread_name_prefix="fetch")


def brought_together(chunks: Iterable[Range], spare: int) -> list[Range]:
    """Return ranges that hold all chunks, by place: the narrowest gaps come with them, as far as they are to spare.

    Parameters
    ----------
    chunks
        In any order.
    spare
        Bytes that may come besides.
    """
    apart: list[Range] = []
    for start, end in sorted(chunk for chunk in set(chunks) if chunk[1] > chunk[0]):
        if apart and start < apart[-1][1]:  # none do but in a damaged file
            apart[-1] = (apart[-1][0], max(apart[-1][1], end))
        else:
            apart.append((start, end))
    closed = set()
    for gap, place in sorted((after[0] - before[1], place) for place, (before, after) in enumerate(pairwise(apart), 1)):
        spare -= gap
        if spare < 0:
            break
        closed.add(place)
    found: list[Range] = []
    for place, (start, end) in enumerate(apart):
        if place in closed and end - found[-1][0] <= _PART_NBYTES:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


@dataclass(eq=False)
class _Piece:
    """A range that is fetched, and the chunks in it that nobody has read yet."""

    start: int
    end: int
    group: int = 0
    """Which of the file's groups of chunks, counted over all that were fetched, it comes with."""
    unread: set[Range] = field(default_factory=set)
    data: memoryview = field(default_factory=lambda: memoryview(b""))
    num_asked: int = 0
    """So many of its bytes, from its start, are here or on their way."""
    requests: list[Future[None]] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        return self.end - self.start

    @property
    def left(self) -> int:
        """How many bytes were not asked for yet."""
        return self.nbytes - self.num_asked

    def holds(self, start: int, end: int) -> bool:
        return self.start <= start and end <= self.end

    def part(self, start: int, end: int) -> memoryview:
        """Return a range of it once it is here."""
        wait(self.requests)
        for request in self.requests:
            request.result()
        return self.data[start - self.start : end - self.start]


def _place(piece: _Piece) -> int:
    return piece.start


class _Fetching:
    """The open files of which something was to be fetched, in that order. Who drops one need not close it."""

    def __init__(self) -> None:
        self._files: tuple[ref[RangedFile], ...] = ()

    def __iter__(self) -> Iterator[RangedFile]:
        return iter([file for each in self._files if (file := each()) is not None])

    def add(self, file: RangedFile) -> None:
        if file not in self:
            self._files += (ref(file),)

    def drop(self, file: RangedFile) -> None:
        self._files = tuple(each for each in self._files if each() not in (None, file))
        if not self._files:
            _rooms.clear()


_fetching = _Fetching()
_rooms = Rooms(_SHARED_NBYTES)


class RangedFile(io.RawIOBase):
    """A remote file for Arrow to read, of which ranges are fetched ahead. For one reader at a time.

    Parameters
    ----------
    remote
        Where its bytes come from.
    """

    def __init__(self, remote: RemoteFile):
        self._remote = remote
        self._at = 0
        self._pieces: list[_Piece] = []
        """All that are held or will be, by place."""
        self._longest = 0
        self._waiting: deque[_Piece] = deque()
        """Those that were not asked for to their end yet, in the order in which they will be read."""
        self._kept: OrderedDict[_Piece, None] = OrderedDict()
        """Those that were read, the latest last."""
        self._kept_nbytes = 0
        self._num_groups = 0
        self._reading = -1
        """The last group of which something was read."""
        self._ahead = 0
        """Bytes that are here or on their way, and that nobody has read yet."""

    def fetch(self, groups: Sequence[Sequence[Range]], spare: int) -> None:
        """Begin to fetch column chunks, but for those that are here or on their way.

        Parameters
        ----------
        groups
            The chunks of each row group, in the order in which they will be read.
        spare
            Bytes that may come besides them, and besides a part of what they weigh.
        """
        with _lock:
            order: dict[Range, int] = {}
            group_of: dict[Range, int] = {}
            for group, chunks in enumerate(groups, self._num_groups):
                for start, end in ((start, min(end, self._remote.nbytes)) for start, end in chunks):
                    piece = self._piece(start, end)
                    if piece is not None:
                        self._want_again(piece, (start, end))
                    elif end > start:
                        order.setdefault((start, end), len(order))
                        group_of.setdefault((start, end), group)
            self._num_groups += len(groups)
            spare += int(_WASTE * sum(end - start for start, end in order))
            found = [_Piece(start, end) for start, end in brought_together(order, spare)]
            starts = [piece.start for piece in found]
            for chunk in order:
                found[bisect_right(starts, chunk[0]) - 1].unread.add(chunk)
            for piece in found:
                piece.group = min(group_of[chunk] for chunk in piece.unread)
            self._waiting += sorted(found, key=lambda piece: min(order[chunk] for chunk in piece.unread))
            self._pieces = sorted([*self._pieces, *found], key=_place)
            self._longest = max((piece.nbytes for piece in self._pieces), default=0)
            _fetching.add(self)
            self._go_on()

    def _want_again(self, piece: _Piece, chunk: Range) -> None:
        if piece in self._kept:
            del self._kept[piece]
            self._kept_nbytes -= piece.nbytes
            self._ahead += piece.nbytes
        piece.unread.add(chunk)

    def _go_on(self) -> None:
        """Send requests for what is read next, as far as memory allows."""
        while self._waiting:
            piece = self._waiting[0]
            while piece.left and (piece.group <= self._reading or self._has_room(min(piece.left, _PART_NBYTES))):
                self._ask(piece)
            if piece.left:
                break
            self._waiting.popleft()

    def _has_room(self, nbytes: int) -> bool:
        own = self._ahead + nbytes
        if own <= _OWN_NBYTES:
            return True
        shared = sum(max(0, file._ahead - _OWN_NBYTES) for file in _fetching if file is not self)
        return shared + own - _OWN_NBYTES <= _SHARED_NBYTES

    def _ask(self, piece: _Piece) -> None:
        """Ask for the next part of a piece."""
        if not piece.num_asked:
            piece.data = _rooms.take(piece.nbytes)
        start = piece.num_asked
        end = min(start + _PART_NBYTES, piece.nbytes)
        piece.requests.append(_requests().submit(self._remote.read_into, piece.start + start, piece.data[start:end]))
        piece.num_asked = end
        self._ahead += end - start

    def _piece(self, start: int, end: int) -> _Piece | None:
        # Gaps may have come twice: the last that begins before it need not be that which holds it.
        place = bisect_right(self._pieces, start, key=_place) - 1
        while place >= 0 and self._pieces[place].start + self._longest >= end:
            if self._pieces[place].holds(start, end):
                return self._pieces[place]
            place -= 1
        return None

    def _fetched(self, start: int, end: int) -> _Piece | None:
        """Return the piece that holds a range, asked for; None where nobody asked to have it fetched."""
        with _lock:
            piece = self._piece(start, end)
            while piece is not None and piece.left:
                self._ask(piece)
        return piece

    def _note_begun(self, piece: _Piece) -> None:
        """Take in that a reader waits for a piece: it needs the rest of the group, too, before it does anything."""
        with _lock:
            if piece.group > self._reading:
                self._reading = piece.group
                self._go_on()

    def _note_read(self, piece: _Piece, start: int, end: int) -> None:
        with _lock:
            if not piece.unread:
                return
            piece.unread -= {chunk for chunk in piece.unread if start <= chunk[0] and chunk[1] <= end}
            if piece.unread:
                return
            self._ahead -= piece.nbytes
            self._kept[piece] = None
            self._kept_nbytes += piece.nbytes
            while self._kept_nbytes > _KEPT_NBYTES:
                dropped, _ = self._kept.popitem(last=False)
                self._kept_nbytes -= dropped.nbytes
                self._pieces.remove(dropped)
            for file in _fetching:
                file._go_on()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._remote.nbytes}[whence]
        return self._at

    def read_buffer(self, size: int = -1) -> memoryview:
        """Return the next bytes; Arrow takes them as they lie, without a copy."""
        start = self._at
        end = self._remote.nbytes if size is None or size < 0 else min(start + size, self._remote.nbytes)
        piece = self._fetched(start, end)
        if piece is None:
            data = memoryview(self._remote.read(start, end))
        else:
            self._note_begun(piece)
            data = piece.part(start, end)
            self._note_read(piece, start, end)
        self._at += len(data)
        return data

    def read(self, size: int = -1) -> bytes:
        return bytes(self.read_buffer(size))

    def peek(self, start: int, end: int) -> bytes:
        """Return a range without counting it as read."""
        piece = self._fetched(start, end)
        return self._remote.read(start, end) if piece is None else bytes(piece.part(start, end))

    def close(self) -> None:
        if not self.closed:
            with _lock:
                for request in (request for piece in self._pieces for request in piece.requests):
                    request.cancel()
                self._pieces.clear()
                self._waiting.clear()
                self._kept.clear()
                self._ahead = 0
                _fetching.drop(self)
                for file in _fetching:
                    file._go_on()
            self._remote.close()
        super().close()
