"""Reading from S3: each byte once, by one version of an object, past whatever a store does to its clients."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.archive import Archive, ArchiveFile, Fragment, cut_fragments
from engine.errors import ArchiveError, UnreadableError
from engine.storage import retrying
from tests.counting_proxy import Proxy, counting
from tests.s3_servers import VERSITYGW, moto, put, versitygw

NIGHT = dt.date(2021, 11, 22)
KEY = "bucket/science/year=2021/month=11/day=22/a.parquet"
NUM_ALERTS = 1_200
STAMP = ["stamp"]
MAGNITUDE = (["magpsf"], [pa.float64()])
both = pytest.mark.parametrize("server", ["moto", "versitygw"], indirect=True)


def alerts(seed: int = 1) -> pa.Table:
    chance = np.random.default_rng(seed)
    fields = {f"f{i}": chance.normal(size=NUM_ALERTS) for i in range(20)}
    stamps = [chance.bytes(2_000) for _ in range(NUM_ALERTS)]
    own = {"candid": np.arange(NUM_ALERTS), "magpsf": chance.normal(size=NUM_ALERTS)}
    return pa.table({**own, **fields, "stamp": stamps})


def as_bytes(table: pa.Table, a_row_group: int) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=a_row_group)
    return out.getvalue()


@pytest.fixture(scope="module")
def server(request, tmp_path_factory) -> Iterator[dict[str, Any]]:
    name = getattr(request, "param", "versitygw" if VERSITYGW.exists() else "moto")
    with moto() if name == "moto" else versitygw(tmp_path_factory.mktemp("gateway")) as store:
        yield store


@pytest.fixture(scope="module")
def running(server) -> Iterator[Proxy]:
    with counting(server["endpoint_url"]) as proxy:
        yield proxy


@pytest.fixture
def proxy(running, monkeypatch) -> Proxy:
    monkeypatch.setattr(retrying, "_FIRST_WAIT", 0.01)
    monkeypatch.setattr(retrying, "_LONGEST_WAIT", 0.05)
    running.behave()
    return running


def planned(server, proxy: Proxy, content: bytes) -> tuple[Archive, Fragment, pq.FileMetaData]:
    """An archive behind the proxy with one object, and what a plan has of it."""
    put(server, KEY, content)
    archive = Archive("s3://bucket/science", {**server, "endpoint_url": proxy.url})
    footers = archive.footers(archive.files([NIGHT]))
    (fragment,) = cut_fragments(footers, ["candid"], target_nbytes=10**12, max_alerts=10**9)
    proxy.asked.clear()
    return archive, fragment, pq.read_metadata(pa.BufferReader(content))


def needed(metadata: pq.FileMetaData, columns: list[str]) -> int:
    """Return the bytes of the chunks of some columns, and of one footer."""
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    chunks = [group.column(i) for group in groups for i in range(group.num_columns)]
    weigh = sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in columns)
    return weigh + metadata.serialized_size


@both
@pytest.mark.parametrize("a_row_group", [100, 400])
@pytest.mark.parametrize("columns", [["f3", "f13"], ["candid", "stamp"]])
def test_little_more_is_read_than_what_is_needed_and_each_byte_once(server, proxy, a_row_group, columns):
    table = alerts()
    archive, fragment, metadata = planned(server, proxy, as_bytes(table, a_row_group))
    assert fragment.file.footer_nbytes == metadata.serialized_size
    with archive.open(fragment) as opened:
        opened.fetch(fragment.row_groups, ["magpsf"])
        narrow = opened.read_leaves(*MAGNITUDE)
        opened.fetch(fragment.row_groups, columns)
        blocks = list(opened.read_blocks(columns, fragment.row_groups, 700))
        opened.check_rows()
        opened.check_unchanged()
    assert narrow["magpsf"].equals(table["magpsf"])
    assert pa.Table.from_batches(blocks).equals(table.select(columns))
    asked = proxy.of_objects()
    assert {(one.method, one.status) for one in asked} == {("GET", 206)}, "neither HEAD nor a second look at the end"
    assert {one.if_match for one in asked} == {f'"{fragment.file.etag}"'}
    assert not [one for one in proxy.asked if one.is_listing]
    assert proxy.nbytes() <= 1.3 * needed(metadata, ["magpsf", *columns])
    assert len(asked) <= 1 + (len(columns) + 1) * metadata.num_row_groups


def test_neighbouring_chunks_come_together(server, proxy):
    archive, fragment, _ = planned(server, proxy, as_bytes(alerts(), 300))
    columns = alerts().schema.names
    with archive.open(fragment) as opened:
        opened.fetch(fragment.row_groups, columns)
        assert sum(block.num_rows for block in opened.read_blocks(columns, fragment.row_groups, 700)) == NUM_ALERTS
    assert len(proxy.asked) <= 2


def test_row_groups_without_a_survivor_are_not_fetched(server, proxy):
    archive, fragment, metadata = planned(server, proxy, as_bytes(alerts(), 200))
    with archive.open(fragment) as opened:
        assert sum(block.num_rows for block in opened.read_blocks(STAMP, [1, 4], 10_000)) == 400
    assert proxy.nbytes() <= 1.1 * needed(metadata, STAMP) * 2 / metadata.num_row_groups + metadata.serialized_size


@pytest.mark.parametrize("chosen", [[5], [5, 210, 399], [205, 206]])
def test_of_chosen_rows_each_byte_is_read_once(server, proxy, chosen):
    table = alerts()
    archive, fragment, metadata = planned(server, proxy, as_bytes(table, 200))
    columns, groups = ["candid", "stamp"], sorted({row // 200 for row in chosen})
    with archive.open(fragment) as opened:
        opened.fetch(groups, columns)
        parts = list(opened.read_chosen(columns, groups, np.array(chosen), 700))
    assert pa.Table.from_batches([block for _, block in parts]).equals(table.select(columns).take(chosen))
    share = len(groups) / metadata.num_row_groups
    assert proxy.nbytes() <= 1.1 * needed(metadata, columns) * share + metadata.serialized_size
    assert len(proxy.asked) <= 1 + 2 * len(groups)


def test_one_request_brings_a_footer_of_any_length(server, proxy):
    columns = {f"c{i}": pa.array([i]) for i in range(900)}
    archive, fragment, metadata = planned(server, proxy, as_bytes(pa.table(columns), 1))
    assert metadata.serialized_size > 100_000
    archive.open(fragment).close()
    (asked,) = proxy.asked
    assert asked.nbytes == metadata.serialized_size + 8
    proxy.asked.clear()
    # A plan of an earlier version does not know its length.
    older = replace(fragment, file=replace(fragment.file, footer_nbytes=None))
    archive.open(older).close()
    assert len(proxy.asked) == 2


def test_a_large_chunk_comes_in_parts_at_once(server, proxy):
    stamps = pa.table({"stamp": [np.random.default_rng(i).bytes(1_000_000) for i in range(30)]})
    archive, fragment, _ = planned(server, proxy, as_bytes(stamps, 30))
    with archive.open(fragment) as opened:
        (block,) = opened.read_blocks(STAMP, [0], 100)
    assert pa.Table.from_batches([block]).equals(stamps)
    assert len(proxy.asked) == 1 + 4
    assert max(one.nbytes for one in proxy.asked) <= 8 * 1024 * 1024


def change(server, content: bytes) -> None:
    put(server, KEY, content)


@both
def test_a_changed_object_is_told_wherever_it_changes(server, proxy):
    content, other = as_bytes(alerts(), 400), as_bytes(alerts(seed=2), 400)
    archive, fragment, _ = planned(server, proxy, content)
    with archive.open(fragment) as opened:
        opened.read_leaves(*MAGNITUDE)
        change(server, other)
        with pytest.raises(ArchiveError, match=r"a\.parquet has changed since the job was planned") as caught:
            list(opened.read_blocks(STAMP, fragment.row_groups, 700))
        assert not isinstance(caught.value, UnreadableError)
        with pytest.raises(ArchiveError, match="has changed"):
            opened.check_unchanged()
    with pytest.raises(ArchiveError, match=rf"has changed.*{fragment.file.nbytes} bytes, ETag {fragment.file.etag}"):
        archive.open(fragment)
    change(server, other[:-100])
    with pytest.raises(ArchiveError, match="has changed"):
        archive.open(fragment)


@both
def test_an_object_that_was_copied_is_known_again_by_its_footer(server, proxy):
    content = as_bytes(alerts(), 400)
    archive, fragment, _ = planned(server, proxy, content)
    old = replace(fragment, file=replace(fragment.file, etag="0" * 32))
    with archive.open(old) as opened:
        assert opened.read_leaves(*MAGNITUDE).num_rows == NUM_ALERTS
        opened.check_unchanged()
    with pytest.raises(ArchiveError, match="has changed"):
        archive.open(replace(old, file=replace(old.file, footer_crc="00000000")))


def test_an_object_that_is_gone_is_told(server, proxy):
    archive, fragment, _ = planned(server, proxy, as_bytes(alerts(), 400))
    gone = replace(fragment, file=replace(fragment.file, path=f"{fragment.file.path}.gone"))
    with pytest.raises(ArchiveError, match="and is gone"):
        archive.open(gone)


@pytest.mark.parametrize("kind", ["throttled", "failed", "reset", "cut"])
def test_what_passes_is_asked_for_again(server, proxy, kind):
    table = alerts()
    archive, fragment, metadata = planned(server, proxy, as_bytes(table, 100))
    setattr(proxy, kind, 0.2)
    with archive.open(fragment) as opened:
        narrow = opened.read_leaves(*MAGNITUDE)
        blocks = list(opened.read_blocks(["candid", "f7"], fragment.row_groups, 700))
        opened.check_unchanged()
    assert narrow["magpsf"].equals(table["magpsf"])
    assert pa.Table.from_batches(blocks).equals(table.select(["candid", "f7"]))
    assert any(one.status != 206 for one in proxy.asked)
    assert proxy.nbytes() <= 1.3 * 1.3 * needed(metadata, ["magpsf", "candid", "f7"])


@both
def test_all_at_once_is_outlasted_too(server, proxy):
    archive, fragment, _ = planned(server, proxy, as_bytes(alerts(), 400))
    proxy.throttled = proxy.failed = proxy.reset = proxy.cut = 0.2
    with archive.open(fragment) as opened:
        assert opened.read_leaves(*MAGNITUDE)["magpsf"].equals(alerts()["magpsf"])


@pytest.mark.parametrize("kind", ["throttled", "failed", "reset", "cut"])
def test_a_store_that_stays_away_is_told_in_bounded_time(server, proxy, monkeypatch, kind):
    archive, fragment, _ = planned(server, proxy, as_bytes(alerts(), 400))
    monkeypatch.setattr(retrying, "GIVE_UP_SECONDS", 0.5)
    with archive.open(fragment) as opened:
        setattr(proxy, kind, 1.0)
        with pytest.raises(ArchiveError, match=r"a\.parquet can't be read") as caught:
            opened.read_leaves(*MAGNITUDE)
    assert not isinstance(caught.value, UnreadableError)


def test_the_next_fragment_is_opened_and_fetched_by_another_thread(server, proxy):
    table = alerts()
    archive, fragment, _ = planned(server, proxy, as_bytes(table, 300))
    each = [
        replace(fragment, number=group, row_groups=(group,), row_group_alerts=(300,)) for group in fragment.row_groups
    ]

    def prepare(one: Fragment) -> Any:
        opened = archive.open(one)
        opened.fetch(one.row_groups, ["magpsf", "stamp"])
        return opened

    read = []
    with ThreadPoolExecutor(3) as pool:
        for one, opened in zip(each, pool.map(prepare, each), strict=True):
            with opened:
                opened.read_leaves(*MAGNITUDE)
                read += opened.read_blocks(STAMP, one.row_groups, 200)
    assert pa.Table.from_batches(read).equals(table.select(STAMP))


def test_what_was_fetched_and_is_not_read_holds_nobody_up(server, proxy):
    archive, fragment, _ = planned(server, proxy, as_bytes(alerts(), 300))
    proxy.latency = 0.05
    for _ in range(3):
        with archive.open(fragment) as opened:
            opened.fetch(fragment.row_groups, alerts().schema.names)
    with archive.open(fragment) as opened:
        assert opened.read_leaves(*MAGNITUDE).num_rows == NUM_ALERTS


def test_a_file_as_listed(server, proxy):
    """What the listing alone knows of a file is enough to read it."""
    content = as_bytes(alerts(), 400)
    archive, fragment, _ = planned(server, proxy, content)
    (listed,) = archive.files([NIGHT])
    assert listed == ArchiveFile(path=listed.path, night=NIGHT, nbytes=len(content), etag=fragment.file.etag)
    with archive.open(replace(fragment, file=listed)) as opened:
        assert opened.read_leaves(*MAGNITUDE).num_rows == NUM_ALERTS
