"""The guard: ratios, never times; it names which became worse, from what to what."""

from pathlib import Path

import pytest

from benchmarks.guard import RATIOS, Ratio, compared, confirmed, report
from benchmarks.running.parts import PARTS
from tests.benchmarks.invented import figure, part, results

CPU = Ratio(text="CPU of ours", part="cpu", section="experiments", case="E1", quantity="cpu_us", beside="bare parts")
SPEED = Ratio(text="speed", part="speed", section="codecs", case="encode", quantity="ratio", less_is_better=False)


def run(cpu=5.0, bare=4.0, speed=40.0, command="benchmarks/cpu.py"):
    return results(
        part(
            "cpu",
            figure("experiments", "E1", "alert-transfer", "cpu_us", cpu),
            figure("experiments", "E1", "bare parts", "cpu_us", bare),
            command=command,
        ),
        part("speed", figure("codecs", "encode", "alert-transfer", "ratio", speed)),
    )


def told(was, now):
    lines, code = report(compared(was, now, [CPU, SPEED]), was, Path("2026-11-26.json"))
    return "\n".join(lines), code


def test_times_that_change_together_change_no_ratio():
    said, code = told(run(), run(cpu=50, bare=40))
    assert code == 0
    assert "was 1.25, is 1.25" in said


@pytest.mark.parametrize(
    ("now", "code", "word"),
    [
        ({"cpu": 6.2}, 0, "within 25%"),
        ({"cpu": 6.3}, 1, "WORSE by 26%"),
        ({"cpu": 2.0}, 0, "good news, better by 60%"),
        ({"speed": 31}, 0, "within 25%"),
        ({"speed": 29}, 1, "WORSE by 28%"),
        ({"speed": 80}, 0, "good news, better by 100%"),
    ],
)
def test_worse_by_more_than_a_quarter_fails_and_better_is_good_news(now, code, word):
    said, found = told(run(), run(**now))
    assert found == code
    assert word in said
    assert "2026-11-26.json" in said
    if code:
        text = "CPU of ours" if "cpu" in now else "speed"
        assert f"FAILED, 1 of 2 ratios, each measured twice: {text}." in said


def test_what_is_no_longer_measured_fails_and_what_is_new_is_told():
    one = results(*run().parts[:1])
    assert told(run(), one)[1] == 1
    said, code = told(one, run())
    assert code == 0
    assert "was not measured, is 40" in said


def test_what_another_command_measured_is_not_compared():
    said, code = told(run(), run(cpu=50, command="benchmarks/cpu.py --scale 9"))
    assert code == 0
    assert "not compared" in said
    only = compared(run(), run(cpu=50, command="other"), [CPU])
    assert report(only, run(), Path("x.json"))[1] == 1


def test_what_fails_once_is_measured_once_more():
    first = compared(run(), run(cpu=9, speed=39), [CPU, SPEED])
    asked = []

    def again(names):
        asked.append(names)
        return compared(run(), run(cpu=5.1, speed=1), [CPU, SPEED])

    last = confirmed(first, again)
    assert asked == [["cpu"]]
    assert not any(one.fails for one in last)
    assert last[1].now == 39
    assert confirmed(last, again) == last
    assert len(asked) == 1


def test_each_ratio_is_measured_by_a_part_of_the_small_set():
    assert {ratio.part for ratio in RATIOS} <= {step.name for step in PARTS["check"]}
