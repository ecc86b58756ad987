"""The longest value of a dictionary is found, whatever the codec; what can't be looked into counts whole."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storage.dictionaries import dictionary_nbytes, longest_in_dictionary


def written(values: list[bytes | None], compression: str = "snappy", **options) -> tuple[pq.ColumnChunkMetaData, bytes]:
    file = io.BytesIO()
    options = {"use_dictionary": True, **options}
    pq.write_table(pa.table({"x": pa.array(values, pa.binary())}), file, compression=compression, **options)
    content = file.getvalue()
    return pq.ParquetFile(pa.BufferReader(content)).metadata.row_group(0).column(0), content


def reader(content: bytes):
    return lambda offset, nbytes: content[offset : offset + nbytes]


@given(
    st.lists(st.none() | st.binary(max_size=300), min_size=1, max_size=60),
    st.sampled_from(["none", "snappy", "gzip", "zstd", "brotli"]),
    st.booleans(),
)
def test_the_longest_value_is_found(values, compression, checksums):
    chunk, content = written(values, compression, write_page_checksum=checksums)
    if not chunk.has_dictionary_page:
        return
    held = {value for value in values if value is not None}
    assert longest_in_dictionary(chunk, reader(content)) == max(1, max(map(len, held), default=0))
    assert dictionary_nbytes(chunk, reader(content)) == max(1, sum(4 + len(value) for value in held))


def test_values_of_one_length_are_told_from_others_that_only_look_so():
    for values in ([b"abcd", b"efgh"], [b"abcd", b"ef", b"ghijkl"]):
        chunk, content = written(values)
        assert longest_in_dictionary(chunk, reader(content)) == max(map(len, values))


def test_what_cannot_be_looked_into_counts_whole():
    chunk, content = written([b"abc", b"d" * 40], "lz4")
    assert longest_in_dictionary(chunk, reader(content)) == 4 + 3 + 4 + 40
    chunk, content = written([b"abc", b"d" * 40], "snappy")
    at = chunk.dictionary_page_offset
    assert longest_in_dictionary(chunk, reader(content[: at + 20])) >= 40  # torn
    broken = content[: at + 25] + b"\xff" * 20 + content[at + 45 :]
    assert longest_in_dictionary(chunk, reader(broken)) >= 40


@pytest.mark.parametrize("start", [b"", b"\x15", b"\x15\x04\x15\x90", b"\x00", b"\x1c" * 64, b"\xff" * 64])
def test_a_header_that_is_none_counts_as_the_whole_chunk(start):
    chunk, content = written([b"abc", b"d" * 40])
    torn = content[: chunk.dictionary_page_offset] + start
    assert dictionary_nbytes(chunk, reader(torn)) == max(1, chunk.total_uncompressed_size)
