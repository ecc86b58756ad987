"""Workers that are not right for a job, on a real cluster: found before it starts, or when they join while it runs."""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import distributed
import pyarrow.parquet as pq
import pytest

import engine
from consumer.wire import StateChange
from engine.errors import ClusterError
from engine.transfer.coordinator import dask_cluster
from engine.transfer.coordinator.dask_cluster import DaskCluster
from engine.transfer.coordinator.loop import Coordinator
from engine.transfer.manifest_plan import plan_records
from engine.transfer.starting import start_new
from engine.workers import await_workers, check_workers, on_worker
from tests.engine.transfer.fake_sink import FakeSink, SlowSink, there
from tests.engine.transfer.fake_store import FakeStore
from tests.engine.transfer.job_records import JOB, TOPIC
from tests.strange_workers import KINDS, dask_scheduler, environment, strange_workers

NIGHT, FILES, ROWS = "2021-11-22", 36, 6
EVENTS = ("start", "worker-joined", "worker-refused")


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> str:
    """An archive of more fragments than two windows have."""
    root = engine.write_sample(tmp_path_factory.mktemp("many"), nights=[NIGHT], alerts_per_night=ROWS, seed=3).archive
    (file,) = Path(root).rglob("*.parquet")
    for number in range(1, FILES):
        shutil.copy(file, file.with_name(f"part-{number:05}.parquet"))
    return root


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory) -> Iterator[str]:
    """A scheduler whose environment lacks our package."""
    folder = tmp_path_factory.mktemp("scheduler")
    with dask_scheduler(folder, environment(folder / "lacking", "lacking")) as address:
        yield address


@pytest.fixture(scope="module")
def client(scheduler) -> Iterator[distributed.Client]:
    with engine.connect(scheduler) as client:
        yield client


@pytest.fixture(scope="module")
def wrong(client, tmp_path_factory) -> Iterator[dict[str, str]]:
    """Three workers, none of which is right; those tests that want others stand before."""
    with strange_workers(tmp_path_factory.mktemp("wrong"), client, *KINDS) as wrong:
        yield wrong


def planned(archive: str, **more) -> FakeStore:
    plan = engine.plan(engine.TransferRequest(archive=archive, nights=NIGHT, **more), settings=engine.Settings())
    store = FakeStore()
    terms = {"num_partitions": 1, "max_message_nbytes": 1_000_000}
    store.append(*plan_records(plan, topic=TOPIC, job_id=JOB, created_at=0.0, **terms))
    store.append(StateChange(job_id=JOB, state="queued", time=0.0))
    store.refresh()
    return store


def run(store: FakeStore, client: distributed.Client, join=None) -> str:
    # As on a worker, where the coordinator's client is the one that Dask finds.
    with client.as_current():
        return Coordinator(store.manifest.plan, store, there(), Joined(client, join)).run()


def told(caplog) -> list[str]:
    texts = [record.args[0] for record in caplog.records if record.name == "alert_transfer.jobs"]
    return [text.partition(" ")[0] for text in texts if "is not used" in text]


class Joined(DaskCluster):
    """A cluster that workers join as soon as something has ended, if they are to."""

    def __init__(self, client: distributed.Client, join=None):
        super().__init__(client, SlowSink(), {})
        self._join = join

    def ended(self, timeout_s: float):
        found = super().ended(timeout_s)
        if found and self._join:
            self._join()
            self._join = None
        return found


