"""Columnar Avro encoder: a record batch becomes its datums at once, column by column.

The walk goes along the Avro schema with a mask of the rows in which a value is written. What it meets becomes either
*words* (tags, numbers, lengths: 1 to 8 bytes, in the rows that have them) or *bodies* (texts, stamps, whole lists). A
run of words is laid side by side in a matrix with one line per row, from which one boolean selection takes the bytes
that are written, row after row. Bodies stay in Arrow; runs and bodies are joined row by row in C++ at the end. The
items of all lists of a column are encoded at once, as the rows of a batch of their own, and cut by the lists' offsets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import EncodeError

__all__ = ["branches", "encode_columns", "kind_of"]

Mask = np.ndarray | None
"""Booleans, one per row; None stands for all rows."""

_SCRATCH_NBYTES = 1 << 18
"""Size of the matrix that words are laid out in: it fits into a core's cache (measured: 64 KB is a fifth slower)."""

# Varints of up to 8 bytes, by length: the bits that say "more follows", and the bytes that are written.
_MORE = np.array([sum(0x80 << 8 * i for i in range(min(n - 1, 8))) for n in range(11)], dtype=np.uint64)
_WRITTEN = np.array([sum(0x01 << 8 * i for i in range(min(n, 8))) for n in range(11)], dtype=np.uint64)


def encode_columns(columns: list[pa.Array], num_rows: int, schema: dict[str, Any]) -> pa.LargeBinaryArray:
    """Return the datums of rows; the columns must fit the record schema, by position.

    Raises
    ------
    EncodeError
        If a value is null where the schema has no null, or a union is not of one type and null.
    """
    rows = _Rows(num_rows, lambda row: row)
    if num_rows:
        _encode_record(rows, schema, columns, None, "")
    return rows.join()


def branches(schema: Any) -> tuple[Any, int, int | None]:
    """Return the type that is not null, its tag, and null's tag (None without null)."""
    if not isinstance(schema, list):
        return schema, 0, None
    values = [branch for branch in schema if branch != "null"]
    if len(values) != 1 or len(schema) > 2:
        raise EncodeError(f"the Avro union {schema!r:.200} is not of one type and null", accepted='[T, "null"]')
    # A tag is the branch's number as a varint, in zigzag: twice the number.
    return values[0], 2 * schema.index(values[0]), 2 * schema.index("null") if "null" in schema else None


def kind_of(schema: Any) -> str:
    """Return the name of an Avro type that is no union."""
    return schema["type"] if isinstance(schema, dict) else schema


def child_path(path: str, name: str) -> str:
    """Return the path of a field inside the struct at `path` (empty for the root)."""
    return f"{path}.{name}" if path else name


@dataclass(frozen=True, kw_only=True)
class _Word:
    """A few bytes of each row."""

    data: np.ndarray
    """Unsigned integers, little end first, shape (n,), or () where they are the same in all rows."""
    keep: np.ndarray | None
    """Rows that have them: all, booleans, or integers like `data` with a 1 in each byte that is written."""

    def nbytes(self) -> np.ndarray | int:
        """Return the bytes written, per row or the same for all."""
        if self.keep is None:
            return self.data.itemsize
        if self.keep.dtype == bool:
            return self.keep.view(np.uint8) * np.uint8(self.data.itemsize)
        return np.bitwise_count(self.keep)


