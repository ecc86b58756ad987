"""What a test job waits beside other jobs, and what it takes from them: on two workers of one thread each.

    .venv/bin/python benchmarks/fairness.py [--scenario slow] [--seconds 2] [--tests 1]

Fragments of the other jobs take so many seconds each: the workers' sink is a double that waits before it opens one.
Scenarios: `slow`, one job of 30 such fragments; `large`, three of them; `small`, twenty jobs of one fragment beside
three large ones. Prints when the test's first alert and its end came after its submission, and how long the other jobs
took in all, with the test and without.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import distributed

import engine
import engine.transfer.coordinator as coordinator
from engine.transfer.coordinator import launch

NIGHT = "2021-11-22"
SCENARIOS = {"slow": (1, 0), "large": (3, 0), "small": (3, 20)}
"""Large jobs, and small ones of one fragment."""


def slow_down(seconds: float) -> None:
    """Have each fragment of a job that is called slow take longer; runs on a worker."""
    from engine.sinks import KafkaSink

    opened = KafkaSink.open

    def open_later(self, *arguments):
        if "slow" in self.topic:
            time.sleep(seconds)
        return opened(self, *arguments)

    KafkaSink.open = open_later


def archives(folder: Path, fragments: int) -> tuple[Path, Path]:
    """Return archives of so many fragments, a file each, and of one."""
    roots = []
    for name, count in (("many", fragments), ("one", 1)):
        root = Path(engine.write_sample(folder / name, nights=[NIGHT], alerts_per_night=20, seed=3).archive)
        file = next(root.rglob("*.parquet"))
        for number in range(1, count):
            shutil.copy(file, file.with_name(f"part-{number:05}.parquet"))
        roots.append(root)
    return roots[0], roots[1]


handed_over: list[float] = []
"""When coordinators were handed over to the cluster: what is before is planning and topics, on this machine."""


def launch_noted(*arguments, **how):
    """Launch a coordinator, and note when."""
    handed_over.append(time.time())
    return launch(*arguments, **how)


def ended_at(job: engine.Job) -> float:
    """Return when a job ended, Unix time."""
    status = job.wait()
    assert status.state == "complete", status.error
    return max(change.time for change in job.manifest.changes)


def measure(client: distributed.Client, kafka: str, folder: Path, scenario: str, tests: int, fragments: int) -> float:
    """Run a scenario with so many test jobs, one after another; return the seconds that the other jobs took."""
    num_large, num_small = SCENARIOS[scenario]
    many, one = archives(Path(tempfile.mkdtemp(dir=folder)), fragments // num_large)
    stamp = time.time_ns()

    def submitted(number: int) -> engine.Job:
        archive = many if number < num_large else one
        request = engine.TransferRequest(archive=archive, nights=NIGHT, topic=f"ftransfer_slow_{stamp}_{number}")
        return engine.submit(request, client=client, kafka=kafka)

    begun = time.time()
    with ThreadPoolExecutor(8) as pool:
        others = list(pool.map(submitted, range(num_large)))
        others += pool.map(submitted, range(num_large, num_large + num_small))
    for number in range(tests):
        at = time.time()
        request = engine.TransferRequest(archive=many, nights=NIGHT, topic=f"ftransfer_test_{stamp}_{number}")
        test = engine.submit(request, client=client, kafka=kafka, test=True)
        end = ended_at(test)
        first = min(done.time for done in test.manifest.fragments.values())
        waiting = sum(job.status().state in ("queued", "running") for job in others)
        handed, ends = handed_over[-1], [done.time for job in others for done in job.manifest.fragments.values()]
        print(
            f"{scenario}, beside {waiting} of {len(others)} jobs: handed over after {handed - at:.1f} s, first alert "
            f"after {first - at:.1f} s, end after {end - at:.1f} s; between hand-over and first alert ended "
            f"{sum(handed < ended <= first for ended in ends)} fragments of others",
            flush=True,
        )
    return max(ended_at(job) for job in others) - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", choices=list(SCENARIOS), action="append")
    parser.add_argument("--seconds", type=float, default=2.0, help="that a fragment of the other jobs takes")
    parser.add_argument("--fragments", type=int, default=30, help="of the large jobs in all")
    parser.add_argument("--tests", type=int, default=1)
    options = parser.parse_args()
    coordinator.launch = launch_noted
    with (
        engine.start_broker() as broker,
        engine.local_cluster(num_workers=2) as client,
        tempfile.TemporaryDirectory() as folder,
    ):
        client.run(slow_down, options.seconds)
        for scenario in options.scenario or SCENARIOS:
            how = (client, broker.bootstrap, Path(folder), scenario)
            alone_s, beside_s = (measure(*how, tests, options.fragments) for tests in (0, options.tests))
            print(
                f"{scenario}: the other jobs took {alone_s:.1f} s without, {beside_s:.1f} s with the test", flush=True
            )


if __name__ == "__main__":
    main()
