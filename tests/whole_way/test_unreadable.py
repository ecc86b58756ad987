"""What can't be sent: damaged, changed or vanished files, and alerts too large for a message. The job says so."""

import datetime as dt
import os
import shutil
import time
from pathlib import Path

import confluent_kafka as ck
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

import consumer
import engine
from consumer.wire import Manifest, StateChange
from engine.archive import Archive, count_duplicates
from engine.errors import ArchiveError, EncodeError, InputError, UnreadableError
from engine.kafka import KafkaCluster, ManifestWriter
from engine.pipeline import NarrowReader
from engine.sinks import KafkaSink
from engine.transfer.manifest_plan import plan_records, task_of
from engine.transfer.worker import send_fragment

NIGHT = dt.date(2021, 11, 22)
LEAF = "candidate.magpsf"
FILES, GROUPS, ROWS = 2, 4, 50


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """An archive of one night: two files of four row groups of 50 alerts."""
    made = engine.write_sample(tmp_path_factory.mktemp("sound"), nights=[NIGHT], alerts_per_night=400, seed=3)
    files = sorted(Path(made.archive).rglob("*.parquet"))
    table = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    for file in files:
        file.unlink()
    for number in range(FILES):
        path = files[0].with_name(f"part-{number}.parquet")
        part = table.slice(number * GROUPS * ROWS, GROUPS * ROWS)
        pq.write_table(part, path, row_group_size=ROWS, write_page_checksum=True)
    return Path(made.archive)


@pytest.fixture
def archive(sound, tmp_path) -> Path:
    """A copy of it that a test may damage."""
    return Path(shutil.copytree(sound, tmp_path / "science"))


def file(archive: Path, number: int) -> Path:
    return next(archive.rglob(f"part-{number}.parquet"))


