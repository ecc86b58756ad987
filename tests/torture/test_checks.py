"""The checks of a round see what they are there to see."""

import contextlib
import gc
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from tests.torture.checks import balance, candids_of_archive, candids_of_folder, mark_processes, orphans, strays
from tests.torture.proxy import Proxy


def test_the_balance_finds_what_is_lost_doubled_or_foreign():
    found = balance(Counter([1, 2, 3, 3]), Counter([1, 2, 2, 3, 9]))
    assert (found.num_expected, found.num_lost, found.num_doubled) == (4, 1, 2)


def test_the_archive_is_counted_by_pyarrow_alone(tmp_path):
    rows = [{"candid": n % 4, "candidate": {"magpsf": 16.5 + n / 10}} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "part.parquet")
    assert candids_of_archive(tmp_path, 17.0) == {2: 1, 3: 1, 0: 1, 1: 1}
    assert candids_of_folder(tmp_path) == Counter([0, 1, 2, 3, 0, 1, 2, 3, 0, 1])


def test_strays_are_found(tmp_path):
    beside = tmp_path / "out.transfer"
    (beside / "staging").mkdir(parents=True)
    (tmp_path / "out" / "year=2025").mkdir(parents=True)
    (tmp_path / "out" / "year=2025" / "part-00000.parquet").touch()
    (beside / "journal.jsonl").touch()
    assert strays(tmp_path / "out") == []
    expected = {tmp_path / "out" / "part.tmp", beside / "staging" / "0", beside / "core"}
    for path in expected:
        path.touch()
    assert set(strays(tmp_path / "out")) == {str(path) for path in expected}


def test_an_orphan_is_found():
    mark_processes()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=dict(os.environ)) as orphan:
        found = orphans([])
        orphan.stdin.close()
        assert [line.split()[0] for line in found if line.split()[0] == str(orphan.pid)]


def test_a_proxy_that_ends_leaves_no_connection_open():
    # What is left open, pytest finds: a warning is an error.
    ended = threading.Event()

    def call(port: int) -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as caller:
                caller.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as target, ThreadPoolExecutor(3) as pool:
        for _ in range(4):
            ended.clear()
            with Proxy() as proxy:
                proxy.target_port = target.getsockname()[1]
                callers = [pool.submit(call, proxy.port) for _ in range(3)]
                while not proxy.cut():
                    ended.wait(0.005)
            ended.set()
            for caller in callers:
                caller.result()
    gc.collect()
