"""A job's log, in memory: what the coordinator and its workers tell, kept with the manifest, bounded, in order."""

import time

import pytest
from distributed.scheduler import KilledWorker

from consumer.receipt import make_receipt
from consumer.wire import (
    MOST_CHARACTERS,
    MOST_LINES,
    CancelRequest,
    LogLine,
    LogLines,
    Manifest,
    encode_record,
    records,
)
from engine.errors import ArchiveError, KafkaError, UnreadableError
from engine.transfer.coordinator.job_log import JobLog
from engine.transfer.coordinator.loop import Coordinator
from engine.transfer.coordinator.pace import Pace
from engine.transfer.log_text import LogReader
from engine.transfer.manifest_plan import fragments_of
from engine.transfer.submitted_job import JobStatus
from tests.engine.transfer.fake_cluster import FakeCluster
from tests.engine.transfer.fake_sink import there
from tests.engine.transfer.fake_store import FakeStore, planned
from tests.engine.transfer.job_records import JOB, done, says

WORKER = "tcp://10.0.0.7:4000"


def run(store: FakeStore, cluster: FakeCluster) -> str:
    return Coordinator(store.manifest.plan, store, there(), cluster).run()


def kept(store: FakeStore, event: str | None = None) -> list[LogLine]:
    return [line for line in store.refresh().log.lines if event in (None, line.event)]


def told(store: FakeStore) -> list[str]:
    return [line[20:] for line in LogReader().read(store.refresh(), time.time(), to_its_end=True)]


def said(text: str, **more) -> LogLine:
    return LogLine(**({"time": time.time(), "source": WORKER, "level": "info", "event": "x", "text": text} | more))


def test_a_job_tells_what_runs_it_what_was_tried_again_and_what_it_did_in_all():
    cluster = FakeCluster(said=[said("fragment 1 failed: away", level="warning", event="failure")])
    cluster.failures["send", 1] = [ArchiveError("the store is away")]
    cluster.failures["send", 2] = ["lost"]
    store = planned([4] * 3)
    assert run(store, cluster) == "complete"
    (start,) = kept(store, "start")
    assert (start.text, start.source, start.level) == ("a cluster in memory", "coordinator", "info")
    (retry,) = kept(store, "retry")
    for word in ("fragment 1", "part-1.parquet", "attempt 2 of 3", "the store is away"):
        assert word in retry.text
    assert "fragment 2" in kept(store, "lost-result")[0].text
    (line_,) = kept(store, "failure")
    assert (line_.source, line_.level) == (WORKER, "warning")
    lines = told(store)
    assert "3 files, 3 fragments, 12 alerts of the archive" in lines[0]
    assert f"warning: {WORKER}: fragment 1 failed: away" in lines
    assert sum(line.startswith("fragment ") and "4 sent" in line for line in lines) == 3
    assert lines[-1].startswith("complete; in all 12 alerts, 12 bytes, of 3 of 3 fragments")
    assert "2 warnings" in lines[-1]


def test_lines_are_written_with_the_records_of_what_was_done():
    store, cluster = planned([4] * 30), FakeCluster()
    appended = []
    append = store.append

    def count(*records) -> None:
        appended.append([record.type for record in records])
        append(*records)

    store.append = count
    cluster.failures["send", 3] = [KafkaError("away")]
    run(store, cluster)
    assert {"log"} not in map(set, appended), "no message of its own"
    assert sum(types.count("log") for types in appended) >= 2


def test_a_job_that_is_taken_up_says_so_and_how_much_was_done_and_by_whom_it_was_stopped():
    first = fragments_of(planned([5] * 3).manifest)[0]
    store = planned([5] * 3, done(first, num_selected=5, num_sent=5), CancelRequest(job_id=JOB, time=1.0, by="ann"))
    assert run(store, FakeCluster()) == "cancelled"
    store.append(says("queued"))
    assert run(store, FakeCluster()) == "complete"
    assert [line.text for line in kept(store, "resume")] == ["1 of 3 fragments were finished before"] * 2
    assert "cancel requested by ann" in told(store)
    assert not kept(store, "coordinator-lost"), "it was taken up by somebody"


def test_a_coordinator_that_goes_on_where_another_died_says_so():
    store = planned([5] * 3, says("running", "another"))
    assert run(store, FakeCluster()) == "complete"
    (line,) = kept(store, "coordinator-lost")
    assert line.level == "warning"
    assert "died" in line.text


