"""A manifest that several coordinators wrote: whose word counts."""

from consumer.wire import FragmentDone, Heartbeat, Manifest, Plan, PlanPart, StateChange


def manifest(*records) -> Manifest:
    plan = Plan(
        job_id="j",
        topic="ftransfer_x",
        engine_version="1",
        created_at=0.0,
        request={},
        num_partitions=1,
        num_files=1,
        num_fragments=1,
        num_parts=1,
        num_alerts=None,
        schema={},
        time_field="jd",
        id_field="candid",
    )
    files = [{"index": 0, "path": "x", "size": 1, "etag": None, "night": "2021-11-22"}]
    fragments = [{"fragment": 0, "file": 0, "row_groups": [0], "num_alerts": 1}]
    return Manifest([plan, PlanPart(job_id="j", index=0, files=files, fragments=fragments), *records])


def state(name: str, time: float, coordinator: str | None = None) -> StateChange:
    return StateChange(job_id="j", state=name, time=time, coordinator=coordinator)


def test_a_coordinator_that_was_replaced_has_no_say():
    taken_up = [state("running", 1, "old"), state("queued", 40), state("running", 41, "new")]
    for word in ("failed", "complete", "cancelled"):
        found = manifest(*taken_up, state(word, 42, "old"))
        assert (found.stated, found.coordinator) == ("running", "new")
    assert manifest(*taken_up, Heartbeat(job_id="j", coordinator="old", time=90)).state_at(90) == "interrupted"
    assert manifest(*taken_up, Heartbeat(job_id="j", coordinator="new", time=90)).state_at(90) == "running"


def test_what_a_replaced_coordinator_sent_counts_all_the_same():
    done = FragmentDone(
        job_id="j",
        fragment=0,
        num_alerts=1,
        num_selected=1,
        num_sent=1,
        nbytes=1,
        partitions={0: 1},
        digest="0" * 32,
        time=42,
    )
    assert manifest(state("running", 1, "old"), state("running", 41, "new"), done).num_sent == 1


def test_a_final_state_stands_until_the_job_is_taken_up_again():
    ended = [state("running", 1, "a"), state("cancelled", 2)]
    assert manifest(*ended, state("complete", 3, "a")).stated == "cancelled"
    assert (
        manifest(*ended, state("queued", 3), state("running", 4, "b"), state("complete", 5, "b")).stated == "complete"
    )
