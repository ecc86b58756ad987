"""The wire contract is what its page and its JSON Schema say, and records fold as the page has it."""

import contextlib
import dataclasses
import getpass
import io
import json
import re
import string
from pathlib import Path

import confluent_kafka
import fastavro
import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine
from consumer.errors import WireError
from consumer.wire import (
    JOBS_TOPIC,
    LEVELS,
    STATES,
    TIME_SCALES,
    WIRE_VERSION,
    CancelRequest,
    FragmentDone,
    Heartbeat,
    LogLines,
    Manifest,
    NightDone,
    Plan,
    PlanPart,
    StateChange,
    check_topic,
    decode_key,
    decode_record,
    digest_candids,
    encode_keys,
    encode_record,
    manifest_topic,
    partitions_of,
    schema_topic,
    version_for,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "wire-contract.md").read_text(encoding="utf-8")
SCHEMA = json.loads((DOCS / "manifest.schema.json").read_text(encoding="utf-8"))
RECORD_TYPES = (Plan, PlanPart, FragmentDone, NightDone, StateChange, Heartbeat, CancelRequest, LogLines)

VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# Records as the engine can write them.
ids = st.text(string.hexdigits, min_size=1, max_size=32)
times = st.floats(0, 2e9)
counts = st.integers(0, 10**9)
texts = st.text(max_size=20)
nights = st.dates().map(str)
int64s = st.integers(-(2**63), 2**63 - 1)
digests = st.integers(0, 2**128 - 1).map("{:032x}".format)
archive_files = st.fixed_dictionaries(
    {
        "path": st.text(min_size=1),
        "size": counts,
        "etag": st.none() | texts,
        "footer_crc": st.none() | st.integers(0, 2**32 - 1).map("{:08x}".format),
        "night": nights,
    },
    optional={"footer_nbytes": counts},
)
plans = st.builds(
    Plan,
    job_id=ids,
    topic=st.text(string.ascii_letters, min_size=1).map("ftransfer_{}".format),
    engine_version=texts,
    created_at=times,
    request=st.dictionaries(texts, texts) | st.builds(dict, limit=st.integers(1, 2**63 - 1)),
    num_partitions=st.integers(1, 100),
    num_files=counts,
    num_fragments=counts,
    num_parts=counts,
    num_alerts=st.none() | counts,
    schema=st.just({"type": "record", "name": "topLevelRecord", "fields": []}),
    time_field=texts,
    id_field=texts,
    nights_without_data=st.lists(nights, max_size=2),
    unreadable_files=st.lists(
        st.tuples(archive_files, texts).map(lambda pair: {**pair[0], "reason": pair[1]}), max_size=2
    ),
    labels=st.lists(texts, max_size=2),
    version=st.just(1),
    details=st.dictionaries(texts, texts),
    owner=texts,
)
later_plans = st.builds(
    dataclasses.replace, plans, version=st.just(2), time_scale=st.sampled_from(sorted(set(TIME_SCALES) - {"jd_utc"}))
)
parts = st.builds(
    PlanPart,
    job_id=ids,
    index=counts,
    files=st.lists(st.tuples(archive_files, counts).map(lambda pair: {**pair[0], "index": pair[1]}), max_size=3),
    fragments=st.lists(
        st.fixed_dictionaries(
            {"fragment": counts, "file": counts, "row_groups": st.lists(counts, max_size=3), "num_alerts": counts}
        ),
        max_size=3,
    ),
)
fragments = st.builds(
    FragmentDone,
    job_id=ids,
    fragment=counts,
    num_alerts=counts,
    num_selected=counts,
    num_sent=counts,
    nbytes=counts,
    partitions=st.dictionaries(st.integers(0, 99), st.integers(1, 10**6), max_size=3),
    digest=digests,
    time=times,
    unreadable=st.none() | texts,
    labels=st.dictionaries(texts, st.integers(1, 10**6), max_size=3),
    worker=st.none() | texts,
    seconds=st.none() | times,
)
night_counts = st.builds(NightDone, job_id=ids, night=nights, num_alerts=counts, num_duplicates=counts, time=times)
errors = st.fixed_dictionaries({"message": texts, "accepted": st.none() | texts, "next": st.none() | texts})
states = st.builds(
    StateChange,
    job_id=ids,
    state=st.sampled_from(sorted(STATES - {"interrupted"})),
    time=times,
    error=st.none() | errors,
    coordinator=st.none() | texts,
    by=st.none() | texts,
)
beats = st.builds(
    Heartbeat,
    job_id=ids,
    coordinator=texts,
    time=times,
    num_workers=st.none() | counts,
    num_looked_at=st.none() | counts,
    num_found=st.none() | counts,
)
cancels = st.builds(CancelRequest, job_id=ids, time=times, by=st.none() | texts)
log_lines = st.fixed_dictionaries(
    {"time": times, "source": texts, "level": st.sampled_from(LEVELS), "event": texts, "text": st.text(max_size=500)}
)
logs = st.builds(
    LogLines,
    job_id=ids,
    coordinator=texts,
    index=counts,
    lines=st.lists(log_lines, max_size=3),
    num_left_out=counts,
)
records = st.one_of(plans, later_plans, parts, fragments, night_counts, states, beats, cancels, logs)


