"""The heartbeat: what a coordinator writes of itself, and what it reads that others want."""

import threading

import pytest

from consumer.wire import CancelRequest, Heartbeat, decode_record
from engine.errors import KafkaError
from engine.telemetry import in_job
from engine.transfer.coordinator import heartbeat
from engine.transfer.coordinator.heartbeat import Cancelled, Replaced, Watch
from tests.engine.transfer.fake_store import FakeStore, planned
from tests.engine.transfer.job_records import JOB, says


def heartbeats(store: FakeStore) -> list[str]:
    records = map(decode_record, store.log.values)
    return [record.coordinator for record in records if isinstance(record, Heartbeat)]


def test_a_heartbeat_is_written_every_five_seconds_also_when_nothing_can_be_read():
    now = [0.0]
    store = planned([1], says("running", "me"))
    watch = Watch(store, JOB, "me", clock=lambda: now[0])
    for second in range(21):
        now[0] = float(second)
        watch.step()
    assert heartbeats(store) == ["me"] * 4
    watch.check_wanted()

    def cannot(timeout_s: float):
        raise KafkaError("away")

    store.wait_for_more = cannot
    now[0] = 25.0
    with pytest.raises(KafkaError):
        watch.step()
    assert len(heartbeats(store)) == 5


def test_a_heartbeat_that_was_not_written_is_written_at_the_next_step():
    now = [0.0]
    store = planned([1], says("running", "me"))
    watch = Watch(store, JOB, "me", clock=lambda: now[0])
    now[0], store.log.outages = 6.0, 1
    with pytest.raises(KafkaError):
        watch.step()
    watch.step()
    assert heartbeats(store) == ["me"]


@pytest.mark.parametrize(("took_s", "is_told"), [(9.0, False), (20.0, True)])
def test_an_outage_that_the_client_bridges_by_itself_is_told_with_its_length(took_s, is_told):
    now, told = [0.0], []
    store = planned([1], says("running", "me"))
    append = store.append

    def slowly(*records):
        now[0] += took_s
        append(*records)

    store.append = slowly
    watch = Watch(store, JOB, "me", clock=lambda: now[0])
    now[0] = 6.0
    with in_job("ftransfer_x", lambda text, *more: told.append(text)):
        watch.step()
    assert heartbeats(store) == ["me"]
    assert [f"{took_s:.0f} s" in text for text in told] == [True] * is_told


def test_requests_to_cancel_and_other_coordinators_are_noted():
    store = planned([1], says("running", "me"))
    watch = Watch(store, JOB, "me")
    store.append(CancelRequest(job_id="of another job", time=1.0))
    watch.step()
    watch.check_wanted()
    store.append(CancelRequest(job_id=JOB, time=1.0))
    watch.step()
    with pytest.raises(Cancelled):
        watch.check_wanted()
    store.append(says("running", "another"))
    watch.step()
    with pytest.raises(Replaced):  # a coordinator that is replaced must not say how the job ends
        watch.check_wanted()


def test_it_watches_on_through_an_outage():
    store = planned([1], says("running", "me"), CancelRequest(job_id=JOB, time=1.0))
    watch = Watch(store, JOB, "me")
    reads, has_read = [], threading.Event()
    wait_for_more = store.wait_for_more

    def away_at_first(timeout_s: float):
        reads.append(timeout_s)
        if len(reads) == 1:
            raise KafkaError("away")
        has_read.set()
        return wait_for_more(timeout_s)

    store.wait_for_more = away_at_first
    with watch.running():
        assert has_read.wait(150)
    with pytest.raises(Cancelled):
        watch.check_wanted()


def test_the_end_of_a_job_waits_for_no_look_at_the_manifest(monkeypatch):
    monkeypatch.setattr(heartbeat, "_LOOK_EVERY_S", 3600.0)
    store = planned([1], says("running", "me"))
    has_looked, waits, wait_for_more = threading.Event(), [], store.wait_for_more

    def looked(timeout_s: float):
        waits.append(timeout_s)
        has_looked.set()
        return wait_for_more(timeout_s)

    store.wait_for_more = looked
    with Watch(store, JOB, "me").running():
        assert has_looked.wait(150)
    assert waits == [0.0]
