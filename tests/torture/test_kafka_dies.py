"""Whatever befalls Kafka in the midst of a transfer, each alert is on disk once."""

import itertools
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from engine.errors import KafkaError
from engine.kafka import KafkaCluster
from tests.torture.scenarios import SCENARIOS


def test_where_a_topic_ends_is_told_rightly_or_not_at_all(stage_of):
    brokers, topic = stage_of(1).brokers, "ends_under_cuts"
    kafka = KafkaCluster(bootstrap=brokers.bootstrap)
    kafka.create_job_topics(topic, 10)
    asked = Counter()
    # Whatever an answer takes here, one of these pauses ends in its midst; with one pace, each might fall too early.
    pauses_s = itertools.cycle(0.001 * 2 ** (step / 2) for step in range(20))

    def ask():
        try:
            assert kafka.ends(topic, 10) == dict.fromkeys(range(10), 0)
            asked["told"] += 1
        except KafkaError:
            asked["refused"] += 1
            kafka.await_answer(30)

    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        while asked.total() < 20 or (len(asked) < 2 and time.monotonic() < begun + 150):
            asking = pool.submit(ask)
            wait([asking], timeout=next(pauses_s))
            brokers.cut()
            asking.result()
    assert asked["told"]
    assert asked["refused"]


@pytest.mark.parametrize(
    "scenario",
    [one for one in SCENARIOS.values() if not one.long and one.of_kafka],
    ids=lambda scenario: scenario.name,
)
def test_no_alert_is_lost_or_doubled(play_once, scenario):
    play_once(scenario)
