"""The Kafka that is tortured: one broker or several, each behind a proxy of its own."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import socket
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from confluent_kafka.admin import AdminClient

import engine
from tests.torture.proxy import Proxy

__all__ = ["Brokers"]

_HOST = "127.0.0.1"


class Brokers:
    """A Kafka of one or several brokers; a context manager.

    Clients reach each broker through its proxy. The brokers of several keep three copies of a topic where there are
    as many of them, two of which must have a message before it counts as written; they talk past the proxies.

    Parameters
    ----------
    folder
        For their data.
    num_brokers
        Each is a controller as well, so of three one may die.
    """

    def __init__(self, folder: Path, num_brokers: int = 1):
        self._folder = folder
        self._num = num_brokers
        self._cluster_id = base64.urlsafe_b64encode(b"\x00" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        self._stack = contextlib.ExitStack()
        self._brokers: list[engine.Broker | None] = [None] * num_brokers

    def __enter__(self) -> Brokers:
        with self._stack as stack:
            self._proxies = [stack.enter_context(Proxy()) for _ in range(self._num)]
            self._ports = _free_ports(3 * self._num)
            stack.callback(self._stop)
            # At once: none of them is ready before most of them have met.
            with ThreadPoolExecutor(self._num) as pool:
                list(pool.map(self.start, range(self._num)))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    @property
    def bootstrap(self) -> str:
        """Return the proxies' addresses."""
        return ",".join(f"{_HOST}:{proxy.port}" for proxy in self._proxies)

    def pids(self) -> list[int]:
        """Return the brokers' processes."""
        return [broker.pid for broker in self._brokers]

    def start(self, number: int = 0) -> None:
        """Start a broker, on the data and the ports it had before if it was there before."""
        port = self._ports[number]
        self._brokers[number] = engine.start_broker(
            port=port,
            data_dir=self._folder / f"kafka-{number + 1}",
            properties=self._properties(number),
            cluster_id=self._cluster_id,
        )
        self._proxies[number].target_port = port

    def kill(self, number: int = 0) -> None:
        """End a broker as a crash would."""
        self._brokers[number].kill()

    def restart(self, number: int = 0) -> None:
        """End a broker in order, and start it again."""
        self._brokers[number].stop()
        self.start(number)

    def freeze(self, seconds: float) -> None:
        """Let the first broker stand still for a while, its connections open."""
        pid = self._brokers[0].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)

    def leader(self, topic: str, partition: int = 0) -> int:
        """Return the number of the broker that leads a partition, counted from 0."""
        return self._metadata().topics[topic].partitions[partition].leader - 1

    def is_whole(self) -> bool:
        """Return whether every partition has all its copies in step."""
        found = self._metadata()
        partitions = [partition for topic in found.topics.values() for partition in topic.partitions.values()]
        return len(found.brokers) == self._num and all(len(one.isrs) == len(one.replicas) for one in partitions)

    def delay(self, seconds: float) -> None:
        """Let every 64 KiB wait for so long, to and from clients."""
        for proxy in self._proxies:
            proxy.delay_s = seconds

    def cut(self) -> None:
        """Drop all connections of clients."""
        for proxy in self._proxies:
            proxy.cut()

    def _metadata(self):
        return AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(timeout=150)

    def _properties(self, number: int) -> dict[str, str]:
        advertised = f"CLIENT://{_HOST}:{self._proxies[number].port}"
        if self._num == 1:
            return {"advertised.listeners": advertised}
        client, controller, replication = (self._ports[number + at * self._num] for at in range(3))
        voters = (f"{at + 1}@{_HOST}:{self._ports[at + self._num]}" for at in range(self._num))
        copies = min(3, self._num)
        replicated = ("default.replication.factor", "offsets.topic.replication.factor")
        return {
            "node.id": str(number + 1),
            "controller.quorum.voters": ",".join(voters),
            "listeners": f"CLIENT://{_HOST}:{client},CONTROLLER://{_HOST}:{controller},INNER://{_HOST}:{replication}",
            "advertised.listeners": f"{advertised},INNER://{_HOST}:{replication}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,INNER:PLAINTEXT",
            "inter.broker.listener.name": "INNER",
            **dict.fromkeys(replicated, str(copies)),
            "min.insync.replicas": str(copies - 1),
        }

    def _stop(self) -> None:
        started = [broker for broker in self._brokers if broker]
        # At once: a broker that ends in order waits for a controller, and the last ones would find none.
        with ThreadPoolExecutor(self._num) as pool:
            list(pool.map(lambda broker: broker.stop(), started))


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server((_HOST, 0))) for _ in range(number)]
        return [listener.getsockname()[1] for listener in listeners]