def damage(path: Path, row_group: int, leaf: str = LEAF) -> None:
    """Flip one bit in the middle of a leaf's data in a row group."""
    metadata = pq.ParquetFile(path).metadata.row_group(row_group)
    (column,) = (c for c in map(metadata.column, range(metadata.num_columns)) if c.path_in_schema == leaf)
    held = bytearray(path.read_bytes())
    # The chunk begins with its dictionary, if it has one: what lies half of it behind the data page is another leaf's.
    first = column.dictionary_page_offset if column.has_dictionary_page else column.data_page_offset
    held[first + column.total_compressed_size // 2] ^= 4
    path.write_bytes(held)


def candids(archive: Path, *, without: dict[int, set[int]]) -> set[int]:
    """Return the identifiers of the sound archive, less some row groups of some files."""
    found = set()
    for number in range(FILES):
        parquet = pq.ParquetFile(file(archive, number))
        for group in set(range(GROUPS)) - without.get(number, set()):
            found |= set(parquet.read_row_group(group, columns=["candid"])["candid"].to_pylist())
    return found


def ended(dask_client, kafka, archive, **more) -> engine.Job:
    request = engine.TransferRequest(archive=archive, nights=[NIGHT], **more)
    job = engine.submit(request, client=dask_client, kafka=kafka)
    job.wait()
    return job


def messages(topic: str, kafka: str) -> int:
    reader = ck.Consumer({"bootstrap.servers": kafka, "group.id": "count"})
    try:
        ends = [
            reader.get_watermark_offsets(ck.TopicPartition(topic, partition), timeout=150) for partition in range(10)
        ]
    finally:
        reader.close()
    return sum(high for _, high in ends)


@pytest.mark.parametrize("where", [None, "candidate.magpsf > 0"], ids=["content", "filter"])
def test_damage_fails_the_job_which_names_file_and_row_group(archive, kafka, dask_client, where):
    damage(file(archive, 1), 2)
    job = ended(dask_client, kafka, archive, where=where)
    status = job.status()
    assert status.state == "failed"
    assert status.error["message"].startswith(f"row group 2 of {file(archive, 1)}")
    assert "--skip-unreadable" in status.error["next"]
    # The fragment is the whole file here: nothing of it was sent, not even what stands before the damage.
    assert messages(job.topic, kafka) in (0, GROUPS * ROWS)


@pytest.mark.parametrize(
    "more",
    [{}, {"where": "candidate.magpsf > 0"}, {"where": "candidate.magpsf > 0", "limit": 10_000}, {"content": "full"}],
    ids=["content", "filter", "limit", "full"],
)
def test_damage_is_left_out_where_that_is_allowed(sound, archive, kafka, dask_client, tmp_path, more):
    damage(file(archive, 0), 3)
    damage(file(archive, 1), 1)
    job = ended(dask_client, kafka, archive, skip_unreadable=True, **more)
    status = job.status()
    assert (status.state, status.error) == ("complete", None)
    assert [(Path(part["path"]).name, part["row_groups"], part["num_alerts"]) for part in status.left_out] == [
        ("part-0.parquet", [3], ROWS),
        ("part-1.parquet", [1], ROWS),
    ]
    result = consumer.consume(job.topic, tmp_path / "out", kafka=kafka, partitionby="none")
    assert result.complete
    found = pq.read_table(tmp_path / "out")["candid"].to_pylist()
    assert sorted(found) == sorted(candids(sound, without={0: {3}, 1: {1}}))
    assert consumer.verify(tmp_path / "out").complete
    assert any("left out" in line for line in job.log())
    # Each failure as the worker met it, live, and what the coordinator made of it.
    failures = [line for line in job.log() if "warning: tcp://" in line and "failed: row group 3 of" in line]
    assert len(failures) == 3, job.log()
    assert all("part-0.parquet" in line for line in failures)
    assert any("is tried again, attempt 3 of 3" in line or "is filtered again" in line for line in job.log())
    assert any("left out as unreadable" in text for text in status.warnings)
    # Dask's own lines on the workers name the job as well: its tasks bear the topic.
    assert f"-{job.topic}-" in str(dask_client.get_worker_logs())


@pytest.mark.parametrize("where", [None, "candidate.magpsf > 0"], ids=["all", "filter"])
def test_a_limit_is_filled_with_what_can_be_read(sound, archive, kafka, dask_client, tmp_path, where):
    # The conditions don't need this leaf: the damage shows once the limit was shared out.
    damage(file(archive, 0), 0, leaf="objectId")
    job = ended(dask_client, kafka, archive, where=where, skip_unreadable=True, limit=2 * ROWS + 10)
    assert (job.status().state, job.status().num_alerts) == ("complete", 2 * ROWS + 10)
    consumer.consume(job.topic, tmp_path / "out", kafka=kafka, partitionby="none")
    first = pq.ParquetFile(file(sound, 0)).read_row_groups([1, 2, 3], columns=["candid"])["candid"].to_pylist()
    found = pq.read_table(tmp_path / "out")["candid"].to_pylist()
    assert sorted(found) == sorted(first[: 2 * ROWS + 10])


def test_what_was_sent_before_a_file_became_unreadable_makes_no_set_wrong(archive, kafka, dask_client, tmp_path):
    plan = engine.plan(engine.TransferRequest(archive=archive, nights=[NIGHT], skip_unreadable=True))
    topic, cluster = f"ftransfer_{time.time_ns()}", KafkaCluster(bootstrap=kafka)
    how = {"job_id": "a", "num_partitions": 10, "created_at": time.time(), "max_message_nbytes": 1_000_000}
    records = [*plan_records(plan, topic=topic, **how), StateChange(job_id="a", state="cancelled", time=time.time())]
    cluster.create_job_topics(topic, 10)
    ManifestWriter(cluster, topic).append(*records)
    # A part of a fragment, as a worker leaves it that dies on the way; then its row group is damaged.
    begun = next(f for f in plan.fragments if (f.file.path, f.row_groups) == (str(file(archive, 1)), (2,)))
    send_fragment(task_of(Manifest(records), KafkaSink(kafka=cluster, topic=topic), {}), begun, np.arange(7), None)
    damage(file(archive, 1), 2)
    job = engine.resume(topic, client=dask_client, kafka=kafka)
    status = job.wait()
    expected = FILES * GROUPS * ROWS - ROWS
    assert (status.state, status.num_alerts, status.num_left_out) == ("complete", expected, ROWS)
    result = consumer.consume(topic, tmp_path / "out", kafka=kafka)
    proof = consumer.verify(tmp_path / "out")
    for found in (result, proof):
        assert (found.complete, found.num_alerts, found.missing) == (True, expected + 7, 0)
        assert (found.num_left_out, found.num_left_out_here, found.num_archive_duplicates) == (ROWS, 7, 0)


def test_a_limit_takes_nothing_from_behind_a_file_that_can_not_be_filtered(archive, kafka, dask_client, tmp_path):
    damage(file(archive, 0), 0)
    first = candids(archive, without={1: set(range(GROUPS))})
    job = ended(dask_client, kafka, archive, where=f"{LEAF} > 0", limit=GROUPS * ROWS + 10)
    assert (job.status().state, job.status().num_alerts_sent, messages(job.topic, kafka)) == ("failed", 0, 0)
    damage(file(archive, 0), 0)  # the bit is flipped back
    engine.resume(job.topic, client=dask_client, kafka=kafka)
    assert (job.wait().state, job.status().num_alerts) == ("complete", GROUPS * ROWS + 10)
    assert consumer.consume(job.topic, tmp_path / "out", kafka=kafka, partitionby="none").complete
    found = pq.read_table(tmp_path / "out")["candid"].to_pylist()
    assert len(set(found)) == len(found) == GROUPS * ROWS + 10
    assert first < set(found)


def test_a_file_that_is_cut_off_is_refused_or_left_out(sound, archive, kafka, dask_client):
    cut = file(archive, 0)
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(UnreadableError, match=r"part-0\.parquet"):
        engine.plan(engine.TransferRequest(archive=archive, nights=[NIGHT]))
    job = ended(dask_client, kafka, archive, skip_unreadable=True)
    status = job.status()
    assert (status.state, status.num_alerts_sent) == ("complete", GROUPS * ROWS)
    assert [(part["path"], part["row_groups"]) for part in status.left_out] == [(str(cut), None)]
    file(archive, 1).write_bytes(b"")
    with pytest.raises(ArchiveError, match="none of the 2 files"):
        engine.plan(engine.TransferRequest(archive=archive, nights=[NIGHT], skip_unreadable=True))


def test_a_file_that_was_only_touched_is_known_again_and_a_changed_one_is_not(archive):
    found = Archive(str(archive))
    footers = found.footers(found.files([NIGHT]))
    os.utime(file(archive, 0), (1e9, 1e9))
    for footer in footers:
        found.check_unchanged(footer.file)
    # Fewer row groups: whatever the filter stumbles on, it is the change that is told.
    plan = engine.plan(engine.TransferRequest(archive=archive, nights=[NIGHT], where=f"{LEAF} > 0"))
    fragment = next(fragment for fragment in plan.fragments if fragment.file.path == str(file(archive, 1)))
    pq.write_table(pq.ParquetFile(file(archive, 1)).read_row_group(0), file(archive, 1))
    with pytest.raises(ArchiveError, match=r"part-1\.parquet has changed since the job was planned"):
        NarrowReader(selection=plan.selection)(fragment)
    with pytest.raises(ArchiveError, match=r"part-1\.parquet has changed since the job was planned"):
        count_duplicates(found, [fragment], "candid", skip_unreadable=True)
    # As many bytes, other alerts.
    held = bytearray(file(archive, 0).read_bytes())
    held[-200] ^= 1
    file(archive, 0).write_bytes(held)
    with pytest.raises(ArchiveError, match=r"part-0\.parquet"):
        found.check_unchanged(footers[0].file)


def test_a_resumed_job_notices_what_changed_meanwhile(archive, kafka, dask_client):
    path = file(archive, 1)
    damage(path, 0)
    job = ended(dask_client, kafka, archive)
    assert job.status().state == "failed"
    pq.write_table(pq.ParquetFile(path).read_row_groups([1, 2, 3]), path)
    engine.resume(job.topic, client=dask_client, kafka=kafka)
    status = job.wait()
    assert status.state == "failed"
    assert f"{path} has changed since the job was planned" in status.error["message"]
    path.unlink()
    engine.resume(job.topic, client=dask_client, kafka=kafka)
    assert f"{path} was in the archive when the job was planned" in job.wait().error["message"]


def enlarge(path: Path, rows: int) -> list[int]:
    """Give the first alerts of a file a stamp that no message has room for; returns their identifiers."""
    table = pq.ParquetFile(path).read()
    column = table["cutoutScience"].combine_chunks()
    index = column.type.get_field_index("stampData")
    stamps = [os.urandom(17_000_000) if row < rows else b"" for row in range(len(table))]
    children = [column.field(i) for i in range(column.type.num_fields)]
    children[index] = pa.array(stamps, column.type.field(index).type)
    at = table.schema.get_field_index("cutoutScience")
    table = table.set_column(at, table.schema.field(at), pa.StructArray.from_arrays(children, fields=list(column.type)))
    pq.write_table(table, path)
    return table["candid"].to_pylist()[:rows]


def test_an_alert_that_no_message_holds_is_named(archive, kafka, dask_client):
    (candid,) = enlarge(file(archive, 0), 1)
    status = ended(dask_client, kafka, archive, content="cutouts").status()
    assert status.state == "failed"
    assert f"the alert {candid} " in status.error["message"]
    assert "part-0.parquet, row 0 " in status.error["message"]
    sent = ended(dask_client, kafka, archive, content="cutouts", where=f"candid != {candid}").status()
    assert (sent.state, sent.num_alerts_sent) == ("complete", FILES * GROUPS * ROWS - 1)


def test_an_alert_is_named_too_where_the_limit_was_lowered_after_the_start(archive, kafka):
    plan = engine.plan(engine.TransferRequest(archive=archive, nights=[NIGHT], content="full"))
    topic = "ftransfer_ztf_lowered"
    cluster = KafkaCluster(bootstrap=kafka)
    cluster.create_job_topics(topic, 10)
    how = {"job_id": "a", "num_partitions": 10, "created_at": 0.0, "max_message_nbytes": 16_000_000}
    task = task_of(Manifest(plan_records(plan, topic=topic, **how)), KafkaSink(kafka=cluster, topic=topic), {})
    lowered = ConfigEntry("max.message.bytes", "2000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[lowered])
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.incremental_alter_configs([resource])[resource].result()
    wait_until_refused(kafka, topic, 10)
    first = pq.ParquetFile(file(archive, 0)).read_row_group(0, columns=["candid"])["candid"][0].as_py()
    with pytest.raises(EncodeError, match=rf"the alert {first} \(.*part-0\.parquet, row 0 of .* takes .* bytes"):
        send_fragment(task, plan.fragments[0], np.array([0]), None)


def wait_until_refused(kafka: str, topic: str, num_partitions: int) -> None:
    """Return once every partition refuses what is over the lowered limit: a broker says so before its logs know."""
    producer = ck.Producer({"bootstrap.servers": kafka})
    errors: dict[int, list[ck.KafkaError | None]] = {partition: [] for partition in range(num_partitions)}
    deadline = time.monotonic() + 150
    while waited_for := [partition for partition, told in errors.items() if not told or told[-1] is None]:
        assert time.monotonic() < deadline, f"partitions {waited_for} still take messages of 3,000 bytes"
        for partition in waited_for:
            producer.produce(
                topic,
                os.urandom(3_000),
                partition=partition,
                on_delivery=lambda error, message: errors[message.partition()].append(error),
            )
        producer.flush(30)
    assert {told[-1].code() for told in errors.values()} == {ck.KafkaError.MSG_SIZE_TOO_LARGE}


def test_alerts_that_are_too_large_on_average_are_refused_before_anything_starts(archive, kafka, dask_client):
    path = file(archive, 0)
    pq.write_table(pq.ParquetFile(path).read_row_group(0).slice(0, 2), path)
    enlarge(path, 2)
    file(archive, 1).unlink()
    topic = "ftransfer_too_large"
    with pytest.raises(InputError, match=r"takes 1\d,\d{3},\d{3} bytes on average"):
        ended(dask_client, kafka, archive, content="cutouts", topic=topic)
    deadline = time.monotonic() + 150
    while topic in KafkaCluster(bootstrap=kafka).topics():  # the broker takes a moment to delete it
        assert time.monotonic() < deadline
