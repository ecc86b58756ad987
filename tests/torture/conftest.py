"""The stages on which rounds are played."""

import contextlib
import random
from collections.abc import Callable, Iterator

import pytest

from tests.torture.checks import mark_processes, orphans
from tests.torture.rounds import Scenario, play
from tests.torture.stage import Stage, write_archive

SEED = 1


@pytest.fixture(scope="module")
def stage_of(tmp_path_factory) -> Iterator[Callable[[int], Stage]]:
    """Return a function that gives a stage with so many brokers; the last one is kept until another is asked for."""
    mark_processes()
    archive = write_archive(tmp_path_factory.mktemp("archive"), 1_000, SEED)
    made = []

    def stage(num_brokers: int) -> Stage:
        if not made or made[-1].num_brokers != num_brokers:
            stack.close()
            made.append(stack.enter_context(Stage(tmp_path_factory.mktemp("stage"), archive, num_brokers)))
        return made[-1]

    with contextlib.ExitStack() as stack:
        yield stage
    assert orphans([]) == []


@pytest.fixture
def play_once(stage_of) -> Callable[[Scenario], None]:
    """Return a function that plays one round of a scenario, and fails where an alert is lost or doubled."""

    def played(scenario: Scenario) -> None:
        percent = random.Random(f"{SEED}:{scenario.name}").choice(scenario.percents)
        result = play(stage_of(scenario.num_brokers), scenario, percent, SEED, delay_s=0.08)
        assert result.passed, result.problem
        assert result.num_expected > 500
        assert (result.num_lost, result.num_doubled) == (0, 0)

    return played
