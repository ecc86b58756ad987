"""Retries: what a failure means for the job, and what an outage does to a call."""

import pytest

from engine.errors import ArchiveError, EncodeError, JobError, KafkaError, UnreadableError
from engine.transfer.coordinator.retries import Attempts, check_progress, starts, through_outages
from engine.transfer.manifest_plan import fragments_of
from tests.engine.transfer.fake_store import planned
from tests.engine.transfer.job_records import JOB, TOPIC, done, says

FRAGMENT = fragments_of(planned([4]).manifest)[0]


def attempts(skip_unreadable: bool = False) -> Attempts:
    return Attempts(TOPIC, JOB, skip_unreadable=skip_unreadable)


def test_each_work_has_attempts_of_its_own():
    tried, failure = attempts(), KafkaError("away")
    assert [tried.judge(FRAGMENT, failure), tried.judge(FRAGMENT, failure)] == [None, None]
    assert tried.judge("2021-11-01", failure) is None
    with pytest.raises(KafkaError):
        tried.judge(FRAGMENT, failure)


def test_what_is_used_up_is_not_tried_again():
    tried = attempts(skip_unreadable=True)
    tried.use_up([FRAGMENT])
    left_out = tried.judge(FRAGMENT, UnreadableError("damaged"))
    assert (left_out.fragment, left_out.num_sent, left_out.unreadable) == (0, 0, "damaged")


def test_only_fragments_that_can_not_be_read_are_left_out():
    for failure in (ArchiveError("has changed"), EncodeError("too large")):
        tried = attempts(skip_unreadable=True)
        tried.use_up([FRAGMENT])
        with pytest.raises(type(failure)):
            tried.judge(FRAGMENT, failure)
    tried = attempts(skip_unreadable=True)
    tried.use_up(["2021-11-01"])
    with pytest.raises(UnreadableError):
        tried.judge("2021-11-01", UnreadableError("damaged"))


def test_the_reason_is_recorded_as_it_was_written():
    """Workers run in Python; the reader of a manifest may be on the command line, and the file's path is the user's."""
    tried, written = attempts(skip_unreadable=True), "/data/x --all/part.parquet is damaged: see --skip-unreadable"
    tried.use_up([FRAGMENT])
    assert tried.judge(FRAGMENT, UnreadableError(written)).unreadable == written


def test_a_call_is_made_again_once_the_store_is_back():
    store, calls = planned([4]), []

    def call() -> str:
        calls.append(len(calls))
        if len(calls) == 1:
            raise KafkaError("away")
        return "answer"

    assert through_outages(store, call) == "answer"
    assert (len(calls), store.num_awaited) == (2, 1)


def test_a_call_that_fails_for_another_reason_is_not_made_again():
    store, calls = planned([4]), []

    def call() -> None:
        calls.append(1)
        raise JobError("lost there")

    with pytest.raises(JobError, match="lost there"):
        through_outages(store, call)
    assert calls == [1]


def test_an_outage_that_does_not_end_is_told():
    store = planned([4])

    def gone(timeout_s: float) -> None:
        raise KafkaError(f"no answer for {timeout_s:g} s")

    store.await_answer, store.log.outages = gone, 1
    with pytest.raises(KafkaError, match="3600 s"):
        through_outages(store, store.refresh)


def test_coordinators_are_counted_since_the_job_was_queued():
    store = planned([4], says("running", "a", 1.0), says("queued", time=2.0), says("running", "b", 3.0))
    assert starts(store.manifest) == [3.0]


def test_progress_is_what_was_finished_between_the_last_five_starts():
    began = [says("running", str(number), time=10.0 * number) for number in range(1, 6)]
    check_progress(TOPIC, planned([4], *began[:4]).manifest)
    with pytest.raises(JobError) as raised:
        check_progress(TOPIC, planned([4], *began).manifest)
    assert TOPIC in raised.value.next_step
    check_progress(TOPIC, planned([4, 4], *began, done(FRAGMENT, num_selected=4, num_sent=4, time=10.0)).manifest)
    with pytest.raises(JobError):
        check_progress(TOPIC, planned([4, 4], *began, done(FRAGMENT, num_selected=4, num_sent=4, time=9.0)).manifest)
