"""Whatever dies in the midst of a transfer, each alert is on disk once: one round of each kind of death.

The rounds and their checks are those of benchmarks/torture.py, which plays many more of them.
"""

import contextlib
import gc
import importlib
import os
import random
import socket
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer.wire import FragmentDone, Heartbeat, Manifest, Plan, StateChange
from engine.errors import KafkaError
from engine.kafka import KafkaCluster

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
SEED = 1


def load(name: str):
    """Import one of the scripts' modules, as a script in their folder does."""
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module(name)


checks, stages, rounds = load("torture_checks"), load("torture_stage"), load("torture_rounds")
SCENARIOS = [one for one in load("torture_scenarios").SCENARIOS.values() if not one.long and one.name != "nothing"]


@pytest.fixture(scope="module")
def stage_of(tmp_path_factory):
    """Return a function that gives a stage with so many brokers; the last one is kept until another is asked for."""
    checks.mark_processes()
    archive = stages.write_archive(tmp_path_factory.mktemp("archive"), 1_000, SEED)
    made = []

    def stage(num_brokers: int):
        if not made or made[-1].num_brokers != num_brokers:
            stack.close()
            made.append(stack.enter_context(stages.Stage(tmp_path_factory.mktemp("stage"), archive, num_brokers)))
        return made[-1]

    with contextlib.ExitStack() as stack:
        yield stage
    assert checks.orphans([]) == []


def test_where_a_topic_ends_is_told_rightly_or_not_at_all(stage_of):
    brokers, topic = stage_of(1).brokers, "ends_under_cuts"
    kafka = KafkaCluster(bootstrap=brokers.bootstrap)
    kafka.create_job_topics(topic, 10)
    asked, cut_enough = Counter(), threading.Event()

    def ask():
        while not cut_enough.is_set() or not asked["told"]:
            try:
                assert kafka.ends(topic, 10) == dict.fromkeys(range(10), 0)
                asked["told"] += 1
            except KafkaError:
                asked["refused"] += 1
                kafka.await_answer(30)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        for _ in range(60):
            cut_enough.wait(0.05)
            brokers.cut()
        cut_enough.set()
        asking.result()
    assert asked["told"]
    assert asked["refused"]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_alert_is_lost_or_doubled(stage_of, scenario):
    stage = stage_of(scenario.num_brokers)
    percent = random.Random(f"{SEED}:{scenario.name}").choice(scenario.percents)
    result = rounds.play(stage, scenario, percent, SEED, delay_s=0.08)
    assert result.passed, result.problem
    assert result.num_expected > 500
    assert (result.num_lost, result.num_doubled) == (0, 0)


def test_the_balance_finds_what_is_lost_doubled_or_foreign():
    found = checks.balance(Counter([1, 2, 3, 3]), Counter([1, 2, 2, 3, 9]))
    assert (found.num_expected, found.num_lost, found.num_doubled) == (4, 1, 2)


def test_the_archive_is_counted_by_pyarrow_alone(tmp_path):
    rows = [{"candid": n % 4, "candidate": {"magpsf": 16.5 + n / 10}} for n in range(10)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "part.parquet")
    assert checks.candids_of_archive(tmp_path, 17.0) == {2: 1, 3: 1, 0: 1, 1: 1}
    assert checks.candids_of_folder(tmp_path) == Counter([0, 1, 2, 3, 0, 1, 2, 3, 0, 1])


def test_strays_are_found(tmp_path):
    beside = tmp_path / "out.transfer"
    (beside / "staging").mkdir(parents=True)
    (tmp_path / "out" / "year=2025").mkdir(parents=True)
    (tmp_path / "out" / "year=2025" / "part-00000.parquet").touch()
    (beside / "journal.jsonl").touch()
    assert checks.strays(tmp_path / "out") == []
    expected = {tmp_path / "out" / "part.tmp", beside / "staging" / "0", beside / "core"}
    for path in expected:
        path.touch()
    assert set(checks.strays(tmp_path / "out")) == {str(path) for path in expected}


def test_an_orphan_is_found():
    checks.mark_processes()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env=dict(os.environ)) as orphan:
        found = checks.orphans([])
        orphan.stdin.close()
        assert [line.split()[0] for line in found if line.split()[0] == str(orphan.pid)]


def manifest(*records) -> Manifest:
    plan = Plan(
        job_id="j",
        topic="ftransfer_x",
        engine_version="1",
        created_at=0.0,
        request={},
        num_partitions=1,
        num_files=1,
        num_fragments=1,
        num_parts=0,
        num_alerts=None,
        schema={},
        time_field="jd",
        id_field="candid",
    )
    return Manifest([plan, *records])


def state(name: str, time: float, coordinator: str | None = None) -> StateChange:
    return StateChange(job_id="j", state=name, time=time, coordinator=coordinator)


def test_a_coordinator_that_was_replaced_has_no_say():
    taken_up = [state("running", 1, "old"), state("queued", 40), state("running", 41, "new")]
    for word in ("failed", "complete", "cancelled"):
        found = manifest(*taken_up, state(word, 42, "old"))
        assert (found.stated, found.coordinator) == ("running", "new")
    assert manifest(*taken_up, Heartbeat(job_id="j", coordinator="old", time=90)).state_at(90) == "interrupted"
    assert manifest(*taken_up, Heartbeat(job_id="j", coordinator="new", time=90)).state_at(90) == "running"


def test_what_a_replaced_coordinator_sent_counts_all_the_same():
    done = FragmentDone(
        job_id="j",
        fragment=0,
        num_alerts=1,
        num_selected=1,
        num_sent=1,
        nbytes=1,
        partitions={0: 1},
        digest="0" * 32,
        time=42,
    )
    assert manifest(state("running", 1, "old"), state("running", 41, "new"), done).num_sent == 1


def test_a_final_state_stands_until_the_job_is_taken_up_again():
    ended = [state("running", 1, "a"), state("cancelled", 2)]
    assert manifest(*ended, state("complete", 3, "a")).stated == "cancelled"
    assert (
        manifest(*ended, state("queued", 3), state("running", 4, "b"), state("complete", 5, "b")).stated == "complete"
    )


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
            with load("torture_proxy").Proxy() as proxy:
                proxy.target_port = target.getsockname()[1]
                callers = [pool.submit(call, proxy.port) for _ in range(3)]
                while not proxy.cut():
                    ended.wait(0.005)
            ended.set()
            for caller in callers:
                caller.result()
    gc.collect()
