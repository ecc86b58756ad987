"""What can't be read in a manifest, whatever it is and wherever it stands, changes nothing but what is told."""

import json
import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import AlertTransferError
from consumer.receipt import make_receipt, prove, receipt_text
from consumer.wire import Manifest
from engine.transfer import JobStatus
from tests.hostile_topic import GARBAGE, NUM_ALERTS, TOPIC, bodies

NOW = 1000.0 + 86_400.0
types = st.sampled_from(["plan", "part", "fragment", "state", "night", "beat", "cancel", "log"])
keys = st.none() | types.map(str.encode) | st.binary()
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | types
json_values = st.recursive(
    scalars,
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["type"]), inside, max_size=4)
    ),
    max_leaves=12,
)


def spoilt(data) -> bytes:
    """Return a sound record of which one value is any other."""
    body = data.draw(st.sampled_from(bodies()))
    at, name = body, data.draw(st.sampled_from(sorted(body)))
    if name in ("files", "fragments") and data.draw(st.booleans()):
        at = body[name][0]
        name = data.draw(st.sampled_from(sorted(at)))
    at[name] = data.draw(json_values)
    return json.dumps(body).encode()


def read(messages) -> Manifest:
    manifest = Manifest(topic=TOPIC)
    for key, value in messages:
        manifest.take(value, key)
    return manifest


def sound() -> list[tuple[bytes, bytes]]:
    return [(body["type"].encode(), json.dumps(body).encode()) for body in bodies()]


def told(manifest: Manifest) -> dict:
    """Return all that readers make of a manifest, or the error that they raise."""
    counts = {0: NUM_ALERTS}
    found: dict = {}
    if manifest.plan is None:
        with pytest.raises((AlertTransferError, LookupError)):
            manifest.require_plan()
        return found
    for name, make in {
        "status": lambda: JobStatus.of(manifest, NOW).to_dict(),
        "receipt": lambda: make_receipt(manifest).to_dict(),
        "text": lambda: receipt_text(make_receipt(manifest)),
        "proof": lambda: prove(manifest, counts, None),
        "left out": lambda: manifest.left_out,
    }.items():
        try:
            found[name] = make()
            json.dumps(found[name], default=str, allow_nan=False)
        except AlertTransferError as exc:
            found[name] = type(exc)
    return found


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_message_at_any_place_gives_our_errors_or_what_there_was(data):
    messages = sound()
    foreign = data.draw(keys), data.draw(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
    messages.insert(data.draw(st.integers(0, len(messages))), foreign)
    manifest = read(messages)
    without = told(read(sound()))
    if manifest.passed_over.count:
        assert manifest.stated == "complete"
        assert told(manifest)["proof"] == without["proof"]
    else:
        told(manifest)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_record_with_any_other_value_in_it_gives_our_errors(data):
    messages = sound()
    value = spoilt(data)
    kind = json.loads(value).get("type")
    key = kind.encode("utf-8", "replace") if isinstance(kind, str) else b""
    messages.insert(data.draw(st.integers(0, len(messages))), (key, value))
    told(read(messages))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_sound_record_that_is_spoilt_proves_nothing(data):
    messages = sound()
    at = data.draw(st.integers(0, len(messages) - 1))
    messages[at] = (messages[at][0], data.draw(st.binary(max_size=50)))
    manifest = read(messages)
    assert manifest.passed_over.count == 1
    if at != 2:  # that it ran is proved by what it did
        assert not getattr(told(manifest).get("proof"), "complete", False)


@pytest.mark.parametrize(("key", "value"), GARBAGE)
def test_garbage_is_counted_and_told_in_a_few_words(key, value):
    manifest = read([*sound(), (key, value), (key, value)])
    assert (manifest.stated, manifest.num_sent, manifest.passed_over.count) == ("complete", NUM_ALERTS, 2)
    assert manifest.passed_over.text("it").startswith("2 records of it can't be read and are passed over; the first: ")
    assert len(manifest.passed_over.text("it")) < 400


@pytest.mark.parametrize(
    "change",
    [
        {"num_partitions": 10**9},
        {"num_fragments": 10**15, "num_parts": 10**15},
        {"nights_without_data": ["2021-01-01"] * 200_000},
        {"labels": ["x" * 10**6]},
        {"time_scale": "x" * 10**6},
        {"topic": "ftransfer_" + "x" * 10**6},
        {"job_id": "x" * 10**6},
        {"version": 10**4000},
        {"request": {"limit": 10**4000}},
    ],
    ids=str,
)
def test_what_a_plan_claims_takes_no_memory_that_its_bytes_do_not(change):
    plan, *others = bodies()
    value = json.dumps(plan | change).encode()
    tracemalloc.start()
    try:
        manifest = Manifest(topic=TOPIC)
        manifest.take(value, b"plan")
        for body in others:
            manifest.take(json.dumps(body).encode(), body["type"].encode())
        told(manifest)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000 + 30 * len(value)
    finally:
        tracemalloc.stop()


IN_A_CHILD = """
import resource, sys
from consumer.wire import Manifest
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
for value in (b"[" + b"[]," * 5_000_000 + b"[]]", b"[" * 16_000_000, b'{"a":' * 3_000_000, b"9" * 16_000_000,
              b'{"type":"' + b"x" * 16_000_000 + b'"}', b'"' + b"\\\\u0001" * 2_500_000 + b'"', b"x" * 100_000_000):
    manifest = Manifest()
    assert manifest.take(value, b"plan") is None
    assert manifest.passed_over.count == 1, value[:20]
    assert len(manifest.passed_over.text("it")) < 400
print("done")
"""


def test_a_huge_message_is_passed_over_within_a_gigabyte():
    done = subprocess.run([sys.executable, "-c", IN_A_CHILD], capture_output=True, text=True, timeout=150, check=False)
    assert done.stdout.strip() == "done", done.stderr[-2000:]