def written(record) -> dict:
    return json.loads(encode_record(record)[1])


def plan(**changes) -> Plan:
    values = {
        "job_id": "a",
        "topic": "ftransfer_x",
        "engine_version": "1",
        "created_at": 100.0,
        "request": {},
        "num_partitions": 10,
        "num_files": 1,
        "num_fragments": 3,
        "num_parts": 1,
        "num_alerts": None,
        "schema": {"type": "record", "name": "topLevelRecord", "fields": []},
        "time_field": "jd",
        "id_field": "candid",
    }
    return Plan(**(values | changes))


def plain_digest(identifiers: list[int]) -> int:
    """Return the digest as the page has it, in plain Python."""
    top = 2**64

    def mix(x: int) -> int:
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % top
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % top
        return x ^ (x >> 31)

    total = 0
    for identifier in identifiers:
        c = identifier % top
        high = mix((c + 0x9E3779B97F4A7C15) % top)
        low = mix(high ^ ((c * 0xD1342543DE82EF95 + 1) % top))
        total += high * top + low
    return total % 2**128


def in_bits(numbers: list[int]) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


# The schema


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]["type"]["enum"]) == {cls.type for cls in RECORD_TYPES}


@settings(deadline=None)
@given(records)
def test_every_record_validates_and_comes_back(record):
    key, value = encode_record(record)
    assert key == record.type.encode()
    VALIDATOR.validate(json.loads(value))
    assert decode_record(value) == record


@pytest.mark.parametrize("cls", RECORD_TYPES)
def test_the_schema_names_every_field(cls):
    described = SCHEMA["$defs"][cls.type]
    fields = dataclasses.fields(cls)
    assert {field.name for field in fields} | {"type"} <= set(described["properties"])
    needed = {f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING}
    # The version has a default in Python alone: a reader can't do without it.
    assert set(described["required"]) - {"version"} == needed | {"type"}


@settings(deadline=None)
@given(records, st.data())
def test_a_record_that_lacks_a_field_does_not_validate(record, data):
    body = written(record)
    del body[data.draw(st.sampled_from(SCHEMA["$defs"][record.type]["required"]))]
    assert not VALIDATOR.is_valid(body)


@settings(deadline=None)
@given(records, st.data())
def test_a_field_of_another_type_does_not_validate(record, data):
    body = written(record)
    # A boolean is no number, no text, no list and no object in JSON Schema.
    body[data.draw(st.sampled_from(SCHEMA["$defs"][record.type]["required"]))] = True
    assert not VALIDATOR.is_valid(body)


@pytest.mark.parametrize(
    ("record", "wrong"),
    [
        (FragmentDone, {"digest": "12"}),
        (FragmentDone, {"partitions": {"x": 1}}),
        (FragmentDone, {"num_sent": -1}),
        (FragmentDone, {"num_sent": 1.5}),
        (FragmentDone, {"labels": {"RRLyr": 0}}),
        (Plan, {"labels": "RRLyr"}),
        (NightDone, {"night": "22 November"}),
        (StateChange, {"state": "interrupted"}),
        (StateChange, {"error": {"message": "x"}}),
        (Plan, {"version": 3}),
        (Plan, {"time_scale": "utc"}),
        (Plan, {"topic": "mine"}),
        (Plan, {"num_partitions": 0}),
        (Plan, {"request": {"limit": 0}}),
        (Plan, {"unreadable_files": [{"path": "x"}]}),
        (PlanPart, {"files": [{"index": 0}]}),
        (PlanPart, {"fragments": [{"fragment": "0"}]}),
    ],
)
def test_wrong_values_do_not_validate(record, wrong):
    body = {
        Plan: written(plan()),
        PlanPart: {"type": "part", "job_id": "a", "index": 0, "files": [], "fragments": []},
        FragmentDone: written(done(0)),
        NightDone: {
            "type": "night",
            "job_id": "a",
            "night": "2021-11-22",
            "num_alerts": 1,
            "num_duplicates": 0,
            "time": 1.0,
        },
        StateChange: {"type": "state", "job_id": "a", "state": "running", "time": 1.0},
    }[record]
    VALIDATOR.validate(body)
    assert not VALIDATOR.is_valid(body | wrong)


