"""The client that the service's users have today, run as they run it, on topics of ours."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import consumer
import engine
from tests import fink_client
from tests.conftest import SHARED

REAL = SHARED / "fink-archive" / "science"
_MOST_CALLS = 4


@pytest.fixture(scope="module")
def finkctl() -> str:
    """The client's command, in an environment of its own (it pins other versions than ours)."""
    return fink_client.finkctl()


def fetch(finkctl: str, home: Path, topic: str, group: str, kafka: str, survey: str = "ztf") -> list[dict]:
    """Return the rows that the client writes of a topic, in a fresh folder and as a new group."""
    home.mkdir()
    environment = {**os.environ, "HOME": str(home)}
    register = ["auth", "register", "-survey", survey, "-username", "tester", "-groupid", group, "-servers", kafka]
    transfer = ["transfer", "-survey", survey, "-topic", topic, "-outdir", "out", "-partitionby", "time", "--verbose"]
    # Two of its processes share a queue, and where both see that one entry is left, the later waits for ever.
    transfer += ["-nconsumers", "1"]
    # It waits for the topic's schema so long, once, and ends where busy processes were slower; it has its users call it
    # again then, without a word unless it tells all.
    for words in ([*register, "-maxtimeout", "5"], *[transfer] * _MOST_CALLS):
        done = subprocess.run(
            [finkctl, *words], env=environment, cwd=home, capture_output=True, text=True, timeout=280, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        if files := sorted((home / "out").rglob("*.parquet")):
            break
    assert files, done.stdout + done.stderr
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


def comparable(rows: list[dict], identifier: str = "candid") -> dict[int, dict[str, str]]:
    """Return rows by their identifier, values as text: the client keeps the values, and types of its own."""
    left_out = ("year", "month", "day")
    return {row[identifier]: {k: repr(v) for k, v in sorted(row.items()) if k not in left_out} for row in rows}


@pytest.fixture(scope="module")
def fetched(finkctl, kafka, dask_client, tmp_path_factory) -> Iterator[dict[str, tuple[engine.Job, list[Future]]]]:
    """Of each job here: the job, and its rows as each group of the client has them.

    All of them are fetched at once, for the client waits most of its time.
    """
    home = tmp_path_factory.mktemp("clients")
    sample = engine.write_sample(home / "sample", alerts_per_night=100, profile="2025")
    requests = {"sample": engine.TransferRequest(archive=sample.archive, nights=sample.nights)}
    lsst = engine.write_sample(home / "lsst", survey="lsst", nights="2026-01-01", alerts_per_night=100)
    requests |= {
        f"lsst-{content}": engine.TransferRequest(
            archive=lsst.archive, nights=lsst.nights, survey="lsst", content=content
        )
        for content in ("lightcurve", "full")
    }
    if REAL.is_dir():
        nights = "2019-09-03:2025-07-31"
        requests |= {
            content: engine.TransferRequest(archive=REAL, nights=nights, content=content)
            for content in ("lightcurve", "full")
        }
    jobs = {name: engine.submit(request, client=dask_client, kafka=kafka) for name, request in requests.items()}
    groups = dict.fromkeys(requests, ("alone",)) | {"sample": ("first", "second")}
    with ThreadPoolExecutor(sum(map(len, groups.values()))) as pool:
        begun = {}
        for name, job in jobs.items():
            assert job.wait().state == "complete"
            begun[name] = (
                job,
                [
                    pool.submit(
                        fetch, finkctl, home / f"{name}-{group}", job.topic, group, kafka, requests[name].survey
                    )
                    for group in groups[name]
                ],
            )
        yield begun


@pytest.mark.timeout(900)
def test_two_groups_fetch_the_same_rows_as_we_do(fetched, kafka, tmp_path):
    job, groups = fetched["sample"]
    consumer.consume(job.topic, tmp_path / "ours", kafka=kafka, partitionby="none")
    ours = comparable(pq.read_table(tmp_path / "ours").to_pylist())
    assert len(ours) == 300
    for group in groups:
        theirs = group.result()
        assert len(theirs) == 300
        assert comparable(theirs) == ours


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("shared_archive")
@pytest.mark.parametrize("content", ["lightcurve", "full"])
def test_real_alerts_reach_it_whole(fetched, kafka, tmp_path, content):
    job, (group,) = fetched[content]
    consumer.consume(job.topic, tmp_path / "ours", kafka=kafka, partitionby="none")
    theirs = group.result()
    assert len(theirs) == 106
    assert comparable(theirs) == comparable(pq.read_table(tmp_path / "ours").to_pylist())


@pytest.mark.timeout(900)
@pytest.mark.parametrize("content", ["lightcurve", "full"])
def test_alerts_of_lsst_reach_it_whole(fetched, kafka, tmp_path, content):
    job, (group,) = fetched[f"lsst-{content}"]
    consumer.consume(job.topic, tmp_path / "ours", kafka=kafka, partitionby="none")
    theirs = group.result()
    assert len(theirs) == 100
    assert comparable(theirs, "diaSourceId") == comparable(pq.read_table(tmp_path / "ours").to_pylist(), "diaSourceId")
