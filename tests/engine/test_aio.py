"""The async twins: a loop goes on while they run, and they are what their functions are."""

import asyncio
import contextvars
import inspect
import threading
import time

import pytest

import engine
from consumer.wire import StateChange
from engine.aio import Twin
from engine.archive import Archive
from engine.kafka import KafkaCluster
from engine.sinks import KafkaManifestStore
from tests.engine.transfer.job_records import JOB, TOPIC, plan_records
from tests.kafka_fake import FakeKafka

SETTINGS = engine.Settings()
TWINS = {name: twin for name, twin in vars(engine.aio).items() if isinstance(twin, Twin)}
SHORT = {
    *(
        "condition_functions",
        "known_labels",
        "load_settings",
        "looks_like_link",
        "read_yaml",
        "settings_schema",
        "sourced_settings",
        "survey_named",
        "write_yaml",
    ),  # done at once
    *("connect", "local_cluster", "start_broker"),  # contexts
}
PATIENCE_S = 60


def twin_of(function) -> Twin:
    return Twin(lambda: function)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    return engine.write_sample(tmp_path_factory.mktemp("aio"), nights=["2021-11-22"], alerts_per_night=40).archive


# --- What they are --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_takes_what_its_function_takes(name):
    function = getattr(engine, name, None) or getattr(engine.Job, name)
    assert inspect.signature(TWINS[name]) == inspect.signature(function)
    assert inspect.getdoc(function) in TWINS[name].__doc__


def test_each_public_function_that_may_take_long_has_a_twin():
    functions = {name for name in engine.__all__ if inspect.isfunction(getattr(engine, name))}
    assert functions - SHORT <= set(TWINS), "add its line to the table in engine/aio.py"
    assert {"status", "wait", "cancel", "log", "receipt"} <= set(TWINS)


def test_to_name_a_twin_imports_nothing():
    threads = []

    def find():
        threads.append(threading.current_thread())
        return lambda: 1

    late = Twin(find)
    assert threads == []
    assert asyncio.run(late()) == 1
    assert threading.current_thread() not in threads, "found, and so imported, in the thread"


# --- The loop -------------------------------------------------------------------------------------------------------


async def ticks_meanwhile(work, released: threading.Event, ticks: int = 100) -> object:
    """Await what can't end before the loop has ticked so often."""

    async def tick() -> None:
        for _ in range(ticks):
            await asyncio.sleep(0)
        released.set()

    found, _ = await asyncio.gather(work, tick())
    return found


@pytest.mark.parametrize("name", ["plan", "preview", "fields"])
def test_a_loop_goes_on_while_an_archive_is_listed(name, archive, monkeypatch):
    released, listing, was_released = threading.Event(), Archive.listing, []

    def slow(self, nights):
        was_released.append(released.wait(PATIENCE_S))
        return listing(self, nights)

    monkeypatch.setattr(Archive, "listing", slow)
    asked = archive if name == "fields" else engine.TransferRequest(archive=archive, nights="2021-11-22")
    found = asyncio.run(ticks_meanwhile(TWINS[name](asked, settings=SETTINGS), released))
    assert was_released == [True]
    assert type(found) is type(getattr(engine, name)(asked, settings=SETTINGS))


def test_many_calls_wait_beside_each_other():
    """As many pages follow their jobs, and one more asks something: no pool of threads is full."""
    released, begun = threading.Event(), threading.Barrier(101)

    def follow() -> bool:
        begun.wait(PATIENCE_S)
        return released.wait(PATIENCE_S)

    async def all_of_them() -> list[bool]:
        follows = [asyncio.ensure_future(twin_of(follow)()) for _ in range(100)]
        await twin_of(lambda: begun.wait(PATIENCE_S))()
        released.set()
        return await asyncio.gather(*follows)

    assert asyncio.run(all_of_them()) == [True] * 100


def test_callbacks_are_called_in_the_loop_before_the_result_is_there(archive):
    user = contextvars.ContextVar("user")
    told = []

    async def plan() -> None:
        user.set("anna")
        here = threading.current_thread()

        def note(what) -> None:
            asyncio.get_running_loop()
            told.append((what, threading.current_thread() is here, user.get()))

        request = engine.TransferRequest(archive=archive, nights="2021-11-22")
        await engine.aio.preview(
            request,
            limit=1,
            settings=SETTINGS,
            on_plan=lambda found: note(type(found).__name__),
            progress=lambda done, total: note((done, total)),
        )
        told.append("returned")

    asyncio.run(plan())
    assert told[-1] == "returned"
    assert [one[0] for one in told[:2]] == [(1, 1), "TransferPlan"]
    assert all(one[1:] == (True, "anna") for one in told[:-1])


