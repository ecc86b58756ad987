"""One round: a job, a consumer beside it, a death in its midst, and the proof that no alert is lost or doubled."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import engine
from consumer.wire import manifest_topic, schema_topic
from engine.local.processes import OwnedProcess, start_owned
from tests.torture.checks import MAGNITUDE, Balance, balance, candids_of_archive, candids_of_folder, orphans, strays
from tests.torture.stage import COMMAND, RoundFailed, Stage, until

__all__ = ["Result", "Round", "Scenario", "play"]

_JOB_S = 420.0
_CONSUMER_S = 300.0
_INTERRUPTED_S = 30.0
_MOST_CONSUMER_RUNS = 6


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Something that dies, and how."""

    name: str
    happen: Callable[[Round], None]
    """Called when the job has got as far as the round says; returns once the job can go on by itself."""
    percents: tuple[int, ...] = (20, 40, 60, 80)
    num_brokers: int = 1
    """Of Kafka."""
    by_command: bool = False
    """Submit by the command line, in a process of its own."""
    own_consumer: bool = False
    """The scenario starts the consumer, and nobody else does."""
    of_kafka: bool = False
    """What dies is Kafka, or the way to it."""
    long: bool = False
    """Only for the long form."""
    told: str = ""
    """What the job's log says of it."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a round ended."""

    scenario: str
    percent: int
    seed: int
    passed: bool
    problem: str | None
    reached_percent: float
    """Finished fragments when the death was dealt."""
    num_expected: int
    num_lost: int
    num_doubled: int
    num_second_copies: int
    """Copies that Kafka held and the consumer dropped."""
    num_consumer_runs: int
    elapsed_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


