"""S3 servers for store.py, each in a process of its own behind a proxy that counts, and can be far away."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from tests.counting_proxy import counting
from tests.s3_servers import VERSITYGW, moto, versitygw

__all__ = ["SERVERS", "Far", "cpu_of_others", "far", "is_built", "server"]

SERVERS = ("versitygw", "moto")


def is_built(name: str) -> bool:
    """Return whether a server is at hand."""
    return name != "versitygw" or VERSITYGW.exists()


def _moto(pipe: Connection) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells each request
    with moto() as options:
        pipe.send(options)
        pipe.recv()


def _proxy(url: str, pipe: Connection) -> None:
    with counting(url) as proxy:
        pipe.send(proxy.url)
        while (latency_s := pipe.recv()) is not None:
            pipe.send((len(proxy.asked), proxy.nbytes()))
            proxy.asked.clear()
            proxy.latency = latency_s


@contextmanager
def _beside(work: Any, *arguments: Any) -> Iterator[Connection]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(*arguments, there), daemon=True)
    process.start()
    there.close()  # so that its end is noticed, should it fail
    try:
        yield here
    finally:
        if process.is_alive():
            here.send(None)
        process.join()


@contextmanager
def server(name: str, folder: Path) -> Iterator[Mapping[str, Any]]:
    """Run a server; gives fsspec's storage options for it."""
    if name == "versitygw":
        folder.mkdir()
        with versitygw(folder) as options:
            yield options
    else:
        with _beside(_moto) as pipe:
            yield pipe.recv()


@dataclass(frozen=True)
class Far:
    """The proxy before a server."""

    options: Mapping[str, Any]
    """fsspec's storage options for what goes through it."""
    _pipe: Connection

    def be(self, latency_s: float) -> tuple[int, int]:
        """Answer so late from now on; return how many requests came since the last call, and the bytes of answers."""
        self._pipe.send(latency_s)
        num_requests, nbytes = self._pipe.recv()
        return num_requests, nbytes


@contextmanager
def far(options: Mapping[str, Any]) -> Iterator[Far]:
    """Run the proxy before a server."""
    with _beside(_proxy, options["endpoint_url"]) as pipe:
        yield Far({**options, "endpoint_url": pipe.recv()}, pipe)


def cpu_of_others() -> float:
    """Return the CPU seconds of the processes that this one has started: the server and its proxy."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(one.user + one.system for one in times)
