"""A job over S3: the same archive, served by a real S3 protocol, through s3fs."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import confluent_kafka
import fsspec
import pyarrow.parquet as pq
import pytest
import s3fs
from moto.server import ThreadedMotoServer

import consumer
import engine
from engine.catalogue import open_catalogue
from engine.enrichment import find_catalogue
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


@pytest.fixture(scope="module")
def settings(store, tmp_path_factory) -> engine.Settings:
    """Settings with the store's options, as a cluster that others share takes them."""
    file = tmp_path_factory.mktemp("secrets") / "s3"
    file.write_text(SECRET)
    return engine.Settings(storage_options={**store, "secret": {"file": str(file)}})


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


def test_a_catalogue_lies_beside_the_archive_in_its_bucket(store, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(tmp_path / "cache"))
    sample = engine.write_sample(tmp_path / "sample", nights=["2021-11-22", "2021-11-23"], alerts_per_night=20)
    archive = upload(Path(sample.archive), "indexed", store)
    assert engine.index_archive(archive, settings=settings).num_read == sample.num_files
    files = s3fs.S3FileSystem(**store)
    assert {path.split("/")[1] for path in files.find("indexed")} == {"science", "science.catalogue"}
    assert SECRET.encode() not in b"".join(files.cat(path) for path in files.find("indexed/science.catalogue"))
    files.pipe("indexed/science/year=2021/month=11/day=22/more.parquet", files.cat(files.find("indexed/science")[0]))
    info = engine.archive_info(archive, settings=settings)
    assert (info.num_files, info.num_known_files) == (sample.num_files + 1, sample.num_files)
    assert info.num_alerts > sample.num_alerts
    assert engine.index_archive(archive, settings=settings).num_read == 1
    # A bucket has nothing beside it: what is called bucket.catalogue is somebody's.
    assert open_catalogue(engine.Archive("s3://indexed/"), settings).shown.startswith(str(tmp_path))


def test_a_job_over_s3_sends_what_a_local_one_sends(store, settings, kafka, dask_client, tmp_path):
    sample = engine.write_sample(tmp_path / "sample", alerts_per_night=50)
    url = upload(Path(sample.archive), "transfers", store)
    job, remote = transfer(url, sample.nights, kafka, dask_client, settings, tmp_path / "remote")
    _, local = transfer(sample.archive, sample.nights, kafka, dask_client, engine.Settings(), tmp_path / "local")
    assert remote == local
    assert remote
    assert SECRET not in raw_manifest(job)
    request = engine.TransferRequest(archive=url, nights=sample.nights, where="candidate.magpsf > 17")
    assert len(engine.preview(request, client=dask_client, settings=settings)) == 10


def test_secrets_in_clear_go_to_no_cluster_that_was_not_given_them(store, kafka, dask_client):
    settings = engine.Settings(storage_options=store)
    request = engine.TransferRequest(archive="s3://no-such-bucket/science", nights="2021-11-22")
    before = engine.jobs(kafka=kafka, everyone=True)
    for ask in (
        lambda: engine.submit(request, client=dask_client, kafka=kafka, settings=settings),
        lambda: engine.preview(request, client=dask_client, settings=settings),
        lambda: engine.submit(request, kafka=kafka, settings=settings.model_copy(update={"dask": "tcp://nowhere:1"})),
        lambda: engine.resume("ftransfer_x", client=dask_client, kafka=kafka, settings=settings),
    ):
        with pytest.raises(engine.ConfigError, match=r"storage_options\.secret would be sent") as caught:
            ask()
        assert SECRET not in str(caught.value)
    assert engine.jobs(kafka=kafka, everyone=True) == before


