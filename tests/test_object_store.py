"""A job over S3: the same archive, served by a real S3 protocol, through s3fs."""

from collections.abc import Iterator
from pathlib import Path

import confluent_kafka
import pyarrow.parquet as pq
import pytest
import s3fs
from moto.server import ThreadedMotoServer

import consumer
import engine
from engine.errors import ArchiveError

SECRET = "a-secret-that-must-not-travel"


@pytest.fixture(scope="module")
def store() -> Iterator[dict]:
    """fsspec's storage options for a store that runs here."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    yield {"endpoint_url": f"http://127.0.0.1:{port}", "key": "me", "secret": SECRET}
    server.stop()


def upload(archive: Path, bucket: str, store: dict) -> str:
    files = s3fs.S3FileSystem(**store)
    files.mkdir(bucket)
    for path in sorted(archive.rglob("*.parquet")):
        files.pipe(f"{bucket}/science/{path.relative_to(archive)}", path.read_bytes())
    return f"s3://{bucket}/science"


def transfer(archive: str, nights, kafka, client, settings, outdir) -> tuple[engine.Job, list[dict]]:
    request = engine.TransferRequest(archive=archive, nights=nights, content="full", where="candidate.magpsf > 17")
    job = engine.submit(request, client=client, kafka=kafka, settings=settings)
    assert job.wait().state == "complete"
    consumer.consume(job.topic, outdir, kafka=kafka, partitionby="none")
    rows = pq.read_table(outdir).to_pandas().sort_values("candid").astype(str)
    return job, rows.to_dict("records")


def test_a_job_over_s3_sends_what_a_local_one_sends(store, kafka, dask_client, tmp_path):
    sample = engine.write_sample(tmp_path / "sample", alerts_per_night=50)
    url = upload(Path(sample.archive), "transfers", store)
    settings = engine.Settings(storage_options=store)
    job, remote = transfer(url, sample.nights, kafka, dask_client, settings, tmp_path / "remote")
    _, local = transfer(sample.archive, sample.nights, kafka, dask_client, engine.Settings(), tmp_path / "local")
    assert remote == local
    assert remote
    assert SECRET not in repr(settings)
    assert SECRET not in raw_manifest(job)


def test_the_real_alerts_over_s3(shared_archive, store, kafka, dask_client, tmp_path):
    url = upload(shared_archive, "real", store)
    nights = "2019-09-03:2025-07-31"
    settings = engine.Settings(storage_options=store)
    _, remote = transfer(url, nights, kafka, dask_client, settings, tmp_path / "remote")
    _, local = transfer(str(shared_archive), nights, kafka, dask_client, engine.Settings(), tmp_path / "local")
    assert remote == local


def test_a_missing_bucket_is_told(store):
    with pytest.raises(ArchiveError, match="no-such-bucket"):
        engine.Archive("s3://no-such-bucket/science", store).nights()


def test_an_object_that_changed_is_noticed(store, tmp_path):
    sample = engine.write_sample(tmp_path, alerts_per_night=5)
    archive = engine.Archive(upload(Path(sample.archive), "changing", store), store)
    file = archive.files(archive.nights())[0]
    archive.check_unchanged(file)
    s3fs.S3FileSystem(**store).pipe(file.path, bytes(file.nbytes))
    with pytest.raises(ArchiveError, match="changed"):
        engine.Archive(archive.url, {**store, "use_listings_cache": False}).check_unchanged(file)


def raw_manifest(job: engine.Job) -> str:
    reader = confluent_kafka.Consumer({"bootstrap.servers": job.kafka.bootstrap, "group.id": "raw"})
    try:
        partition = confluent_kafka.TopicPartition(f"{job.topic}_manifest", 0, 0)
        reader.assign([partition])
        _, end = reader.get_watermark_offsets(partition)
        return "\n".join(message.value().decode() for message in reader.consume(end, timeout=20))
    finally:
        reader.close()