class _Rows:
    """Datums in the making: for each of n rows, the words and bodies written so far."""

    def __init__(self, num_rows: int, origin: Callable[[int], int]):
        self.num_rows = num_rows
        self.origin = origin
        """From a row here to the row of the batch that it is part of."""
        self._words: list[_Word] = []
        self._pieces: list[pa.LargeBinaryArray] = []

    def word(self, data: np.ndarray, keep: np.ndarray | None) -> None:
        """Add a few bytes; see _Word."""
        self._words.append(_Word(data=data, keep=keep))

    def body(self, body: pa.LargeBinaryArray) -> None:
        """Add bytes of any length; null adds nothing."""
        self._flush()
        self._pieces.append(body)

    def join(self) -> pa.LargeBinaryArray:
        """Return what was written, row by row, in one contiguous buffer."""
        self._flush()
        if not self._pieces:
            return _cut(np.zeros(self.num_rows + 1, dtype=np.int64), pa.py_buffer(b""))
        if len(self._pieces) == 1:
            return self._pieces[0]
        separator = pa.scalar(b"", pa.large_binary())
        return pc.binary_join_element_wise(*self._pieces, separator, null_handling="replace", null_replacement=b"")

    def _flush(self) -> None:
        words, self._words = self._words, []
        if not words:
            return
        offsets = np.zeros(self.num_rows + 1, dtype=np.int64)
        for word in words:
            offsets[1:] += word.nbytes()
        np.cumsum(offsets, out=offsets)
        self._pieces.append(_cut(offsets, pa.py_buffer(_lay_out(words, offsets))))


def _cut(offsets: np.ndarray, data: pa.Buffer, validity: pa.Buffer | None = None) -> pa.LargeBinaryArray:
    """Return data cut at offsets (int64, shape (n + 1,)) into n values."""
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, [validity, pa.py_buffer(offsets), data])