def test_workers_that_join_while_a_job_runs_are_found_out_and_not_used(client, archive, tmp_path, caplog):
    caplog.set_level(logging.WARNING, logger="alert_transfer.jobs")
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(strange_workers(tmp_path / "first", client, "right"))
        check_workers(client)

        def join() -> None:
            found.update(stack.enter_context(strange_workers(tmp_path / "later", client, "changed")))
            with pytest.raises(ClusterError) as raised:
                check_workers(client)
            assert "1 of 2 workers" in raised.value.message
            assert f"{found['changed']} has alert-transfer" in raised.value.message, "by the digest of its files"
            assert found["right"] not in raised.value.message
            check_workers(client, one_suffices=True)
            found.update(stack.enter_context(strange_workers(tmp_path / "last", client, "lacking", "older")))

        store = planned(archive)
        assert run(store, client, join) == "complete"
        assert store.refresh().num_sent == FILES * ROWS
        assert sorted(store.manifest.fragments) == list(range(FILES))
        wrong = {found[kind] for kind in KINDS}
        assert 0 < len(told(caplog)) == len(set(told(caplog))), "once each, of those that were met"
        assert set(told(caplog)) <= wrong
        log = {event: [line.text for line in store.manifest.log.lines if line.event == event] for event in EVENTS}
        assert [text.partition(" is not used")[0] for text in log["worker-refused"]] == told(caplog)
        assert all(any(worker in text for text in log["worker-joined"]) for worker in wrong)
        assert "1 worker with" in log["start"][0]
        assert {done.worker for done in store.manifest.fragments.values()} == {found["right"]}
        # None was shut down; further jobs meet them from their first fragment on.
        assert set(client.nthreads()) == set(found.values())
        for more in ({"where": "candidate.rb > 0.5"}, {"where": "candidate.rb > 0.5", "limit": 50}):
            store = planned(archive, **more)
            num_selected = num_fulfilling(archive) if "where" in more else FILES * ROWS
            assert run(store, client) == "complete", store.refresh().error
            assert store.refresh().num_sent == min(num_selected, more.get("limit", num_selected)), more
        assert set(client.nthreads()) == set(found.values())
        assert on_worker(client, len, [1, 2, 3]) == 3


def num_fulfilling(archive: str) -> int:
    file = next(Path(archive).rglob("*.parquet"))
    candidates = pq.read_table(file, columns=["candidate"])["candidate"].to_pylist()
    return FILES * sum(candidate["rb"] > 0.5 for candidate in candidates)


def test_all_that_is_wrong_is_told_before_anything_is_sent(client, wrong):
    check = lambda: check_workers(client)  # noqa: E731
    for look in (check, check, lambda: await_workers(client)):
        with pytest.raises(ClusterError) as raised:
            look()
        text = raised.value.message
        assert "2 of 3 workers" in text, "by their metadata; the third one's files are not yet looked at"
        assert f"{wrong['lacking']} lacks alert-transfer" in text
        assert f"{wrong['older']} has alert-transfer 0.1.9, not {engine.transfer.versions.engine_version()}" in text
        assert "alert-transfer[engine]==" in raised.value.next_step
    assert set(client.nthreads()) == set(wrong.values()), "none was shut down"


def test_with_no_right_worker_left_the_job_says_so(client, wrong, archive, monkeypatch, caplog):
    monkeypatch.setattr(dask_cluster, "_NO_WORKER_S", 0.0)
    store = planned(archive, where="candidate.rb > 0.5", limit=5)
    assert run(store, client) == "failed"
    message = store.refresh().error["message"]
    assert all(worker in message for worker in wrong.values())
    assert "0.1.9" in message
    with pytest.raises(ClusterError) as raised:
        on_worker(client, len, [1, 2, 3])
    assert all(worker in raised.value.message for worker in wrong.values())


class Sealable(FakeStore):
    """A store that can be sent to a worker, if not opened there."""

    def __reduce__(self):
        return FakeStore, ()


def test_a_coordinator_that_no_worker_can_run_is_told_to_the_submitter(client, wrong, archive):
    plan = engine.plan(engine.TransferRequest(archive=archive, nights=NIGHT), settings=engine.Settings())
    sink, store = FakeSink(), Sealable()
    with pytest.raises(engine.AlertTransferError) as raised:
        start_new(plan, client, sink, store, {}, patience_s=200.0)
    assert any(worker in raised.value.message for worker in wrong.values())
    assert not sink.is_there