def read_topic(kafka: str, topic: str) -> list[confluent_kafka.Message]:
    """Return every message of a topic of one partition, with nothing of ours."""
    settings = {"bootstrap.servers": kafka, "group.id": "test-wire", "enable.partition.eof": True}
    reader = confluent_kafka.Consumer(settings)
    found = []
    try:
        reader.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
        while (message := reader.poll(30)) is not None and message.error() is None:
            found.append(message)
        assert message is not None, f"{topic} did not come to its end"
        assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF
    finally:
        reader.close()
    return found


def test_a_real_job_writes_what_the_page_says(shared_archive, kafka, dask_client):
    request = engine.TransferRequest(archive=shared_archive, nights="2021-11-20:2021-11-22", where="candidate.fid = 1")
    job = engine.submit(request, client=dask_client, kafka=kafka)
    assert job.wait().state == "complete"
    messages = read_topic(kafka, f"{job.topic}_manifest")
    bodies = [json.loads(message.value()) for message in messages]
    for message, body in zip(messages, bodies, strict=True):
        VALIDATOR.validate(body)
        assert message.key().decode() == body["type"]
        assert decode_record(message.value()) is not None
    types = [body["type"] for body in bodies]
    assert types[:3] == ["plan", "part", "state"]
    assert {"plan", "part", "fragment", "night", "state"} <= set(types)
    head = bodies[0]
    assert head["version"] == 1
    assert "time_scale" not in head
    assert head["owner"] == getpass.getuser()
    assert len({body["job_id"] for body in bodies}) == 1
    assert [body["state"] for body in bodies if body["type"] == "state"] == ["queued", "running", "complete"]

    partitions = [
        confluent_kafka.TopicPartition(job.topic, partition, 0) for partition in range(head["num_partitions"])
    ]
    reader = confluent_kafka.Consumer({"bootstrap.servers": kafka, "group.id": "test-wire"})
    try:
        ends = sum(reader.get_watermark_offsets(partition, timeout=150)[1] for partition in partitions)
        reader.assign(partitions)
        alerts = reader.consume(ends, timeout=150)
    finally:
        reader.close()
    assert len(alerts) == ends
    sent = {}
    for alert in alerts:
        fragment, row = map(int, re.fullmatch(rb"(\d+):(\d+)", alert.key()).groups())
        assert alert.partition() == (fragment + row) % head["num_partitions"]
        with io.BytesIO(alert.value()) as datum:
            sent.setdefault(fragment, []).append(fastavro.schemaless_reader(datum, head["schema"], None))
            assert not datum.read(), "nothing behind the datum"
    for body in bodies:
        if body["type"] == "fragment":
            candids = [alert["candid"] for alert in sent.pop(body["fragment"], [])]
            assert len(candids) == body["num_sent"] == sum(body["partitions"].values())
            assert f"{plain_digest(candids):032x}" == body["digest"]
    assert not sent

    copies = read_topic(kafka, f"{job.topic}_schema")
    assert len(copies) == 1000
    assert {message.key() for message in copies} == {copies[0].key()}
    assert json.loads(copies[0].key()) == head["schema"]
    listed = [json.loads(m.value()) for m in read_topic(kafka, JOBS_TOPIC) if m.key().decode() == job.topic]
    assert listed[-1] == {
        "topic": job.topic,
        "job_id": head["job_id"],
        "state": "complete",
        "created_at": head["created_at"],
        "num_alerts_sent": job.status().num_alerts_sent,
        "owner": head["owner"],
    }


# Reading records


