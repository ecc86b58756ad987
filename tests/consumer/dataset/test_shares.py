"""Consumers that share a topic: each its own folder, together every alert once."""

import confluent_kafka as ck
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import consumer
from consumer.dataset import Share
from consumer.dataset.folder import home_of
from consumer.errors import InputError


def candids(*folders) -> list[int]:
    files = [file for folder in folders for file in folder.rglob("*.parquet")]
    return sorted(c for file in files for c in pq.ParquetFile(file).read(["candid"])["candid"].to_pylist())


@given(st.integers(1, 40), st.data())
def test_shares_are_disjoint_and_together_everything(num_partitions, data):
    of = data.draw(st.integers(1, num_partitions))
    shares = [Share(index=index, of=of).partitions(num_partitions) for index in range(1, of + 1)]
    assert sorted(p for share in shares for p in share) == list(range(num_partitions))
    assert all(shares)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(InputError, match="not a share"):
        Share.parse(text)


def test_more_shares_than_partitions_are_refused_and_leave_nothing(make_job, tmp_path):
    job = make_job().run()
    with pytest.raises(InputError, match="4 partitions, too few for 5 shares"):
        consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka, share="1/5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("by", ["time", "finkclass"])
def test_two_consumers_share_a_topic_into_two_folders(make_job, tmp_path, by):
    job = make_job(sizes=(300, 301)).run()
    job.send(0)  # every alert of a fragment twice: its copies come to the same share
    folders = [tmp_path / "a", tmp_path / "b"]
    for number, folder in enumerate(folders, 1):
        for limit in (50, None):
            result = consumer.consume(
                job.topic, folder, kafka=job.kafka, share=f"{number}/2", limit=limit, partitionby=by, round_nbytes=3000
            )
        assert (result.complete, result.missing) == (True, 0)
        alone = consumer.verify(folder)
        assert alone.complete
        assert alone.share == f"{number}/2"
        assert "the count of every fragment is that of the share" in home_of(folder).joinpath("receipt.txt").read_text()
        assert alone.num_alerts == alone.num_expected < 601
    assert candids(*folders) == job.expected()
    both = consumer.verify(*folders)
    assert (both.complete, both.share, both.num_alerts, both.num_expected) == (True, None, 601, 601)


def test_a_share_that_lacks_a_file_is_not_complete(make_job, tmp_path):
    job = make_job().run()
    for number in (1, 2):
        consumer.consume(job.topic, tmp_path / str(number), kafka=job.kafka, share=f"{number}/2")
    lost = next((tmp_path / "2").rglob("*.parquet"))
    num_lost = pq.ParquetFile(lost).metadata.num_rows
    lost.unlink()
    assert consumer.verify(tmp_path / "1").complete
    for folders in (["2"], ["1", "2"]):
        result = consumer.verify(*(tmp_path / name for name in folders))
        assert (result.complete, result.missing) == (False, num_lost)


def test_a_folder_keeps_its_share_and_shares_are_not_mixed(make_job, tmp_path):
    job, other = make_job().run(), make_job().run()
    consumer.consume(job.topic, tmp_path / "a", kafka=job.kafka, share="1/2")
    for share in ("2/2", None):
        with pytest.raises(InputError, match="holds share 1/2"):
            consumer.consume(job.topic, tmp_path / "a", kafka=job.kafka, share=share)
    consumer.consume(job.topic, tmp_path / "whole", kafka=job.kafka)
    with pytest.raises(InputError, match="not 2/2"):
        consumer.consume(job.topic, tmp_path / "whole", kafka=job.kafka, share="2/2")
    with pytest.raises(InputError, match="the same alerts"):
        consumer.verify(tmp_path / "a", tmp_path / "whole")
    consumer.consume(other.topic, tmp_path / "other", kafka=job.kafka, share="2/2")
    with pytest.raises(InputError, match="another job"):
        consumer.verify(tmp_path / "a", tmp_path / "other")


def test_an_operators_tools_see_how_far_a_topic_was_fetched(make_job, tmp_path):
    job = make_job().run()
    consumer.consume(job.topic, tmp_path / "out", kafka=job.kafka)
    reader = ck.Consumer({"bootstrap.servers": job.kafka, "group.id": f"alert-transfer-{job.topic}"})
    try:
        partitions = [ck.TopicPartition(job.topic, partition) for partition in range(job.num_partitions)]
        committed = {found.partition: found.offset for found in reader.committed(partitions, timeout=150)}
        ends = {p.partition: reader.get_watermark_offsets(p, timeout=150)[1] for p in partitions}
    finally:
        reader.close()
    assert committed == ends
