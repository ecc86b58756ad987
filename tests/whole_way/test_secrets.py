"""A planted secret of S3 and one of Kafka: a job needs both, and they are found nowhere that others can look."""

import base64
import pickle
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka as ck
import distributed
import psutil
import pytest
import s3fs
import yaml
from moto.server import ThreadedMotoServer

import consumer
import engine
from consumer.settings import resolved
from engine.local import local_cluster, start_broker
from tests.command_line import run, run_here

S3, KAFKA = "planted-in-storage-options", "planted-in-kafka-options"
PUBLIC = "a-public-name-of-a-key"
"""Stands beside the secrets: where it is found, a secret would have been."""
_LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


@pytest.fixture(scope="module")
def sasl_kafka() -> Iterator[str]:
    """Address of a Kafka that wants a password."""
    properties = {
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": (
            f'{_LOGIN} username="me" password="{KAFKA}" user_me="{KAFKA}";'
        ),
    }
    with start_broker(properties=properties) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="module")
def options(sasl_kafka) -> Iterator[dict[str, Any]]:
    """A configuration, secrets in clear, for an archive in S3 and that Kafka."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    yield {
        "archive": "s3://secrets/science",
        "kafka": sasl_kafka,
        "storage_options": {"endpoint_url": f"http://127.0.0.1:{port}", "key": PUBLIC, "secret": S3},
        "kafka_options": {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "me",
            "sasl.password": KAFKA,
        },
    }
    server.stop()


@pytest.fixture(scope="module")
def nights(options, tmp_path_factory) -> list[str]:
    """Nights of an archive that lies in that S3."""
    sample = engine.write_sample(tmp_path_factory.mktemp("sample"), alerts_per_night=20)
    files = s3fs.S3FileSystem(**options["storage_options"])
    files.mkdir("secrets")
    for path in sorted(Path(sample.archive).rglob("*.parquet")):
        files.pipe(f"secrets/science/{path.relative_to(sample.archive)}", path.read_bytes())
    return list(sample.nights)


def found_in(*things: object) -> set[str]:
    """Return which of the planted texts stand somewhere in these things, or in what they hold in base64."""
    data = b"\n".join(thing if isinstance(thing, bytes) else str(thing).encode() for thing in things)
    data += b"".join(base64.b64decode(sealed) for sealed in re.findall(rb"(?:[A-Za-z0-9+/]{4}){10,}={0,2}", data))
    return {text for text in (S3, KAFKA, PUBLIC) if text.encode() in data}


class _TasksSeen(distributed.SchedulerPlugin):
    """Keeps every task that the scheduler is handed, as bytes."""

    name = "tasks-seen"

    def start(self, scheduler: distributed.Scheduler) -> None:
        self.seen = scheduler.tasks_seen = {}

    def update_graph(self, scheduler: distributed.Scheduler, **_: Any) -> None:
        for key, task in scheduler.tasks.items():
            if task.run_spec is not None:
                self.seen[str(key)] = pickle.dumps(task.run_spec)


def _scheduler_state(dask_scheduler: distributed.Scheduler) -> list[Any]:
    import os

    kept = str([dask_scheduler.get_events(), list(dask_scheduler.transition_log)]).encode()
    return [*dask_scheduler.tasks_seen.values(), kept, str(dict(os.environ)).encode()]


def _worker_state(dask_worker: distributed.Worker) -> list[Any]:
    import pickle

    return [pickle.dumps(list(dask_worker.state.log)), pickle.dumps(dict(dask_worker.data))]


def _messages(options: dict[str, Any], topics: list[str]) -> list[bytes]:
    properties = {**options["kafka_options"], "bootstrap.servers": options["kafka"], "group.id": "raw"}
    reader, found = ck.Consumer(properties), []
    try:
        for topic in topics:
            where = ck.TopicPartition(topic, 0, 0)
            _, end = reader.get_watermark_offsets(where, timeout=150)
            reader.assign([where])
            read = reader.consume(end, timeout=150) if end else []
            found += [part for message in read for part in (message.key(), message.value()) if part]
        return found
    finally:
        reader.close()


def test_a_job_with_secrets_leaves_none_of_them_anywhere(options, nights, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    settings = engine.Settings(**options)
    request = engine.TransferRequest(nights=nights, where="candidate.magpsf > 17")
    with local_cluster(num_workers=1, settings=settings) as client:
        client.register_plugin(_TasksSeen())
        job = engine.submit(request, client=client, settings=settings)
        commands = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
        assert job.wait().state == "complete"
        assert len(engine.preview(request, client=client, settings=settings)) > 0
        tasks = client.run_on_scheduler(_scheduler_state)
        assert found_in(*tasks) == {PUBLIC}, "the search sees the options, and no secret among them"
        assert not found_in(*client.run(_worker_state).values()) & {S3, KAFKA}
        logs = [path.read_bytes() for path in tmp_path.glob("alert-transfer-dask-*/*.log")]
        assert logs
        assert found_in(*logs, client.get_scheduler_logs(), client.get_worker_logs()) == set()
    assert any("dask" in command for command in commands)
    assert found_in(*commands) == set()
    topics = [job.topic + suffix for suffix in ("_manifest", "_schema")]
    assert found_in(*_messages(options, [*topics, "alert_transfer_jobs"])) == set()
    assert not found_in(job.log(), job.status(), job.receipt(), repr(job), repr(settings)) & {S3, KAFKA}
    done = consumer.consume(job.topic, tmp_path / "out", kafka=options["kafka"], kafka_options=options["kafka_options"])
    assert done.num_alerts == job.status().num_alerts_sent > 0
    written = [path.read_bytes() for path in (tmp_path / "out.transfer").rglob("*") if path.is_file()]
    assert found_in(*written) == set()


def test_the_command_line_shows_none_of_them(options, nights, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(options))
    asked = ["--config", file, "--debug"]
    away = {
        **options["storage_options"],
        "endpoint_url": "http://127.0.0.1:1",
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    (tmp_path / "away.yaml").write_text(yaml.safe_dump({**options, "storage_options": away}))
    (tmp_path / "wrong.yaml").write_text(
        yaml.safe_dump({**options, "storage_options": {**options["storage_options"], "nonsense": 1}})
    )
    refused = {**options["kafka_options"], "sasl.password": f"not-{KAFKA}"}
    (tmp_path / "refused.yaml").write_text(yaml.safe_dump({**options, "kafka_options": refused}))
    unknown = {**options["kafka_options"], "sasl.mechanism": KAFKA}
    (tmp_path / "unknown.yaml").write_text(yaml.safe_dump({**options, "kafka_options": unknown}))
    (tmp_path / "broken.yaml").write_text(f"storage_options:\n  secret: {S3}: x\nkafka_options: [{KAFKA}\n")
    (tmp_path / "quoted.yaml").write_text(f"storage_options:\n  secret: '{S3}\n")
    night = ["--nights", nights[0]]
    told = {
        "shown": run_here("config", "show", *asked),
        "shown as JSON": run_here("config", "show", *asked, "--json"),
        "checked": run_here("config", "check", *asked),
        "listed": run_here("jobs", "--all", *asked),
        "planned": run_here("plan", *night, *asked, "--json"),
        "away": run_here("plan", *night, "--config", tmp_path / "away.yaml", "--debug"),
        "wrong": run_here("plan", *night, "--config", tmp_path / "wrong.yaml", "--debug"),
        "refused": run_here("jobs", "--config", tmp_path / "refused.yaml", "--debug"),
        "unknown": run_here("jobs", "--config", tmp_path / "unknown.yaml", "--debug"),
        "to others": run_here("submit", *night, *asked, "--dask", "tcp://127.0.0.1:1"),
        "broken": run_here("jobs", "--config", tmp_path / "broken.yaml", "--debug"),
        "quoted": run_here("jobs", "--config", tmp_path / "quoted.yaml", "--debug", "--json"),
        "consumed": run("consume", "ftransfer_x", "--outdir", tmp_path / "o", "--config", tmp_path / "broken.yaml"),
        "in a URL": run_here("plan", *night, "--archive", f"s3://{PUBLIC}:{S3}@secrets/science", "--debug"),
        "in Kafka's": run_here("jobs", "--kafka", f"me:{KAFKA}@{options['kafka']}", "--debug", "--json"),
    }
    codes = {name: done.returncode for name, done in told.items()}
    assert {name for name, code in codes.items() if code == 0} == {
        *("shown", "shown as JSON", "checked", "listed", "planned")
    }, told
    for name, done in told.items():
        assert not found_in(done.stdout, done.stderr) & {S3, KAFKA}, (name, done.stdout, done.stderr)
    assert "Traceback" in told["away"].stderr
    assert "line 2" in told["broken"].stderr


def test_options_that_say_where_a_secret_is_are_read_by_whoever_uses_them(options, tmp_path):
    (tmp_path / "password").write_text(f"{KAFKA}\n")
    said = {**options["kafka_options"], "sasl.password": {"file": str(tmp_path / "password")}}
    assert resolved(said, "kafka_options") == options["kafka_options"]
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"kafka": options["kafka"], "kafka_options": said}))
    assert run_here("jobs", "--config", file, "--json").returncode == 0
    (tmp_path / "password").unlink()
    done = run_here("jobs", "--config", file)
    assert done.returncode == 2
    assert "kafka_options.sasl.password names the file" in done.stderr