def test_a_coroutine_may_be_called_back():
    told = []

    async def note(n: int) -> None:
        await asyncio.sleep(0)
        told.append(n)

    def function(progress) -> str:
        progress(1)
        return "done"

    async def call() -> str:
        return await twin_of(function)(note)

    assert (asyncio.run(call()), told) == ("done", [1])


def test_what_a_callback_raises_ends_the_function():
    turns = []

    def endless(progress) -> None:
        while True:
            turns.append(1)
            progress(len(turns))
            time.sleep(0.001)

    def refuse(n: int) -> None:
        raise KeyError(n)

    with pytest.raises(KeyError, match="1"):
        asyncio.run(twin_of(endless)(progress=refuse))


def test_errors_come_out_as_the_functions_own(tmp_path):
    with pytest.raises(engine.ArchiveError, match="no archive"):
        asyncio.run(engine.aio.fields(str(tmp_path / "nowhere"), settings=SETTINGS))
    with pytest.raises(TypeError, match="limt"):
        asyncio.run(engine.aio.preview(None, limt=3))


# --- Cancelled ------------------------------------------------------------------------------------------------------


async def cancelled(awaited, begun: threading.Event) -> None:
    task = asyncio.ensure_future(awaited)
    await asyncio.to_thread(begun.wait, PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_what_reads_ends_at_its_next_sign_of_progress_if_cancelled():
    begun, ended, told = threading.Event(), threading.Event(), []

    def read(progress=None) -> None:
        try:
            while True:
                begun.set()
                if progress:
                    progress(1, 2)
                time.sleep(0.001)
        finally:
            ended.set()

    async def both() -> None:
        await cancelled(twin_of(read)(), begun)  # without a callback of the user's, too
        assert await asyncio.to_thread(ended.wait, PATIENCE_S)
        begun.clear()
        ended.clear()
        await cancelled(twin_of(read)(lambda *figures: told.append(figures)), begun)
        at_that_time = len(told)
        assert await asyncio.to_thread(ended.wait, PATIENCE_S)
        assert len(told) == at_that_time, "nobody is told any more"

    asyncio.run(both())


def test_what_has_effects_goes_on_if_cancelled_even_without_its_loop(caplog):
    begun, released, ended, told = threading.Event(), threading.Event(), threading.Event(), []

    def submit(on_start, progress) -> str:
        begun.set()
        released.wait(PATIENCE_S)
        progress(1, 2)
        on_start("job")
        ended.set()
        return "the job"

    with caplog.at_level("INFO", logger="alert_transfer.aio"):
        starts = Twin(lambda: submit, goes_on=True)
        asyncio.run(cancelled(starts(told.append, progress=lambda *_: told.append("progress")), begun))
        before = [thread for thread in threading.enumerate() if thread.name == "aio"]
        assert not any(thread.daemon for thread in before), "the program does not end before it"
        released.set()
        for thread in before:
            thread.join(PATIENCE_S)
    assert ended.is_set()
    assert told == []
    assert [record.message for record in caplog.records if "the job" in record.message]


# --- Jobs -----------------------------------------------------------------------------------------------------------


def test_a_job_is_followed_and_asked_at_once(monkeypatch):
    kafka = FakeKafka()
    kafka.install(monkeypatch)
    cluster = KafkaCluster(bootstrap=kafka.bootstrap)
    cluster.create_job_topics(TOPIC, 1)
    store = KafkaManifestStore(cluster, TOPIC)
    now = time.time()
    store.append(*plan_records([1]), StateChange(job_id=JOB, state="running", coordinator="a", time=now))

    async def follow() -> None:
        job = await engine.aio.job(TOPIC, kafka.bootstrap, settings=SETTINGS)
        seen = asyncio.Event()
        follows = asyncio.ensure_future(engine.aio.wait(job, on_change=lambda status: seen.set()))
        await seen.wait()
        assert (await engine.aio.status(job)).state == "running"
        assert "running" in (await engine.aio.log(job))[-1]
        store.append(StateChange(job_id=JOB, state="complete", coordinator="a", time=now + 1))
        assert (await follows).state == "complete"
        assert "complete" in job._repr_html_()

    asyncio.run(follow())
