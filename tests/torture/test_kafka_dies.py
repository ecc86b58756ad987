"""Whatever befalls Kafka in the midst of a transfer, each alert is on disk once."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import KafkaError
from engine.kafka import KafkaCluster
from tests.torture.scenarios import SCENARIOS


def test_where_a_topic_ends_is_told_rightly_or_not_at_all(stage_of):
    brokers, topic = stage_of(1).brokers, "ends_under_cuts"
    kafka = KafkaCluster(bootstrap=brokers.bootstrap)
    kafka.create_job_topics(topic, 10)
    asked, cut_enough = Counter(), threading.Event()

    def ask():
        while not cut_enough.is_set() or not asked["told"]:
            try:
                assert kafka.ends(topic, 10) == dict.fromkeys(range(10), 0)
                asked["told"] += 1
            except KafkaError:
                asked["refused"] += 1
                kafka.await_answer(30)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        for _ in range(60):
            cut_enough.wait(0.05)
            brokers.cut()
        cut_enough.set()
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
