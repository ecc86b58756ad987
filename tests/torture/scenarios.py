"""What dies, and how."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from consumer.wire import FINAL_STATES, encode_keys, manifest_topic, partitions_of
from engine.kafka import FragmentSender
from engine.local.processes import start_owned
from engine.pipeline import read_content
from engine.schema import encode
from engine.sinks import KafkaSink
from engine.transfer.manifest_plan import fragments_of, task_of
from tests.torture.checks import MAGNITUDE
from tests.torture.rounds import Round, Scenario
from tests.torture.stage import RoundFailed, until

__all__ = ["SCENARIOS"]

_INTERRUPTED_S = 90.0
_FULL_DISK_NBYTES = 256 * 1024
# Many small rounds of files, so that a kill finds the consumer in every step of one.
_CONSUME = """
import sys, consumer
consumer.consume(sys.argv[1], sys.argv[2], kafka=sys.argv[3], round_nbytes=100_000)
"""


def _nothing(round_: Round) -> None:
    """Nothing dies: the control."""


def _kill_worker(round_: Round) -> None:
    _, others = round_.stage.cluster.pids(round_.topic)
    os.kill(round_.chance.choice(others), signal.SIGKILL)


def _kill_coordinator(round_: Round) -> None:
    coordinator, _ = round_.stage.cluster.pids(round_.topic)
    os.kill(coordinator, signal.SIGKILL)


def _kill_submitter(round_: Round) -> None:
    os.kill(round_.submitter.pid, signal.SIGKILL)
    round_.submitter.wait(150)


def _kill_scheduler(round_: Round) -> None:
    """The workers lose their scheduler as well as their work; a new cluster takes the job up again."""
    os.kill(round_.stage.cluster.scheduler.pid, signal.SIGKILL)
    round_.stage.brokers.delay(0.0)
    new = round_.stage.add_cluster()
    round_.await_state("interrupted", timeout_s=_INTERRUPTED_S)
    round_.resume(new.address)


def _kill_broker(round_: Round) -> None:
    round_.stage.brokers.kill()
    time.sleep(round_.chance.uniform(0, 5))
    round_.stage.brokers.start()


def _kill_broker_and_coordinator(round_: Round) -> None:
    """The coordinator that is started in its place finds no Kafka."""
    coordinator, _ = round_.stage.cluster.pids(round_.topic)
    round_.stage.brokers.kill()
    os.kill(coordinator, signal.SIGKILL)
    time.sleep(round_.chance.uniform(5, 15))
    round_.stage.brokers.start()


def _kill_broker_for_long(round_: Round) -> None:
    """Longer than a message may wait for its delivery (180 s), so that every sender gives up at least once."""
    round_.stage.brokers.kill()
    time.sleep(200)
    round_.stage.brokers.start()


def _freeze_broker(seconds: float):
    def happen(round_: Round) -> None:
        round_.stage.brokers.freeze(seconds)

    return happen


def _kill_leader(round_: Round) -> None:
    """The broker that leads the manifest dies, and with it the leader of a third of the partitions."""
    leader = round_.stage.brokers.leader(manifest_topic(round_.topic))
    round_.stage.brokers.kill(leader)
    time.sleep(round_.chance.uniform(0, 15))  # the others choose new leaders after 4 s: before that, or after
    round_.stage.brokers.start(leader)


def _restart_brokers(round_: Round) -> None:
    """One after another, in order, as for a new release of Kafka: every leader moves, some of them twice."""
    for number in range(len(round_.stage.brokers.pids())):
        round_.stage.brokers.restart(number)
        until(round_.stage.brokers.is_whole, "every topic has all its copies")


def _cut_network(round_: Round) -> None:
    """Connections break again and again, and what passes comes late."""
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        round_.stage.brokers.delay(round_.chance.choice([0.0, 0.02, 0.2]))
        time.sleep(round_.chance.uniform(0.1, 1.5))
        round_.stage.brokers.cut()


def _kill_consumer(round_: Round) -> None:
    """Kill the consumer again and again: while the job runs, and after its end."""
    journal = round_.outdir.with_name("out.transfer") / "journal.jsonl"

    def num_rounds() -> int:
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    for _ in range(5):
        before, grow = num_rounds(), round_.chance.randint(0, 2)
        words = [sys.executable, "-c", _CONSUME, round_.topic, str(round_.outdir), round_.stage.kafka.bootstrap]
        with start_owned(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as consumer:
            round_.num_consumer_runs += 1
            until(
                lambda: num_rounds() >= before + grow or consumer.poll() is not None,  # noqa: B023
                "the consumer writes a round of files",
            )
            if consumer.poll() is not None:
                return
            if grow == 0:
                time.sleep(round_.chance.uniform(0, 1.5))  # in its start, before any round of files
            os.kill(consumer.pid, signal.SIGKILL)
        round_.stage.brokers.delay(round_.delay_s / 4)


def _limit_files(round_: Round) -> None:
    """No file of the consumer may grow beyond a few KiB, as on a full disk; then it may."""
    round_.stage.brokers.delay(0.0)
    round_.await_state("complete")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Children inherit it; the consumer is the only one that starts meanwhile.
    resource.setrlimit(resource.RLIMIT_FSIZE, (round_.chance.randint(4, 24) * 1024, before[1]))
    try:
        consumer = round_.start_consumer()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    _expect_refusal(round_, consumer.wait(150))


def _fill_disk(round_: Round) -> None:
    """The consumer's disk is full at first; then there is room."""
    round_.stage.brokers.delay(0.0)
    round_.await_state("complete")
    with _small_disk(round_.folder / "disk") as disk:
        round_.outdir = disk / "out"
        _expect_refusal(round_, round_.start_consumer().wait(150))
        subprocess.run(["mount", "-o", "remount,size=512m", str(disk)], check=True)
        round_.finish_consumer()
        round_.verify()
        counted = round_.count()
        if counted.num_lost or counted.num_doubled:
            raise RoundFailed(f"{counted.num_lost} alerts lost, {counted.num_doubled} doubled")
        # Moved to a disk that outlives this scenario, for the checks that every round makes.
        round_.outdir = round_.folder / "out"
        for name in ("out", "out.transfer"):
            subprocess.run(["cp", "-a", str(disk / name), str(round_.folder / name)], check=True)


