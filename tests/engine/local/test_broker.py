"""The embedded broker: a real Kafka that serves, goes on with its data, refuses what is wrong and leaves nothing."""

import functools
import gc
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from engine.errors import BrokerError, KafkaError
from engine.local import start_broker
from engine.local.broker import Broker
from engine.local.jars import fetch_jars

REPOSITORY = Path(__file__).resolve().parents[3]
LOCK = Path(sys.modules[start_broker.__module__].__file__).with_name("kafka-jars.lock")


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(condition, timeout_s: float = 150.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def create_topic(bootstrap: str, topic: str, num_partitions: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, num_partitions, 1)])[topic].result(150)


def topics(bootstrap: str) -> set[str]:
    return set(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=150).topics)


def produce(bootstrap: str, topic: str, values: list[bytes], **config) -> None:
    failures = []
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, **config})
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _: error and failures.append(error))
    assert producer.flush(30) == 0
    assert not failures


def consume(bootstrap: str, topic: str, num: int) -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    values: list[bytes] = []
    deadline = time.monotonic() + 150
    while len(values) < num and time.monotonic() < deadline:
        for message in consumer.consume(num, timeout=0.5):
            assert message.error() is None
            values.append(message.value())
    consumer.close()
    return values


@pytest.fixture(scope="module")
def jars() -> Path:
    return fetch_jars()


@pytest.fixture(scope="module")
def broker(jars):
    with start_broker() as running:
        yield running


@pytest.fixture
def copied_jars(jars, tmp_path) -> Path:
    """A folder of links to the jars, so that a test may spoil one."""
    folder = tmp_path / "jars"
    folder.mkdir()
    for jar in jars.iterdir():
        (folder / jar.name).symlink_to(jar)
    return folder


@pytest.mark.parametrize("codec", ["none", "lz4", "zstd", "snappy", "gzip"])
def test_messages_go_in_and_out(broker, codec):
    topic = f"round_{codec}"
    create_topic(broker.bootstrap, topic, num_partitions=3)
    values = [bytes([i]) * 10_000 for i in range(50)]
    produce(broker.bootstrap, topic, values, **{"compression.codec": codec})
    assert sorted(consume(broker.bootstrap, topic, len(values))) == values


def test_topics_are_not_made_by_asking_for_them(broker):
    AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics("never_created", timeout=150)
    assert "never_created" not in topics(broker.bootstrap)


def test_broker_says_where_it_is(broker):
    assert broker.bootstrap == f"127.0.0.1:{broker.port}"
    assert psutil.Process(broker.pid).name() == "java"
    assert broker.data_dir.is_dir()
    assert broker.poll() is None
    assert "Kafka Server started" in broker.log_tail()
    listening = {c.laddr.ip for c in psutil.Process(broker.pid).net_connections() if c.status == psutil.CONN_LISTEN}
    assert all(ip.removeprefix("::ffff:") == "127.0.0.1" for ip in listening)


def test_two_brokers_at_once_know_nothing_of_each_other_and_a_temporary_folder_is_removed(broker):
    with start_broker(properties={"message.max.bytes": "2000"}) as other:
        assert other.port != broker.port
        assert other.cluster_id != broker.cluster_id
        create_topic(other.bootstrap, "only_here")
        assert "only_here" not in topics(broker.bootstrap)
        with pytest.raises(AssertionError, match="MSG_SIZE_TOO_LARGE"):  # the further property counts
            produce(other.bootstrap, "only_here", [b"x" * 3000])
    assert not is_alive(other.pid)
    assert not other.data_dir.exists()
    assert other.poll() == 128 + signal.SIGTERM
    other.stop()


def test_data_outlives_stop_and_crash_on_other_ports(tmp_path, jars):
    data = tmp_path / "größe, a=b \\ #data"  # characters that Java's properties and Kafka's lists treat as their own
    values = [b"%d" % i for i in range(200)]
    with start_broker(data_dir=data) as first:
        create_topic(first.bootstrap, "kept")
        produce(first.bootstrap, "kept", values[:100])
        with pytest.raises(BrokerError, match="in use"):
            start_broker(data_dir=data)
        assert first.poll() is None
    with start_broker(data_dir=data, port=0) as second:
        assert second.cluster_id == first.cluster_id
        produce(second.bootstrap, "kept", values[100:])
        second.kill()
        assert second.poll() == -signal.SIGKILL
    with start_broker(data_dir=data, port=second.port) as third:
        assert (third.port, third.cluster_id) == (second.port, first.cluster_id)
        assert consume(third.bootstrap, "kept", 200) == values
    assert {path.name for path in data.iterdir()} == {"broker.log", "java-tmp", "kafka", "server.properties"}