@settings(deadline=None)
@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | texts | st.floats(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_any_bytes_are_a_record_or_a_wire_error(value):
    with contextlib.suppress(WireError):
        record = decode_record(value)
        assert record is None or isinstance(record, RECORD_TYPES)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[1]",
        b'{"type":[]}',
        b'{"type":"plan","version":"1"}',
        b'{"type":"plan"}',
        b'{"type":"beat","job_id":"a"}',
        b'{"type":"fragment","job_id":"a","partitions":{"x":1}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_record_is_told(value):
    with pytest.raises(WireError):
        decode_record(value)


@settings(deadline=None)
@given(records, st.dictionaries(st.text(min_size=1).map("x_{}".format), texts | counts, max_size=3))
def test_unknown_fields_and_types_are_ignored(record, more):
    body = written(record) | more
    VALIDATOR.validate(body)
    assert decode_record(json.dumps(body).encode()) == record
    assert decode_record(json.dumps(body | {"type": "tomorrow"}).encode()) is None


def test_a_later_version_is_refused_and_says_what_to_do():
    body = written(plan()) | {"version": WIRE_VERSION + 1}
    with pytest.raises(WireError, match=f"version {WIRE_VERSION + 1}") as caught:
        decode_record(json.dumps(body).encode())
    assert "newer" in caught.value.next_step


def test_a_plan_is_of_version_2_where_a_reader_of_version_1_would_be_wrong():
    assert [version_for(scale) for scale in TIME_SCALES] == [1, 2, 2, 2]
    body = written(plan(time_scale="mjd_tai", version=version_for("mjd_tai")))
    assert (body["version"], body["time_scale"]) == (2, "mjd_tai")


def test_a_plan_of_version_1_is_as_version_1_wrote_it():
    expected = (
        b'{"type":"plan","job_id":"a","topic":"ftransfer_x","version":1,"engine_version":"1","created_at":100.0,'
        b'"request":{},"num_partitions":10,"num_files":1,"num_fragments":3,"num_parts":1,"num_alerts":null,'
        b'"schema":{"type":"record","name":"topLevelRecord","fields":[]},"time_field":"jd","id_field":"candid",'
        b'"nights_without_data":[],"unreadable_files":[],"labels":[],"details":{}}'
    )
    assert encode_record(plan())[1] == expected
    assert decode_record(expected) == plan()


def test_a_time_scale_that_nobody_knows_is_refused():
    body = written(plan()) | {"version": 2, "time_scale": "stardate"}
    with pytest.raises(WireError, match="stardate") as caught:
        decode_record(json.dumps(body).encode())
    assert "mjd_tai" in caught.value.accepted


def test_a_record_of_an_earlier_program_lacks_what_came_later():
    body = written(done(0))
    del body["unreadable"]
    VALIDATOR.validate(body)
    assert decode_record(json.dumps(body).encode()).unreadable is None


# Folding records


def done(fragment: int, *, job_id: str = "a", num_sent: int = 5, time: float = 200.0, **more) -> FragmentDone:
    figures = {"num_alerts": 9, "num_selected": num_sent, "nbytes": 70, "partitions": {0: num_sent}}
    digest = f"{digest_candids(in_bits([fragment])):032x}"
    identity = {"job_id": job_id, "fragment": fragment, "num_sent": num_sent, "digest": digest, "time": time}
    return FragmentDone(**(figures | identity | more))


def facts(manifest: Manifest) -> tuple:
    return (
        manifest.parts,
        manifest.fragments,
        manifest.nights,
        manifest.num_sent,
        manifest.nbytes,
        manifest.left_out,
        manifest.is_planned,
    )


FILES = [{"index": 0, "path": "f0", "size": 1, "etag": None, "night": "2021-11-22"}]
LOST = done(2, num_sent=0, partitions={}, unreadable="torn")
WORK = [
    PlanPart(
        job_id="a",
        index=0,
        files=FILES,
        fragments=[{"fragment": n, "file": 0, "row_groups": [n], "num_alerts": 9} for n in range(3)],
    ),
    done(0),
    done(1, num_sent=7),
    LOST,
    NightDone(job_id="a", night="2021-11-22", num_alerts=18, num_duplicates=2, time=300.0),
]


@settings(deadline=None)
@given(st.permutations(WORK))
def test_parts_fragments_and_nights_may_come_in_any_order(shuffled):
    manifest = Manifest([plan(), *shuffled])
    assert facts(manifest) == facts(Manifest([plan(), *WORK]))
    assert manifest.num_sent == 12
    assert manifest.nbytes == 210
    assert [(part.path, part.row_groups, part.num_alerts) for part in manifest.left_out] == [("f0", [2], 9)]


@settings(deadline=None)
@given(st.lists(records, max_size=8), st.data())
def test_records_of_another_job_change_nothing(foreign, data):
    own = [
        *WORK,
        StateChange(job_id="a", state="running", time=150.0),
        Heartbeat(job_id="a", coordinator="c", time=9.0),
    ]
    mixed = [plan(), *own]
    for record in foreign:
        at = data.draw(st.integers(1, len(mixed)))
        mixed.insert(at, dataclasses.replace(record, job_id="b"))
    manifest = Manifest(mixed)
    # What is told, and nothing else.
    num_plans = sum(isinstance(record, Plan) for record in foreign)
    assert vars(manifest) | {"passed_over": None} == vars(Manifest([plan(), *own])) | {"passed_over": None}
    assert manifest.passed_over.count == num_plans


@settings(deadline=None)
@given(st.lists(records, max_size=5))
def test_records_before_the_plan_change_nothing(earlier):
    before = [record for record in earlier if not isinstance(record, Plan)]
    before = [dataclasses.replace(record, job_id="a") for record in before]
    assert vars(Manifest([*before, None, plan(), *WORK])) == vars(Manifest([plan(), *WORK]))


def test_the_first_plan_and_the_first_record_of_a_fragment_stand():
    again = [
        done(0, num_sent=1, time=999.0),
        NightDone(job_id="a", night="2021-11-22", num_alerts=1, num_duplicates=0, time=1.0),
    ]
    manifest = Manifest([plan(), plan(topic="ftransfer_y"), plan(job_id="b"), *WORK, *again])
    assert manifest.plan == plan()
    assert manifest.fragments[0] == WORK[1]
    assert manifest.nights["2021-11-22"].num_duplicates == 2
    assert manifest.num_sent == 12


@settings(deadline=None)
@given(st.lists(st.sampled_from(sorted(STATES - {"interrupted"})), min_size=1))
def test_the_last_state_stands_but_a_final_one_until_the_job_is_taken_up_again(said):
    changes = [StateChange(job_id="a", state=state, time=200.0 + at) for at, state in enumerate(said)]
    goes_on = {"queued", "running"}
    counts = [i for i, state in enumerate(said) if state in goes_on or i == 0 or said[i - 1] in goes_on]
    manifest = Manifest([plan(), *changes])
    assert manifest.stated == said[counts[-1]]
    assert manifest.changes == [changes[i] for i in counts]
    assert manifest.state_at(1e9) == (manifest.stated if manifest.stated not in goes_on else "interrupted")


def test_a_coordinator_that_was_replaced_no_longer_says_how_the_job_ends():
    def says(state: str, coordinator: str | None) -> StateChange:
        return StateChange(job_id="a", state=state, coordinator=coordinator, time=200.0)

    begun = [plan(), says("queued", None), says("running", "one")]
    assert Manifest([*begun, says("failed", "one")]).stated == "failed"
    assert Manifest([*begun, says("cancelled", None)]).stated == "cancelled"
    replaced = Manifest([*begun, says("running", "two"), says("failed", "one")])
    assert (replaced.stated, len(replaced.changes)) == ("running", 3)
    replaced.apply(says("complete", "two"))
    assert replaced.stated == "complete"
    assert Manifest([*begun, says("queued", None), says("failed", "one")]).stated == "queued"


def test_a_job_that_is_silent_for_30_seconds_reads_as_interrupted():
    manifest = Manifest([plan(), StateChange(job_id="a", state="running", time=200.0)])
    assert (manifest.state_at(230.0), manifest.state_at(230.1)) == ("running", "interrupted")
    manifest.apply(Heartbeat(job_id="a", coordinator="c", time=231.0))
    assert manifest.state_at(260.0) == "running"
    manifest.apply(StateChange(job_id="a", state="running", coordinator="d", time=240.0))
    manifest.apply(Heartbeat(job_id="a", coordinator="c", time=300.0))
    assert manifest.state_at(300.0) == "interrupted"
    manifest.apply(Heartbeat(job_id="a", coordinator="d", time=300.0))
    assert manifest.state_at(300.0) == "running"


def test_a_request_to_cancel_holds_until_the_job_is_taken_up_again():
    queued = StateChange(job_id="a", state="queued", time=0.0)
    manifest = Manifest([plan(), queued, CancelRequest(job_id="a", time=1.0)])
    assert manifest.cancel_requested
    # It came before the job began, or before its coordinator began again elsewhere.
    manifest.apply(StateChange(job_id="a", state="running", time=2.0, coordinator="c"))
    assert manifest.cancel_requested
    manifest.apply(StateChange(job_id="a", state="cancelled", time=3.0, coordinator="c"))
    manifest.apply(dataclasses.replace(queued, time=4.0))
    assert not manifest.cancel_requested


def test_a_plan_is_whole_once_all_its_parts_are_there():
    part = PlanPart(job_id="a", index=0, files=[], fragments=[])
    manifest = Manifest([plan(num_parts=2), part, part])
    assert not manifest.is_planned
    manifest.apply(dataclasses.replace(part, index=1))
    assert manifest.is_planned
    assert Manifest([plan(num_parts=0)]).is_planned
    assert not Manifest().is_planned


# Digests


def test_the_pages_digests_are_right():
    rows = re.findall(r"^\| (none|[-\d, ]+) \| `([0-9a-f]{32})` \|$", PAGE, re.MULTILINE)
    assert len(rows) >= 3
    for shown, digest in rows:
        identifiers = [int(word) for word in re.findall(r"-?\d+", shown)]
        assert f"{plain_digest(identifiers):032x}" == digest
        assert f"{digest_candids(in_bits(identifiers)):032x}" == digest


def test_the_page_has_the_constants_and_the_version():
    numbers = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0x9E3779B97F4A7C15, 0xD1342543DE82EF95)
    assert all(f"{number:#x}" in PAGE for number in numbers)
    assert PAGE.startswith(f"# Wire contract, version {WIRE_VERSION}\n")