def test_a_secret_that_workers_lack_is_told_with_the_worker(store, settings, kafka, dask_client, monkeypatch):
    monkeypatch.setenv("A_SECRET_THAT_IS_HERE_ALONE", SECRET)
    options = {**store, "secret": {"env": "A_SECRET_THAT_IS_HERE_ALONE"}}
    request = engine.TransferRequest(archive="s3://transfers/science", nights="2019-01-01:2026-01-01", limit=10)
    job = engine.submit(request, client=dask_client, kafka=kafka, settings=engine.Settings(storage_options=options))
    status = job.wait()
    assert status.state == "failed"
    worker = "|".join(dask_client.nthreads())
    assert re.search(f"A_SECRET_THAT_IS_HERE_ALONE, which is not set on the worker ({worker})", status.error["message"])
    assert status.error["next"]
    before = engine.jobs(kafka=kafka, everyone=True)
    settings = settings.model_copy(update={"kafka_options": {"client.rack": {"env": "A_SECRET_THAT_IS_HERE_ALONE"}}})
    with pytest.raises(engine.ConfigError, match=f"kafka_options.client.rack names .* the worker ({worker})"):
        engine.submit(request, client=dask_client, kafka=kafka, settings=settings)
    assert engine.jobs(kafka=kafka, everyone=True) == before  # it was taken back


def test_the_real_alerts_over_s3(shared_archive, store, settings, kafka, dask_client, tmp_path):
    url = upload(shared_archive, "real", store)
    nights = "2019-09-03:2025-07-31"
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
        archive.check_unchanged(file)
    s3fs.S3FileSystem(**store).rm(file.path)
    with pytest.raises(ArchiveError, match="and is gone"):
        archive.check_unchanged(file)


def test_every_look_at_a_store_sees_what_is_there_now(store, tmp_path):
    """A notebook, a server or a worker lives on while the archive grows: others write, with clients of their own."""
    sample = engine.write_sample(tmp_path, nights=[dt.date(2021, 11, 22), dt.date(2021, 11, 23)], alerts_per_night=5)
    first, second = sorted(Path(sample.archive).rglob("*.parquet"))
    url, settings = "s3://growing/science", engine.Settings(storage_options=store)
    others = boto3.client(
        *("s3", "us-east-1"), endpoint_url=store["endpoint_url"], aws_access_key_id="me", aws_secret_access_key=SECRET
    )
    others.create_bucket(Bucket="growing")

    def put(path: Path, key: str) -> None:
        others.put_object(Bucket="growing", Key=f"science/{key}", Body=path.read_bytes())

    def alerts() -> tuple[int, int]:
        request = engine.TransferRequest(archive=url, nights="2021-11-22:2021-11-23")
        plan = engine.plan(request, settings=settings)
        fields = engine.fields(url, settings=settings)
        assert fields.num_alerts == plan.num_archive_alerts
        return len(engine.preview(request, limit=100, settings=settings)), len(engine.Archive(url, store).nights())

    put(first, "year=2021/month=11/day=22/part-0.parquet")
    others.put_object(Bucket="growing", Key="science/year=2021/month=11/day=22/", Body=b"")
    assert alerts() == (5, 1)
    put(second, "year=2021/month=11/day=22/part-1.parquet")
    assert alerts() == (10, 1)
    put(second, "year=2021/month=11/day=23/part-0.parquet")
    assert alerts() == (15, 2)
    archive = engine.Archive(url, store)
    (file, *_) = archive.files([dt.date(2021, 11, 22)])
    put(second, "year=2021/month=11/day=22/part-0.parquet")  # replaced: seen now, and read as it is now
    with pytest.raises(ArchiveError, match="changed"):
        archive.check_unchanged(file)
    assert alerts() == (15, 2)
    others.delete_object(Bucket="growing", Key="science/year=2021/month=11/day=22/part-0.parquet")
    assert alerts() == (10, 2)


def test_a_catalogue_in_a_store_is_seen_as_it_is_now(store, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "me")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", store["endpoint_url"])
    files = s3fs.S3FileSystem(**store)
    files.mkdir("catalogues")
    files.pipe("catalogues/tns.parquet", b"one")
    fsspec.filesystem("s3").ls("catalogues")
    found = find_catalogue("s3://catalogues/tns.parquet")
    files.pipe("catalogues/tns.parquet", b"another")
    assert find_catalogue("s3://catalogues/tns.parquet") != found


def raw_manifest(job: engine.Job) -> str:
    reader = confluent_kafka.Consumer({"bootstrap.servers": job.kafka.bootstrap, "group.id": "raw"})
    try:
        partition = confluent_kafka.TopicPartition(f"{job.topic}_manifest", 0, 0)
        reader.assign([partition])
        _, end = reader.get_watermark_offsets(partition)
        return "\n".join(message.value().decode() for message in reader.consume(end, timeout=150))
    finally:
        reader.close()