def test_a_worker_that_kills_itself_and_an_unreadable_part_stand_in_it():
    cluster = FakeCluster(skip_unreadable=True)
    cluster.failures["send", 1] = [UnreadableError("row group 0 is damaged")] * 3
    store = planned([4] * 3)
    run(store, cluster)
    assert [line.text.count("row group 0 is damaged") for line in kept(store, "retry")] == [1, 1]
    assert any("left out: row group 0 is damaged" in line for line in told(store))
    assert "1 part of the archive left out" in told(store)[-1]
    cluster = FakeCluster(said=[said(f"the worker {WORKER} died", level="warning", event="worker-lost")])
    cluster.failures["send", 1] = [KilledWorker("a task", _Gone, 3)]
    store = planned([4] * 3)
    run(store, cluster)
    assert kept(store, "worker-lost")[0].text == f"the worker {WORKER} died"
    assert told(store)[-1].startswith("failed: fragment 1")


class _Gone:
    address, nthreads, memory_limit = WORKER, 1, 10**9


def test_an_outage_of_the_manifest_is_told_once_with_how_long_it_took():
    store, cluster = planned([4] * 3), FakeCluster()
    away = []

    def go_away() -> None:
        if not away:
            away.append(True)
            store.log.outages = 3

    cluster.before_each = go_away
    run(store, cluster)
    assert [line.event for line in kept(store) if "outage" in line.event] == ["outage", "outage-over"]
    begun, over = kept(store, "outage") + kept(store, "outage-over")
    assert begun.text == "Kafka at nowhere:9092 can't be used: no Kafka answers"
    assert "can be used again, after" in over.text


def test_a_cluster_that_is_lost_leaves_a_line_and_no_state():
    store, cluster = planned([4] * 3), FakeCluster()
    cluster.failures["send", 1] = ["cancelled"]

    def lose() -> None:
        cluster.is_connected = False

    cluster.before_each = lose
    assert run(store, cluster) == "interrupted"
    assert kept(store)[-1].event == "cluster-lost"
    assert store.states() == ["queued", "running"]


def test_lines_are_few_and_short_whatever_workers_say():
    cluster = FakeCluster(said=[said(f"{number} \x1b[2J\n" + "x" * 5_000) for number in range(3 * MOST_LINES)])
    store = planned([4] * 3)
    assert run(store, cluster) == "complete"
    log = store.refresh().log
    assert log.num_left_out == 3 * MOST_LINES - MOST_LINES // 2
    assert kept(store, "start"), "what workers say keeps out no line of the coordinator's"
    assert all(len(line.text) <= MOST_CHARACTERS and line.text.isprintable() for line in log.lines)
    assert told(store)[-1] == f"and {log.num_left_out:,} more lines that the log does not hold"
    store.append(says("queued"))
    run(store, FakeCluster(said=[said("again") for _ in range(MOST_LINES)]))
    assert len(kept(store)) <= MOST_LINES


def test_coordinators_have_one_bound_together():
    log = JobLog(JOB, "c", MOST_LINES - 1)
    for number in range(3):
        log.add(str(number))
    (record,) = log.take(last=True)
    assert [line["text"] for line in record.lines] == ["0"]
    assert record.num_left_out == 2
    assert log.take(last=True) == []


def test_lines_wait_a_second_for_other_records_at_most():
    now = [0.0]
    log = JobLog(JOB, "c", clock=lambda: now[0])
    assert not log.is_due
    log.add("a")
    assert not log.is_due
    now[0] = 1.0
    assert log.is_due
    (first,) = log.take()
    assert not log.is_due
    log.add("b")
    (second,) = log.take()
    assert (first.index, second.index) == (0, 1)


def test_a_record_that_was_appended_twice_counts_once_and_many_are_bounded():
    store = planned([4])
    line = said("once").to_dict()
    record = LogLines(job_id=JOB, coordinator="c", index=0, lines=[line])
    manifest = store.manifest
    for again in (record, record, LogLines(job_id="another job", coordinator="c", index=1, lines=[line])):
        manifest.apply(again)
    assert [kept.text for kept in manifest.log.lines] == ["once"]
    for index in range(1, 10):
        manifest.apply(LogLines(job_id=JOB, coordinator="c", index=index, lines=[line] * MOST_LINES))
    assert len(manifest.log.lines) == 2 * MOST_LINES
    assert manifest.log.num_left_out == 1 + 7 * MOST_LINES


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "x" * (MOST_CHARACTERS + 1)},
        {"text": 1},
        {"level": "fatal"},
        {"time": float("1e300")},
        {"source": ["a"]},
    ],
    ids=str,
)
def test_a_hostile_record_is_passed_over(wrong):
    store = planned([4])
    line = said("\x1b[2Jbad\nline").to_dict()
    _, value = encode_record(LogLines(job_id=JOB, coordinator="c", index=0, lines=[line | wrong]))
    manifest = Manifest()
    for each in [*store.log.values, value]:
        manifest.take(each)
    assert manifest.passed_over.count == 1
    assert manifest.log.lines == []


