"""Types that have no types inside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from consumer.decoding.cursors import Cursors, Pass, shown
from consumer.decoding.types import At, Column, Mask, Owners, Type, chosen, positions, scatter, validity

_COPIED_AT_ONCE = 1 << 20

__all__ = ["Boolean", "Enum", "Fixed", "Integer", "Null", "Number", "Text"]


@dataclass(frozen=True, kw_only=True)
class Null(Type):
    """Null alone, of which nothing is on the wire."""

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: Column, at: At) -> None:
        work.check(cursors, self.path)

    def finish(self, work: Pass, column: Column, owners: Owners, valid: Mask) -> pa.Array:
        return pa.nulls(column.num_values)

    def avro(self, names: Iterator[str]) -> Any:
        return "null"


@dataclass(frozen=True, kw_only=True)
class Boolean(Type):
    """A byte; any but zero is true, as for fastavro."""

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: Column, at: At) -> None:
        values = work.data[cursors.pos] != 0
        if has is not None:
            values &= has
        cursors.pos += 1 if has is None else has
        work.check(cursors, self.path)
        column.values = scatter(column.values, column.num_values, at, values)

    def finish(self, work: Pass, column: Column, owners: Owners, valid: Mask) -> pa.Array:
        values = column.filled(bool)
        bits = pa.py_buffer(np.packbits(values, bitorder="little"))
        return pa.Array.from_buffers(self.arrow, len(values), [validity(valid), bits])

    def avro(self, names: Iterator[str]) -> Any:
        return "boolean"


@dataclass(frozen=True, kw_only=True)
class Number(Type):
    """A float or a double: its bits are kept as they are."""

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: Column, at: At) -> None:
        bits = (work.words if self.nbytes == 8 else work.halves)[cursors.pos]
        if has is None:
            cursors.pos += self.nbytes
        else:
            bits *= has
            cursors.pos += np.multiply(has, self.nbytes, dtype=np.int64)
        work.check(cursors, self.path)
        column.values = scatter(column.values, column.num_values, at, bits)

    def finish(self, work: Pass, column: Column, owners: Owners, valid: Mask) -> pa.Array:
        return _of_numbers(self.arrow, column.filled(f"<u{self.nbytes}"), valid)

    def avro(self, names: Iterator[str]) -> Any:
        return "double" if self.nbytes == 8 else "float"


@dataclass(frozen=True, kw_only=True)
class Integer(Type):
    """An int or a long."""

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: Column, at: At) -> None:
        values = work.numbers(cursors, has)
        work.check(cursors, self.path)
        if self.nbytes == 4:
            narrow = values.astype(np.int32)
            wrong = narrow != values
            if np.count_nonzero(wrong):
                value = int(values[int(np.argmax(wrong))])
                work.reject(cursors, wrong, f"{shown(self.path)} holds a number beyond 32 bits, {value} say")
            values = narrow
        column.values = scatter(column.values, column.num_values, at, values)

    def finish(self, work: Pass, column: Column, owners: Owners, valid: Mask) -> pa.Array:
        return _of_numbers(self.arrow, column.filled(f"i{self.nbytes}"), valid)

    def avro(self, names: Iterator[str]) -> Any:
        return "long" if self.nbytes == 8 else "int"


def _of_numbers(arrow: pa.DataType, numbers: np.ndarray, valid: Mask) -> pa.Array:
    """Return numbers as an array of a type of their width, without a copy."""
    return pa.Array.from_buffers(arrow, len(numbers), [validity(valid), pa.py_buffer(numbers)])


@dataclass(frozen=True, kw_only=True)
class Text(Type):
    """A string or bytes: their place is noted, and at the end they are copied at once."""

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: Column, at: At) -> None:
        lengths = work.numbers(cursors, has)
        rest = cursors.end - cursors.pos
        wrong = lengths > rest
        wrong |= lengths < 0
        if np.count_nonzero(wrong):
            work.reject(cursors, (rest < 0) | (lengths > rest), f"it ends inside {shown(self.path)}")
            work.reject(cursors, wrong, f"{shown(self.path)} has a negative length")
            lengths[wrong] = 0
        column.lengths = scatter(column.lengths, column.num_values, at, lengths.astype(np.int32))
        column.values = scatter(column.values, column.num_values, at, cursors.pos.astype(np.int32))
        cursors.pos += lengths

    def finish(self, work: Pass, column: Column, owners: Owners, valid: Mask) -> pa.Array:
        starts, lengths = column.values, column.lengths
        if starts is None or lengths is None:
            starts = lengths = np.zeros(column.num_values, dtype=np.int32)
        bitmap = validity(valid)
        _, offsets, text = _copied(work, starts, lengths)
        array = pa.Array.from_buffers(self.arrow, len(starts), [bitmap, offsets, text])
        if self.arrow == pa.string() and not _is_utf8(array):
            wrong = _not_utf8(array)
            work.reject_rows(owners()[wrong], f"the text of {shown(self.path)} is no UTF-8")
            lengths[wrong] = 0
            _, offsets, text = _copied(work, starts, lengths)
            array = pa.Array.from_buffers(self.arrow, len(starts), [bitmap, offsets, text])
        return array

    def avro(self, names: Iterator[str]) -> Any:
        return "string" if self.arrow == pa.string() else "bytes"


def _copied(work: Pass, starts: np.ndarray, lengths: np.ndarray) -> list[pa.Buffer]:
    """Return the buffers of a binary array: pieces of the datums, copied in C++."""
    if len(starts) <= _COPIED_AT_ONCE:
        return _copied_at_once(work, starts, lengths).buffers()
    cuts = range(0, len(starts), _COPIED_AT_ONCE)
    parts = [_copied_at_once(work, starts[at:][:_COPIED_AT_ONCE], lengths[at:][:_COPIED_AT_ONCE]) for at in cuts]
    return pa.concat_arrays(parts).buffers()


def _copied_at_once(work: Pass, starts: np.ndarray, lengths: np.ndarray) -> pa.BinaryArray:
    count = len(starts)
    # An array whose every second value is one of ours, and those between are never looked at.
    bounds = np.empty(2 * count + 1, dtype=np.int32)
    bounds[0:-1:2] = starts
    bounds[1::2] = starts + lengths
    # Arrow reserves memory by the mean length of the values, first bound to last.
    total = int(lengths.sum(dtype=np.int64))
    bounds[-1] = min(int(bounds[0]) + 2 * total, work.data.size) if count else 0
    pieces = pa.Array.from_buffers(pa.binary(), 2 * count, [None, pa.py_buffer(bounds), pa.py_buffer(work.data)])
    return pieces.take(positions(np.arange(0, 2 * count, 2, dtype=np.int32)))


def _is_utf8(texts: pa.StringArray) -> bool:
    """Tell whether all texts are UTF-8; plain ASCII is seen at a glance."""
    _, offsets, text = texts.buffers()
    used = int(np.frombuffer(offsets, dtype=np.int32, count=len(texts) + 1)[-1])
    if not used or np.frombuffer(text, dtype=np.uint8, count=used).max() < 0x80:
        return True
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _not_utf8(texts: pa.StringArray) -> np.ndarray:
    """Return the positions of the texts that are not UTF-8, shape (k,)."""
    _, offsets, text = texts.buffers()
    bounds, view, found = np.frombuffer(offsets, dtype=np.int32).tolist(), memoryview(text), []
    for at in range(len(texts)):
        try:
            str(view[bounds[at] : bounds[at + 1]], "utf-8")
        except UnicodeDecodeError:
            found.append(at)
    return np.array(found, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Enum(Type):
    """The number of a symbol."""

    symbols: tuple[str, ...]

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: Column, at: At) -> None:
        codes = work.numbers(cursors, has)
        work.check(cursors, self.path)
        # As in Python, and so for fastavro, negative ones count from the end.
        codes[codes < 0] += len(self.symbols)
        wrong = (codes < 0) | (codes >= len(self.symbols))
        if has is not None:
            wrong &= has
        if np.count_nonzero(wrong):
            work.reject(cursors, wrong, f"{shown(self.path)} is none of its {len(self.symbols)} symbols")
            codes[wrong] = 0
        column.values = scatter(column.values, column.num_values, at, codes)

    def finish(self, work: Pass, column: Column, owners: Owners, valid: Mask) -> pa.Array:
        codes = column.filled(np.int64)
        # One more symbol, so that there is a first one in any case.
        texts = pa.array([*self.symbols, ""], type=self.arrow).take(positions(codes))
        return pa.Array.from_buffers(self.arrow, len(codes), [validity(valid), *texts.buffers()[1:]])

    def avro(self, names: Iterator[str]) -> Any:
        return {"type": "enum", "name": next(names), "symbols": list(self.symbols)}


@dataclass(frozen=True, kw_only=True)
class Fixed(Type):
    """Always as many bytes."""

    def read(self, work: Pass, cursors: Cursors, has: Mask, column: Column, at: At) -> None:
        starts = cursors.pos.copy()
        cursors.pos += self.nbytes if has is None else np.multiply(has, self.nbytes, dtype=np.int64)
        work.check(cursors, self.path)
        if not self.nbytes:
            return
        there = np.flatnonzero(cursors.end >= 0 if has is None else has & (cursors.end >= 0))
        if column.values is None:
            column.values = np.zeros(column.num_values, dtype=f"V{self.nbytes}")
        if len(there):
            column.values[chosen(at, there)] = work.windows(self.nbytes)[starts[there]]

    def finish(self, work: Pass, column: Column, owners: Owners, valid: Mask) -> pa.Array:
        data = bytes(self.nbytes * column.num_values) if column.values is None else column.values
        return pa.Array.from_buffers(self.arrow, column.num_values, [validity(valid), pa.py_buffer(data)])

    def avro(self, names: Iterator[str]) -> Any:
        return {"type": "fixed", "name": next(names), "size": self.nbytes}
