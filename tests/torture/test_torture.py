"""Whatever dies in the midst of a transfer, each alert is on disk once: one round of each kind of death.

The rounds and their checks are those of benchmarks/torture.py, which plays many more of them. Kafka's deaths are in
test_kafka_dies.py, so that two processes can play them side by side.
"""

import pytest

from tests.torture.scenarios import SCENARIOS


@pytest.mark.parametrize(
    "scenario",
    [one for one in SCENARIOS.values() if not one.long and not one.of_kafka and one.name != "nothing"],
    ids=lambda scenario: scenario.name,
)
def test_no_alert_is_lost_or_doubled(play_once, scenario):
    play_once(scenario)