def test_a_reader_that_knows_no_log_says_the_same_of_the_job(monkeypatch):
    store = planned([4] * 3)
    run(store, FakeCluster(said=[said("hello", level="warning")]))
    with_log = store.refresh()
    monkeypatch.delitem(records._TYPES, "log")
    without = Manifest()
    for value in store.log.values:
        without.take(value)
    assert (len(with_log.log.lines), len(without.log.lines), without.passed_over.count) == (2, 0, 0)
    statuses = [JobStatus.of(manifest, time.time()).to_dict() for manifest in (with_log, without)]
    assert [status.pop("warnings") for status in statuses] == [["hello"], []]
    assert statuses[0] == statuses[1]
    assert make_receipt(with_log).to_dict() == make_receipt(without).to_dict()


def test_a_line_takes_one_line_whatever_it_holds():
    store = planned([4])
    line = said("\x1b[2Jbad\nline").to_dict()
    store.append(LogLines(job_id=JOB, coordinator="c", index=0, lines=[line]))
    assert told(store)[-2] == f"{WORKER}: \\x1b[2Jbad\\nline"


def test_the_log_of_a_job_that_runs_is_read_on_from_where_it_was():
    store, reader = planned([4, 4]), LogReader()
    first = fragments_of(store.manifest)
    assert len(reader.read(store.manifest, 0.0, to_its_end=False)) == 2
    assert reader.read(store.manifest, 0.0, to_its_end=False) == []
    store.append(done(first[1], num_selected=1, num_sent=1, time=20.0), done(first[0], num_selected=2, num_sent=2))
    lines = reader.read(store.refresh(), 0.0, to_its_end=False)
    assert [line[20:31] for line in lines] == ["fragment 0:", "fragment 1:"], "by their times"


def test_a_fragment_that_is_slow_beyond_others_is_told(caplog):
    now = [0.0]
    pace = Pace(clock=lambda: now[0])
    fragments = fragments_of(planned([4] * 20).manifest)

    def finished(number: int, seconds: float) -> None:
        one = done(fragments[number], num_selected=1, num_sent=1)
        pace.finished(type(one)(**{**vars(one), "seconds": seconds, "worker": WORKER}))

    for number in range(12):
        finished(number, 2.0)
    finished(12, 9.9)
    assert caplog.messages == []
    finished(13, 11.0)
    assert caplog.messages == [f"fragment 13 took 11 s on {WORKER}: others take 2.0 s"]
    now[0] = 59.0
    pace.look(fragments[14:])
    assert len(caplog.messages) == 1
    for now[0] in (61.0, 62.0, 130.0):
        pace.look(fragments[14:])
    assert len(caplog.messages) == 3, "ever more rarely"
    assert "nothing was finished for 61 s; 6 tasks under way: fragment 14, 15, 16 and 3 more" in caplog.messages[1]
    pace.look([])
    assert len(caplog.messages) == 3


def test_the_log_begins_with_what_was_asked_for_and_planned():
    store = planned([4])
    plan = store.manifest.plan
    plan.request.update(
        nights=["2021-11"], where="a > 1\nand b", limit=10, skip_unreadable=True, archive="/x", tns_catalogue=None
    )
    plan.nights_without_data.append("2021-11-02")
    plan.unreadable_files.extend({"path": f"/x/{n}", "reason": "torn"} for n in range(12))
    lines = [line[20:] for line in LogReader().read(store.manifest, 0.0, to_its_end=False)]
    assert lines[0].startswith(f"planned by version {plan.engine_version}: 1 file, 1 fragment, 4 alerts")
    assert lines[1] == "asked for: nights 2021-11, where a > 1\\nand b, limit 10, skip_unreadable True"
    assert lines[2] == "without data: 2021-11-02"
    assert lines[3] == "left out: /x/0: torn"
    assert lines[13] == "and 2 more files left out"
    plan.request["where"] = "x" * 10_000
    assert len(LogReader().read(store.manifest, 0.0, to_its_end=False)[1]) < 600