@pytest.mark.parametrize("cls", RECORD_TYPES)
def test_the_page_names_every_record_and_field(cls):
    described = PAGE[PAGE.index(f"**{cls.type}**:") :].split("\n\n")[0]
    for name in set(SCHEMA["$defs"][cls.type]["properties"]) - {"type", "job_id"}:
        assert f"`{name}`" in described, name


@settings(deadline=None)
@given(st.lists(int64s, max_size=40))
def test_digests_are_those_of_plain_python(identifiers):
    assert digest_candids(in_bits(identifiers)) == plain_digest(identifiers)


@settings(deadline=None)
@given(st.lists(int64s, max_size=40), st.data())
def test_digests_add_up_in_any_order_and_count_doubles(identifiers, data):
    whole = digest_candids(in_bits(identifiers))
    assert digest_candids(in_bits(data.draw(st.permutations(identifiers)))) == whole
    cut = data.draw(st.integers(0, len(identifiers)))
    assert (digest_candids(in_bits(identifiers[:cut])) + digest_candids(in_bits(identifiers[cut:]))) % 2**128 == whole
    one = data.draw(int64s)
    assert digest_candids(in_bits([*identifiers, one])) != whole
    assert digest_candids(in_bits([*identifiers, one, one])) == (whole + 2 * digest_candids(in_bits([one]))) % 2**128