def _expect_refusal(round_: Round, code: int) -> None:
    told = (round_.folder / "consume.out").read_text() + (round_.folder / "consume.err").read_text()
    if code == 0 or "internal error" in told or "Traceback" in told:
        raise RoundFailed(f"on a full disk the consumer ended with {code}: {told[-600:]}")
    round_.forget_consumer()


@contextlib.contextmanager
def _small_disk(path: Path) -> Iterator[Path]:
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_FULL_DISK_NBYTES}", "torture", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def _two_coordinators(round_: Round) -> None:
    """The coordinator stands still until it counts as gone, another takes over, then the first goes on."""
    old = round_.stage.cluster
    frozen, _ = old.pids(round_.topic)
    os.kill(frozen, signal.SIGSTOP)
    try:
        new = round_.stage.add_cluster()
        round_.await_state("interrupted", timeout_s=_INTERRUPTED_S)
        before = round_.job.status().num_fragments_done
        resumed = round_.command("resume", round_.topic, "--dask", new.address, "--wait", "--json", log="resume")
        until(
            lambda: round_.job.status().num_fragments_done > before or resumed.poll() is not None,
            "the second coordinator finishes a fragment",
        )
    finally:
        os.kill(frozen, signal.SIGCONT)
    round_.stage.brokers.delay(0.0)
    if (code := resumed.wait(300)) != 0:
        raise RoundFailed(f"resume ended with {code}")
    until(lambda: not old.coordinates(round_.topic), "the first coordinator ends")
    changes = round_.job.manifest.changes
    first_end = next(at for at, change in enumerate(changes) if change.state in FINAL_STATES)
    if late := [change.state for change in changes[first_end + 1 :]]:
        raise RoundFailed(f"after its end the job was called {late}")


def _send_again(round_: Round) -> None:
    """Fragments are sent a second time from here: in another order, with gaps, parts of them once more."""
    manifest = round_.job.manifest
    task = task_of(manifest, KafkaSink(kafka=round_.stage.kafka, topic=round_.topic), {})
    for fragment in round_.chance.sample(fragments_of(manifest), 4):
        sender = FragmentSender(round_.stage.kafka, round_.topic)
        for rows, block in read_content(task.selection, fragment, _selected(task, fragment)):
            datums = encode(block, task.sink.schema).to_pylist()
            keys = encode_keys(fragment.number, rows)
            partitions = partitions_of(fragment.number, rows, task.sink.num_partitions)
            for _ in range(2):
                at = round_.chance.sample(range(len(rows)), len(rows) * 2 // 3)
                sender.send([keys[i] for i in at], [datums[i] for i in at], [int(partitions[i]) for i in at])
        sender.finish()


def _selected(task, fragment) -> np.ndarray:
    magnitudes = task.selection.archive.read_leaves(fragment, ["candidate.magpsf"], [pa.float64()])
    return np.flatnonzero(magnitudes.column(0).to_numpy() > MAGNITUDE)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="nothing", happen=_nothing, percents=(20,)),
        Scenario(name="worker", happen=_kill_worker, told="died, or can't be reached"),
        Scenario(name="coordinator", happen=_kill_coordinator, told="were finished before"),
        Scenario(name="submitter", happen=_kill_submitter, by_command=True),
        Scenario(name="scheduler", happen=_kill_scheduler, told="were finished before"),
        Scenario(name="broker", happen=_kill_broker, of_kafka=True),
        Scenario(name="broker+coordinator", happen=_kill_broker_and_coordinator, of_kafka=True, long=True),
        Scenario(name="broker-200s", happen=_kill_broker_for_long, percents=(40,), of_kafka=True, long=True),
        Scenario(name="freeze-20s", happen=_freeze_broker(20), of_kafka=True),
        Scenario(name="freeze-45s", happen=_freeze_broker(45), of_kafka=True, long=True),
        Scenario(name="network", happen=_cut_network, of_kafka=True),
        Scenario(name="consumer", happen=_kill_consumer, own_consumer=True),
        Scenario(name="file-limit", happen=_limit_files, percents=(20,), own_consumer=True),
        Scenario(name="full-disk", happen=_fill_disk, percents=(20,), own_consumer=True, long=True),
        Scenario(name="two-coordinators", happen=_two_coordinators),
        Scenario(name="sent-again", happen=_send_again),
        Scenario(name="leader", happen=_kill_leader, num_brokers=3, of_kafka=True),
        Scenario(name="rolling-restart", happen=_restart_brokers, num_brokers=3, of_kafka=True, long=True),
    )
}
"""Every way to die, by name."""
