"""S3 servers for tests: moto, and versitygw, which others wrote from the protocol alone."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import s3fs
from moto.server import ThreadedMotoServer

VERSITYGW = Path(__file__).parents[1] / ".tools/versitygw"


@contextmanager
def moto() -> Iterator[dict[str, Any]]:
    """Run moto's S3; gives fsspec's storage options for it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    _, port = server.get_host_and_port()
    try:
        yield {"endpoint_url": f"http://127.0.0.1:{port}", "key": "me", "secret": "sesame"}
    finally:
        server.stop()


@contextmanager
def versitygw(folder: Path) -> Iterator[dict[str, Any]]:
    """Run versitygw over a folder; gives fsspec's storage options for it."""
    if not VERSITYGW.exists():
        pytest.skip("versitygw is not built: make versitygw, which needs Go")
    (folder / "buckets").mkdir()
    (folder / "meta").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [VERSITYGW, "--quiet", "--port", address, "posix", "--sidecar", folder / "meta", folder / "buckets"]
    secrets = {"ROOT_ACCESS_KEY": "me", "ROOT_SECRET_KEY": "sesame"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **secrets}, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for(address, process)
        yield {"endpoint_url": f"http://{address}", "key": "me", "secret": "sesame"}
    finally:
        process.terminate()
        process.wait(timeout=150)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = address.rpartition(":")
    until = time.monotonic() + 150
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)


def put(store: dict[str, Any], path: str, content: bytes) -> None:
    """Write an object, as somebody else would: not through the proxy."""
    files = s3fs.S3FileSystem(**store)
    if not files.exists(path.partition("/")[0]):
        files.mkdir(path.partition("/")[0])
    files.pipe(path, content)