# Keys, partitions and names


@settings(deadline=None)
@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**9), unique=True, max_size=20), st.integers(1, 50))
def test_keys_tell_fragment_and_row_and_so_the_partition(fragment, rows, num_partitions):
    keys = encode_keys(fragment, in_bits(rows))
    assert [decode_key(key) for key in keys] == [(fragment, row) for row in rows]
    assert len(set(keys)) == len(rows)
    found = partitions_of(fragment, in_bits(rows), num_partitions)
    assert found.tolist() == [(fragment + row) % num_partitions for row in rows]


@settings(deadline=None)
@given(st.binary(max_size=12))
def test_other_keys_are_refused(key):
    if re.fullmatch(rb"\d+:\d+", key):
        assert decode_key(key) == tuple(map(int, key.split(b":")))
    else:
        with pytest.raises(WireError):
            decode_key(key)


def test_no_key_is_refused():
    with pytest.raises(WireError):
        decode_key(None)


@pytest.mark.parametrize("topic", ["ftransfer_a", "ftransfer_ztf_2026-03-23_11487", "ftransfer_" + "x" * 220])
def test_topics_and_their_companions(topic):
    assert check_topic(topic) == topic
    assert (schema_topic(topic), manifest_topic(topic)) == (f"{topic}_schema", f"{topic}_manifest")


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "ftransfer_",
        "a",
        "ftransfer_a b",
        "ftransfer_a_schema",
        "ftransfer_a_manifest",
        "ftransfer_" + "x" * 221,
        None,
    ],
)
def test_other_names_are_refused(topic):
    with pytest.raises(ValueError, match="topic") as caught:
        check_topic(topic)
    assert caught.value.accepted
    if str(topic).endswith(("_schema", "_manifest")):
        assert "'ftransfer_a'" in caught.value.next_step