def _lay_out(words: list[_Word], offsets: np.ndarray) -> np.ndarray:
    """Return the bytes of a run of words, row after row; those of row i end at offsets[i + 1]."""
    num_rows = len(offsets) - 1
    width = sum(word.data.itemsize for word in words)
    data = np.empty(offsets[-1], dtype=np.uint8)
    step = max(1, min(num_rows, _SCRATCH_NBYTES // width))
    matrix = np.empty(step * width, dtype=np.uint8)
    keep = None if all(word.keep is None for word in words) else np.ones(step * width, dtype=np.uint8)
    varying = []
    start = 0
    for word in words:
        dtype = word.data.dtype
        column = np.ndarray((step,), dtype, matrix, start, (width,))
        if word.data.ndim:
            varying.append((column, word.data, None))
        else:
            column[:] = word.data
        if word.keep is not None:
            # A boolean becomes a 1 in each byte of the word.
            every = dtype.type(_WRITTEN[dtype.itemsize]) if word.keep.dtype == bool else None
            varying.append((np.ndarray((step,), dtype, keep, start, (width,)), word.keep, every))
        start += dtype.itemsize
    for begin in range(0, num_rows, step):
        end = min(begin + step, num_rows)
        for column, source, every in varying:
            part = source[begin:end]
            column[: end - begin] = part if every is None else part * every
        laid = matrix[: (end - begin) * width]
        data[offsets[begin] : offsets[end]] = laid if keep is None else laid[keep[: len(laid)].view(bool)]
    return data


def _encode(rows: _Rows, schema: Any, array: pa.Array, present: Mask, path: str) -> None:
    """Write one value in each row where `present` is true."""
    while isinstance(array, pa.DictionaryArray):
        array = _decode_dictionary(array, present)
    value, tag, null_tag = branches(schema)
    missing = _missing(array, present)
    if missing is not None:
        if null_tag is None:
            row = rows.origin(int(np.argmax(missing)))
            raise EncodeError(
                f"{path} is null in row {row} of the block",
                accepted="a value in each row, as the field is not nullable in the Avro schema",
                next_step="make the field nullable in the Arrow schema before the Avro schema is made",
            )
        rows.word(np.where(missing, np.uint8(null_tag), np.uint8(tag)), present)
        present = ~missing if present is None else present & ~missing
    elif isinstance(schema, list):
        rows.word(np.array(tag, dtype=np.uint8), present)
    if present is None or present.any():
        _encode_value(rows, value, array, present, path)


def _encode_value(rows: _Rows, schema: Any, array: pa.Array, present: Mask, path: str) -> None:
    match kind_of(schema):
        case "record":
            children = [array.field(i) for i in range(array.type.num_fields)]
            _encode_record(rows, schema, children, present, path)
        case "array":
            offsets, (items,) = _items(array)
            _encode_items(rows, [(schema["items"], items, f"{path}[]")], offsets, present)
        case "map":
            offsets, (keys, values) = _items(array)
            parts = [("string", keys, f"{path}[key]"), (schema["values"], values, f"{path}[]")]
            _encode_items(rows, parts, offsets, present)
        case "string" | "bytes":
            _encode_bytes(rows, array, present)
        case "boolean":
            rows.word(_numbers(array.cast(pa.uint8())), present)
        case "int" | "long":
            _encode_varint(rows, _numbers(array), present)
        case "float":
            rows.word(_numbers(array).astype(np.float32, copy=False).view(np.uint32), present)
        case "double":
            rows.word(_numbers(array).astype(np.float64, copy=False).view(np.uint64), present)


def _encode_record(rows: _Rows, schema: Any, columns: list[pa.Array], present: Mask, path: str) -> None:
    # By position: the names were compared before.
    for field, column in zip(schema["fields"], columns, strict=True):
        _encode(rows, field["type"], column, present, child_path(path, field["name"]))


def _encode_items(rows: _Rows, parts: list[tuple[Any, pa.Array, str]], offsets: np.ndarray, present: Mask) -> None:
    """Write lists or maps: unless it is empty, their length and items; then a zero."""
    counts = np.diff(offsets)
    inside = None
    filled = counts > 0
    if present is not None:
        if filled[~present].any():
            # Items under a null are not written. They stay in place, without bytes, so that the offsets hold.
            inside = np.repeat(present, counts)
        filled &= present
    if filled.any():
        _encode_varint(rows, counts, filled)
        items = _Rows(int(offsets[-1]), lambda item: rows.origin(int(np.searchsorted(offsets, item, side="right")) - 1))
        for schema, array, path in parts:
            _encode(items, schema, array, inside, path)
        bodies = items.join()
        rows.body(_cut(_offsets(bodies, np.int64)[offsets], bodies.buffers()[2]))
    rows.word(np.array(0, dtype=np.uint8), present)


def _encode_bytes(rows: _Rows, array: pa.Array, present: Mask) -> None:
    if array.type in (pa.binary(), pa.string()) and len(array):
        offsets = _offsets(array, np.int32).astype(np.int64)  # a cast takes longer, since there are many short columns
    else:
        array = array.cast(pa.large_binary())
        offsets = _offsets(array, np.int64)
    _encode_varint(rows, np.diff(offsets), present)
    # What lies under a parent's null is hidden by a validity bitmap of our own; the bytes are not copied.
    validity = None if present is None else pa.array(present).buffers()[1]
    rows.body(_cut(offsets, array.buffers()[2] or pa.py_buffer(b""), validity))


def _encode_varint(rows: _Rows, values: np.ndarray, present: Mask) -> None:
    """Write integers, in zigzag, 7 bits a byte, lowest first, with a high bit where more bytes follow."""
    signed: np.ndarray[Any, np.dtype[np.signedinteger]] = values.astype(
        np.int32 if values.dtype.itemsize < 4 or values.dtype == np.int32 else np.int64, copy=False
    )
    zigzag = ((signed << 1) ^ (signed >> (8 * signed.itemsize - 1))).view(f"u{signed.itemsize}")
    written = zigzag if present is None else zigzag[present]
    shortest, longest = (max(1, -(-int(bound).bit_length() // 7)) for bound in (written.min(), written.max()))
    if longest == 1:
        rows.word(zigzag.astype(np.uint8), present)
        return
    zigzag = zigzag.astype(np.uint64, copy=False)
    # In rows that are not written the length is any that the tables know.
    lengths = np.full(len(zigzag), shortest, dtype=np.intp)
    for length in range(shortest, longest):
        lengths += zigzag >= np.uint64(1 << 7 * length)
    keep = present
    if shortest != longest:
        keep = _WRITTEN[lengths]
        if present is not None:
            keep *= present
    _add_words(rows, _spread(zigzag) | _MORE[lengths], min(longest, 8), keep)
    if longest > 8:
        last = (zigzag >> np.uint64(56) & np.uint64(0x7F)) | (zigzag >> np.uint64(63) << np.uint64(8))
        last |= (lengths > 9).astype(np.uint64) << np.uint64(7)
        if shortest != longest:
            keep = _WRITTEN[np.maximum(lengths - 8, 0)]
            if present is not None:
                keep *= present
        _add_words(rows, last, longest - 8, keep)


def _spread(values: np.ndarray) -> np.ndarray:
    """Return the lowest 56 bits of uint64 values, 7 to a byte: halves are moved apart, then quarters, then eighths."""
    values = values & np.uint64(0x00FFFFFFFFFFFFFF)
    for shift, mask in ((4, 0x00FFFFFFF0000000), (2, 0x0FFFC0000FFFC000), (1, 0x3F803F803F803F80)):
        upper = values & np.uint64(mask)
        values ^= upper
        upper <<= np.uint64(shift)
        values |= upper
    return values


def _add_words(rows: _Rows, values: np.ndarray, nbytes: int, keep: np.ndarray | None) -> None:
    """Add the lowest bytes of uint64 values, in words of 8, 4, 2 and 1 bytes."""
    start = 0
    for size in (8, 4, 2, 1):
        if nbytes & size:
            shift = np.uint64(8 * start)
            part = keep
            if keep is not None and keep.dtype != bool:
                part = (keep >> shift).astype(f"u{size}")
            rows.word((values >> shift).astype(f"u{size}"), part)
            start += size


def _decode_dictionary(array: pa.DictionaryArray, present: Mask) -> pa.Array:
    indices = array.indices
    if present is not None:
        # Under a null there may be an index that the dictionary doesn't have.
        indices = pc.if_else(pa.array(present), indices, pa.scalar(None, indices.type))
    return array.dictionary.take(indices)


def _missing(array: pa.Array, present: Mask) -> np.ndarray | None:
    """Return the rows that ought to have a value and are null, or None if there are none."""
    if array.null_count == 0:
        return None
    missing = array.is_null().to_numpy(zero_copy_only=False)
    if present is not None:
        missing &= present
    return missing if missing.any() else None


def _numbers(array: pa.Array) -> np.ndarray:
    """Return the values of a primitive array without a copy; under nulls they are arbitrary."""
    dtype = array.type.to_pandas_dtype()
    return np.frombuffer(
        array.buffers()[1], dtype=dtype, count=len(array), offset=array.offset * np.dtype(dtype).itemsize
    )


def _offsets(array: pa.Array, dtype: type) -> np.ndarray:
    """Return the n + 1 offsets of a list, map or binary array."""
    start = array.offset * np.dtype(dtype).itemsize
    return np.frombuffer(array.buffers()[1], dtype=dtype, count=len(array) + 1, offset=start)


def _items(array: pa.Array) -> tuple[np.ndarray, list[pa.Array]]:
    """Return n + 1 offsets (int64, from 0) and what they cut into lists: the items, or the keys and the values."""
    arrow = array.type
    if pa.types.is_list_view(arrow) or pa.types.is_large_list_view(arrow):
        counts = array.value_lengths().fill_null(0).to_numpy()
        return np.concatenate(([0], np.cumsum(counts, dtype=np.int64))), [array.flatten()]
    if pa.types.is_fixed_size_list(arrow):
        offsets = np.arange(array.offset, array.offset + len(array) + 1, dtype=np.int64) * arrow.list_size
    else:
        offsets = _offsets(array, np.int64 if pa.types.is_large_list(arrow) else np.int32).astype(np.int64)
    first, last = offsets[0], offsets[-1]
    # These attributes are of the whole array, whatever slice of it we have.
    whole = [array.keys, array.items] if pa.types.is_map(arrow) else [array.values]
    return offsets - first, [values.slice(first, last - first) for values in whole]
