"""A job that is complete tells what the next one takes."""

import pytest

from engine.estimation import seconds_of
from engine.kafka import KafkaCluster
from engine.transfer.manifest_plan import fragments_of
from engine.transfer.submitted_job import Job
from tests.engine.transfer.fake_store import planned
from tests.engine.transfer.job_records import TOPIC, done, says

KAFKA = KafkaCluster(bootstrap="nowhere:9092")


@pytest.mark.parametrize(("state", "known"), [("complete", True), ("failed", False)])
def test_it_is_remembered_once_its_status_was_read(state, known, tmp_path, monkeypatch):
    monkeypatch.setenv("ALERT_TRANSFER_CACHE", str(tmp_path))
    store = planned([4, 4])
    first, second = fragments_of(store.refresh())
    store.append(
        says("running", "c"),
        done(first, num_selected=2, num_sent=2, time=2.0),
        done(second, num_selected=2, num_sent=2, time=5.0),
        says(state, "c", time=6.0),
    )
    assert seconds_of("nowhere:9092", "lightcurve", 8, 4) is None
    assert Job(TOPIC, KAFKA, store).status().state == state
    assert seconds_of("nowhere:9092", "lightcurve", 8, 4) == (6.0 if known else None)
    assert seconds_of("nowhere:9092", "lightcurve", 16, 4) == (10.0 if known else None)