def test_nothing_is_left_by_an_owner_that_is_killed(tmp_path, jars):
    """Home, temporary and cache folder are empty at the start; after SIGKILL of the owner they are again."""
    places = {name: tmp_path / name for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "cwd")}
    for place in places.values():
        place.mkdir()
    script = f"""
        import os, sys, time
        sys.path.insert(0, {str(REPOSITORY)!r})
        from engine.local import start_broker
        broker = start_broker(jars_dir={str(jars)!r})
        print(broker.pid, broker.bootstrap, broker.data_dir, flush=True)
        time.sleep(600)
    """
    before = set(Path("/tmp").iterdir())
    env = os.environ | {name: str(place) for name, place in places.items()} | {"PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], env=env, cwd=places["cwd"], stdout=subprocess.PIPE, text=True
    ) as owner:
        pid, bootstrap, data_dir = owner.stdout.readline().split()
        create_topic(bootstrap, "lost")
        for codec in ("zstd", "snappy", "lz4"):  # Java unpacks native libraries for these
            produce(bootstrap, "lost", [b"x" * 1000], **{"compression.codec": codec})
        assert Path(data_dir).parent == places["TMPDIR"]
        family = psutil.Process(owner.pid).children(recursive=True)
        assert int(pid) in {process.pid for process in family}
        owner.kill()
    assert until(lambda: not any(is_alive(process.pid) for process in family))
    left = [path for place in places.values() for path in place.rglob("*")]
    assert left == []
    written = [path for path in set(Path("/tmp").iterdir()) - before if path.name.startswith(("hsperf", "kafka"))]
    assert written == []


def test_a_broker_that_can_not_be_started_leaves_port_and_folder_as_they_were(tmp_path, jars):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {port} cannot be used: Address already in use"):
            start_broker(port=port, data_dir=tmp_path / "data")
    assert not (tmp_path / "data" / "broker.log").exists(), "told before anything is started"
    with pytest.raises(BrokerError, match="is not ready after 0 s"):
        start_broker(port=port, data_dir=tmp_path / "data", timeout_s=0.0)
    with start_broker(port=port, data_dir=tmp_path / "data") as broker:  # neither is in use, and the folder is whole
        assert broker.port == port
        assert topics(broker.bootstrap) == set()


@pytest.mark.parametrize("port", [-1, 65536])
def test_port_that_does_not_exist_is_refused(port):
    with pytest.raises(BrokerError, match=f"port {port} does not exist"):
        start_broker(port=port)


def test_foreign_or_impossible_data_folder_is_refused(tmp_path, jars):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    with pytest.raises(BrokerError, match=r"holds something else than a broker's data: cat\.jpg"):
        start_broker(data_dir=tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]
    with pytest.raises(BrokerError, match="cannot be used"):
        start_broker(data_dir=tmp_path / "photos" / "cat.jpg" / "data")


def test_kafka_that_ends_at_once_is_reported_with_its_log(tmp_path, jars):
    with pytest.raises(BrokerError, match=r"(?s)by itself with code 1.*num\.io\.threads") as caught:
        start_broker(data_dir=tmp_path, properties={"num.io.threads": "many"})
    assert "\tat " not in caught.value.message


def test_jar_that_is_not_of_the_lock_is_refused(copied_jars, tmp_path):
    jar = copied_jars / "kafka-raft-4.4.0.jar"
    content = bytearray(jar.read_bytes())
    content[1000] ^= 1
    jar.unlink()
    jar.write_bytes(content)
    with pytest.raises(BrokerError, match=r"kafka-raft-4\.4\.0\.jar is not the") as caught:
        start_broker(jars_dir=copied_jars, data_dir=tmp_path / "data")
    assert "338700 bytes, sha256 687f278c" in caught.value.accepted
    assert not (tmp_path / "data").exists()
    jar.unlink()
    with pytest.raises(BrokerError, match=r"kafka-raft-4\.4\.0\.jar cannot be read"):
        start_broker(jars_dir=copied_jars, data_dir=tmp_path / "data")


def test_jars_of_the_operator_are_taken_from_the_environment(copied_jars, monkeypatch):
    monkeypatch.setenv("ALERT_TRANSFER_KAFKA_JARS", str(copied_jars))
    assert fetch_jars() == copied_jars


class Repository:
    """A Maven repository on this machine that serves the jars; `spoil` changes one on the way."""

    def __init__(self, jars: Path, folder: Path):
        self.folder = folder
        for line in LOCK.read_text().splitlines():
            group, artifact, version = line.split()[0].split(":")
            place = folder.joinpath(*group.split("."), artifact, version)
            place.mkdir(parents=True)
            (place / f"{artifact}-{version}.jar").symlink_to(jars / f"{artifact}-{version}.jar")
        self.requested: list[str] = []
        repository = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                if self.path.endswith(".jar"):
                    repository.requested.append(self.path)

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
        )
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def find(self, name: str) -> Path:
        return next(self.folder.rglob(name))