class Round:
    """A job on the stage, and what a scenario may do to it."""

    def __init__(self, stage: Stage, scenario: Scenario, percent: int, seed: int, delay_s: float):
        self.stage = stage
        self.scenario = scenario
        self.percent = percent
        self.seed = seed
        self.chance = random.Random(f"{seed}:{scenario.name}:{percent}")
        self.topic = f"ftransfer_torture_{time.time_ns()}"
        self.folder = stage.folder / self.topic
        self.outdir = self.folder / "out"
        self.delay_s = delay_s
        self.reached_percent = 0.0
        self.num_consumer_runs = 0
        self.submitter: OwnedProcess | None = None
        self._consumer: OwnedProcess | None = None
        self._stack = contextlib.ExitStack()
        self.folder.mkdir()

    def command(self, *words: str, log: str, **more: Any) -> OwnedProcess:
        """Start a command of ours; it ends with the round."""
        output, errors = (
            self._stack.enter_context((self.folder / f"{log}.{kind}").open("ab")) for kind in ("out", "err")
        )
        words = (COMMAND, *words, "--kafka", self.stage.kafka.bootstrap)
        return self._stack.enter_context(start_owned(words, stdout=output, stderr=errors, grace_s=5, **more))

    def start(self) -> None:
        """Submit the job, Kafka being slow so that there is a midst to kill in; slower still once the job runs."""
        self.stage.brokers.delay(self.delay_s / 10)
        archive, nights = self.stage.archive.archive, self.stage.archive.nights
        where = f"candidate.magpsf > {MAGNITUDE:g}"
        if self.scenario.by_command:
            words = ("submit", "--archive", archive, "--nights", f"{nights[0]}:{nights[-1]}", "--where", where)
            words = (*words, "--topic", self.topic, "--dask", self.stage.cluster.address, "--wait")
            self.submitter = self.command(*words, log="submit")
            until(lambda: manifest_topic(self.topic) in self.stage.kafka.topics(), "the topics are made")
        else:
            request = engine.TransferRequest(archive=archive, nights=nights, where=where, topic=self.topic)
            with self.stage.cluster.client() as client:
                engine.submit(request, client=client, kafka=self.stage.kafka.bootstrap).close()
        self.stage.brokers.delay(self.delay_s)
        self.job = self._stack.enter_context(contextlib.closing(engine.job(self.topic, self.stage.kafka.bootstrap)))
        if not self.scenario.own_consumer:
            self.start_consumer()

    def reach(self, percent: float) -> None:
        """Wait until so many percent of the fragments are finished, by the manifest; the job must still run then."""
        found: list[engine.JobStatus] = []

        def far_enough() -> bool:
            found[:] = [self.job.status()]
            return found[0].is_final or found[0].num_fragments_done * 100 >= percent * max(found[0].num_fragments, 1)

        until(far_enough, f"{percent} % of the fragments are finished", _JOB_S)
        status = found[0]
        self.reached_percent = 100 * status.num_fragments_done / status.num_fragments
        if status.state not in ("running", "queued") or self.reached_percent >= 100:
            raise RoundFailed(f"the job was {status.state} already at {self.reached_percent:.0f} %")

    def await_state(self, *states: str, timeout_s: float = _JOB_S) -> None:
        """Wait for a state of the job; Kafka may be away meanwhile."""
        seen, heard_at = ["unknown"], [time.monotonic()]

        def there() -> bool:
            try:
                status = self.job.status()
            except engine.KafkaError:
                heard_at[0] = time.monotonic()
                return False
            seen[:] = [status.state]
            if status.state == "failed":
                raise RoundFailed(f"the job failed: {status.error}")
            if status.state != "interrupted":
                heard_at[0] = time.monotonic()
            elif time.monotonic() - heard_at[0] > _INTERRUPTED_S and status.state not in states:
                raise RoundFailed("the job is interrupted for good")
            return status.state in states

        try:
            until(there, f"the job is {' or '.join(states)}", timeout_s, every_s=0.1)
        except RoundFailed as exc:
            raise RoundFailed(f"{exc}; it is {seen[0]}") from exc

    def start_consumer(self) -> OwnedProcess:
        """Start `alert-transfer consume` into the round's folder."""
        self.num_consumer_runs += 1
        self._consumer = self.command("consume", self.topic, "--outdir", str(self.outdir), "--json", log="consume")
        return self._consumer

    def finish_consumer(self) -> None:
        """Run the consumer again until it says that all is there."""
        while (code := (self._consumer or self.start_consumer()).wait(_CONSUMER_S)) != 0:
            if self.num_consumer_runs >= _MOST_CONSUMER_RUNS:
                raise RoundFailed(f"the consumer still ends with {code}: {self._tail('consume.out')}")
            self._consumer = None
        self._consumer = None

    def forget_consumer(self) -> None:
        """Let the next run of the consumer begin, although the last one ended badly."""
        self._consumer = None

    def _tail(self, log: str) -> str:
        return (self.folder / log).read_text(errors="replace")[-600:]

    def resume(self, address: str) -> None:
        """Take the job up again by the command line, on the Dask cluster at an address, and wait for its end."""
        process = self.command("resume", self.topic, "--dask", address, "--wait", "--json", log="resume")
        if (code := process.wait(_JOB_S)) != 0:
            raise RoundFailed(f"resume ended with {code}: {self._tail('resume.out')} {self._tail('resume.err')}")

    def verify(self) -> None:
        """Let `alert-transfer verify` prove the folder."""
        words = [COMMAND, "verify", str(self.outdir), "--json"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0 or not json.loads(done.stdout)["complete"]:
            raise RoundFailed(f"verify ended with {done.returncode}: {done.stdout}{done.stderr}")

    def count(self) -> Balance:
        """Count the alerts on disk against those of the archive."""
        return balance(candids_of_archive(Path(self.stage.archive.archive)), candids_of_folder(self.outdir))

    def num_second_copies(self) -> int:
        """Return how many second copies the consumer's journal has dropped."""
        lines = (self.outdir.with_name("out.transfer") / "journal.jsonl").read_bytes().splitlines()
        return sum(json.loads(line.split(b" ", 1)[1])["num_duplicates"] for line in lines)

    def close(self) -> None:
        """End what the round started."""
        self._stack.close()

    def clean_up(self) -> None:
        """Remove what a round that passed has left on disk and in Kafka."""
        shutil.rmtree(self.folder)
        self.stage.kafka.delete_topics([self.topic, schema_topic(self.topic), manifest_topic(self.topic)])


@contextlib.contextmanager
def _problem(problems: list[str]) -> Iterator[None]:
    """Write down why a round fails, whatever it is: the rounds after it are still to be played."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001
        problems.append(f"{type(exc).__name__}: {exc}")


def play(stage: Stage, scenario: Scenario, percent: int, seed: int, delay_s: float) -> Result:
    """Play one round on a stage that is whole, and judge it.

    Parameters
    ----------
    stage
        Where.
    scenario, percent
        What dies, and when.
    seed
        Of all chance in the round.
    delay_s
        How slow Kafka is made.
    """
    begun = time.monotonic()
    problems: list[str] = []
    counted, num_second_copies = Balance(num_expected=0, num_lost=0, num_doubled=0), 0
    round_ = Round(stage, scenario, percent, seed, delay_s)
    with _problem(problems):
        try:
            round_.start()
            round_.reach(percent)
            scenario.happen(round_)
            stage.brokers.delay(0.0)
            round_.await_state("complete")
            with _problem(problems):  # what is on disk is counted all the same
                round_.finish_consumer()
            counted, num_second_copies = round_.count(), round_.num_second_copies()
            if counted.num_lost or counted.num_doubled:
                raise RoundFailed(f"{counted.num_lost} alerts lost, {counted.num_doubled} doubled")
            round_.verify()
            if found := strays(round_.outdir):
                raise RoundFailed(f"stray files: {', '.join(found)}")
            if (status := round_.job.status()).state != "complete":
                raise RoundFailed(f"the job was complete, and now is {status.state}")
            if not any(scenario.told in line for line in round_.job.log()):
                raise RoundFailed(f"the job's log does not say: {scenario.told}")
        finally:
            round_.close()
    with _problem(problems):
        stage.await_whole()
        if found := orphans(stage.processes()):
            raise RoundFailed(f"processes left behind: {'; '.join(found)}")
        if not problems:
            round_.clean_up()
    return Result(
        scenario=scenario.name,
        percent=percent,
        seed=seed,
        passed=not problems,
        problem="; ".join(problems) or None,
        reached_percent=round(round_.reached_percent, 1),
        num_expected=counted.num_expected,
        num_lost=counted.num_lost,
        num_doubled=counted.num_doubled,
        num_second_copies=num_second_copies,
        num_consumer_runs=round_.num_consumer_runs,
        elapsed_s=round(time.monotonic() - begun, 1),
    )
