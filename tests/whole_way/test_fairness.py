"""A test job beside large ones, on two workers of one thread: it waits for what runs, and for nothing that waits."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from distributed.worker import thread_state

import engine
from tests.held_fragments import held

NIGHT = "2021-11-22"


def wait_until_told(folder: Path, sink, fragment, _) -> None:
    """Have a fragment of a job that is called like the folder wait until it may end.

    It says by which task it is sent: small fragments are sent several in a task.
    """
    if folder.name in sink.topic:
        name = f"{sink.topic}-{fragment.number}"
        said = folder / f"said-{name}"
        said.write_text(thread_state.key)
        said.replace(folder / f"begun-{name}")
        while not ((folder / f"may-end-{name}").exists() or (folder / "all-may-end").exists()):
            time.sleep(0.02)


@pytest.fixture
def gate(dask_client, tmp_path):
    """Folder in which fragments of held jobs say that they have begun, and are told that they may end."""
    # Of this test alone: what another one left behind, where it failed, is not held.
    folder = tmp_path / f"held_{time.time_ns()}"
    folder.mkdir()
    with held(dask_client, partial(wait_until_told, folder)):
        yield folder
        (folder / "all-may-end").touch()


def until(condition):
    """Return what a condition gives once it holds."""
    deadline = time.monotonic() + 120
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def begun(gate: Path) -> set[str]:
    return {path.name.removeprefix("begun-") for path in gate.glob("begun-*")}


def tasks_of(gate: Path, names: set[str]) -> set[str]:
    return {(gate / f"begun-{name}").read_text() for name in names}


def has_coordinator(topic: str, dask_scheduler) -> bool:
    return any(str(key).startswith(f"coordinate-{topic}-") for key in dask_scheduler.tasks)


def test_a_test_job_ends_as_soon_as_what_runs_has_ended(dask_client, kafka, gate, tmp_path):
    root = engine.write_sample(tmp_path / "many", nights=[NIGHT], alerts_per_night=12, seed=3).archive
    file = next(Path(root).rglob("*.parquet"))
    for number in range(1, 12):
        shutil.copy(file, file.with_name(f"part-{number:05}.parquet"))
    num_threads = sum(dask_client.nthreads().values())
    stamp = time.time_ns()
    submit = {"client": dask_client, "kafka": kafka}
    topics = [f"ftransfer_{gate.name}_{number}" for number in (0, 1)]
    requests = [engine.TransferRequest(archive=root, nights=NIGHT, topic=topic) for topic in topics]
    others = [engine.submit(requests[0], **submit)]
    released: set[str] = set()

    def is_submitted(second) -> bool:
        # The first one's fragments may have all threads, and the second one's coordinator needs a certain one of them.
        for name in begun(gate) - released:
            (gate / f"may-end-{name}").touch()
            released.add(name)
        return second.done()

    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(engine.submit, requests[1], **submit)
        until(lambda: dask_client.run_on_scheduler(has_coordinator, topic=requests[1].topic))
        until(lambda: is_submitted(second))
        others.append(second.result())
    running = tasks_of(gate, until(lambda: len(found := begun(gate) - released) >= num_threads and found))

    def has_submitted(test) -> bool:
        # Its coordinator is a task itself, and to run next; no task may end but those that run now.
        for name in begun(gate) - released:
            if tasks_of(gate, {name}) <= running:
                (gate / f"may-end-{name}").touch()
                released.add(name)
        return test.done()

    topic = f"ftransfer_{stamp}"
    request = engine.TransferRequest(archive=root, nights=NIGHT, where="candidate.rb >= 0", topic=topic)
    with ThreadPoolExecutor(1) as pool:
        submitted = pool.submit(engine.submit, request, test=True, **submit)
        until(lambda: dask_client.run_on_scheduler(has_coordinator, topic=topic))
        until(lambda: has_submitted(submitted))
        job = submitted.result()
        until(lambda: has_submitted(submitted) and job.status().state == "complete")
    assert job.status().num_alerts_sent == 10
    waiting = tasks_of(gate, begun(gate) - released)
    assert len(waiting) <= num_threads, "one more task on each thread, and none of them has ended"
    assert sum(one.status().num_fragments_done for one in others) <= len(released)
    (gate / "all-may-end").touch()
    assert [one.wait().state for one in others] == ["complete"] * 2


def test_jobs_beyond_the_limit_of_their_owner_wait_and_start_in_order(dask_client, kafka, gate, tmp_path):
    root = engine.write_sample(tmp_path / "one", nights=[NIGHT], alerts_per_night=3, seed=3).archive
    stamp = time.time_ns()
    settings = engine.Settings(limits={"max_running_jobs": 1})

    def submit(name: str, owner: str = f"alice{stamp}", **more) -> engine.Job:
        request = engine.TransferRequest(archive=root, nights=NIGHT, topic=f"ftransfer_{name}_{stamp}")
        return engine.submit(request, client=dask_client, kafka=kafka, settings=settings, owner=owner, **more)

    first = submit(gate.name)
    until(lambda: begun(gate))
    second, third, fourth = (submit(name) for name in ("second", "third", "fourth"))
    assert [job.status().queue_place for job in (first, second, third, fourth)] == [None, 1, 2, 3]
    assert "third in the queue of alice" in fourth.status().state_text
    listed = {status.topic: status for status in engine.jobs(kafka, everyone=True)}
    assert (listed[third.topic].state, listed[third.topic].queue_place) == ("queued", 2)
    assert submit("test", test=True).wait().state == "complete", "a test waits for no other"
    assert submit("other", owner=f"bob{stamp}").wait().state == "complete", "nor does a job of another owner"
    assert third.cancel().state == "cancelled"
    assert first.status().state == "running"
    (gate / "all-may-end").touch()
    assert [job.wait().state for job in (first, second, fourth)] == ["complete"] * 3
    started = [job.manifest.started_at for job in (first, second, fourth)]
    assert started == sorted(started)
    assert any("third in the queue" in line for line in fourth.log())