@pytest.fixture
def repository(jars, tmp_path, monkeypatch):
    running = Repository(jars, tmp_path / "maven")
    for name in ("HOME", "TMPDIR", "M2_REPO"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("ALERT_TRANSFER_MAVEN_REPOSITORY", running.url)
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ALERT_TRANSFER_KAFKA_JARS", raising=False)
    yield running
    running.close()
    written_elsewhere = [path for name in ("HOME", "TMPDIR", "M2_REPO") for path in (tmp_path / name).rglob("*")]
    assert written_elsewhere == []


def jar_folders(cache: Path) -> set[str]:
    return {path.name for path in cache.iterdir() if path.is_dir()}


def test_jars_are_fetched_once_and_announced_in_one_line(repository, tmp_path):
    said: list[str] = []
    folder = fetch_jars(announce=said.append)
    assert folder == tmp_path / "cache" / "kafka-4.4.0"
    assert len(list(folder.iterdir())) == len(set(repository.requested)) == len(repository.requested) == 45
    assert len(said) == 1
    assert "Fetching Apache Kafka 4.4.0 (45 MB, once)" in said[0]
    assert fetch_jars(announce=said.append) == folder
    assert len(said) == 1
    assert len(repository.requested) == 45
    assert jar_folders(tmp_path / "cache") == {"kafka-4.4.0"}


def test_two_fetches_at_once_fetch_once(repository, tmp_path):
    said: list[str] = []
    folders: list[Path] = []
    threads = [threading.Thread(target=lambda: folders.append(fetch_jars(announce=said.append))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folders == [tmp_path / "cache" / "kafka-4.4.0"] * 2
    assert len(repository.requested) == 45
    assert sum("Fetching" in line for line in said) == 1


def test_fetched_jar_with_a_wrong_hash_leaves_nothing_behind(repository, tmp_path):
    jar = repository.find("snakeyaml-2.5.jar")
    jar.unlink()
    jar.write_bytes(b"something else")
    with pytest.raises(BrokerError, match=r"is not the snakeyaml-2\.5\.jar"):
        fetch_jars(announce=lambda _: None)
    assert jar_folders(tmp_path / "cache") == set()


# jgo does not close the answer that says "not found".
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_jar_that_the_repository_lacks_is_named(repository, tmp_path):
    repository.find("snakeyaml-2.5.jar").unlink()
    with pytest.raises(BrokerError, match=r"snakeyaml-2\.5\.jar cannot be fetched"):
        fetch_jars(announce=lambda _: None)
    assert jar_folders(tmp_path / "cache") == set()
    gc.collect()


def test_cache_that_cannot_be_written_is_refused(repository, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(BrokerError, match="cannot be written"):
        fetch_jars(announce=lambda _: None)


def test_spoilt_cache_is_refused_and_the_next_step_mends_it(repository, tmp_path):
    folder = fetch_jars(announce=lambda _: None)
    (folder / "snakeyaml-2.5.jar").write_bytes(b"")
    with pytest.raises(BrokerError, match=r"is not the snakeyaml-2\.5\.jar") as caught:
        fetch_jars(announce=lambda _: None)
    assert f"remove {folder}" in caught.value.next_step
    shutil.rmtree(folder)
    assert fetch_jars(announce=lambda _: None) == folder


def test_it_listens_elsewhere_only_if_it_is_told_to():
    with pytest.raises(BrokerError, match=r"192\.0\.2\.1") as caught:
        start_broker(host="192.0.2.1")
    assert "of this machine" in caught.value.accepted
    with start_broker(host="0.0.0.0") as open_to_all:
        named, _, port = open_to_all.bootstrap.rpartition(":")
        assert named != "0.0.0.0"
        listening = {
            (c.laddr.ip, c.laddr.port)
            for c in psutil.Process(open_to_all.pid).net_connections()
            if c.status == psutil.CONN_LISTEN
        }
        assert {ip.removeprefix("::ffff:") for ip, at in listening if at == int(port)} <= {"0.0.0.0", "::"}
        assert {ip.removeprefix("::ffff:") for ip, at in listening if at != int(port)} == {"127.0.0.1"}
        create_topic(open_to_all.bootstrap, "from_elsewhere")


def test_a_broker_that_ends_by_itself_says_why_to_those_that_it_left():
    def left_by(broker):
        psutil.Process(broker.pid).terminate()
        broker.wait(150)
        raise KafkaError("no Kafka answers")

    with pytest.raises(BrokerError, match="ended by itself") as caught, start_broker() as left:
        left_by(left)
    assert isinstance(caught.value.__cause__, KafkaError)
    assert not left.data_dir.exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("java.io.IOException: No space left on device", "make room"),
        ("java.io.IOException: Disk quota exceeded", "make room"),
        ("java.lang.OutOfMemoryError: Java heap space", "memory"),
    ],
)
def test_a_full_disk_is_told_in_kafkas_words(tmp_path, said, told):
    (tmp_path / "broker.log").write_text(f"Kafka Server started\n{said}\n\tat java.base/sun.nio.ch.Write\n")
    process = SimpleNamespace(pid=0)
    failure = Broker(process, port=1, data_dir=tmp_path, cluster_id="").failure(1)
    assert said.rpartition(": ")[2] in failure.message
    assert told in failure.next_step
    assert ("--data" in failure.as_dict()["next"]) == (told == "make room")
