"""The suite: a process a script, what it measured kept as it ends, and a stopped run goes on where it stopped."""

import io
import json
import textwrap
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.running import machine as suite_machine
from benchmarks.running.parts import PARTS, Step, steps_of
from benchmarks.running.results import last_kept, merged, read_results, spread, write_results
from benchmarks.running.runner import Failure, Suite, minutes_text, run_script
from tests.benchmarks.invented import figure, part, results


@pytest.fixture(autouse=True)
def _one_commit(monkeypatch):
    monkeypatch.setattr(suite_machine, "commit", lambda: "0123456ab")
    monkeypatch.setattr(suite_machine, "versions", lambda: {"python": "3.11.9"})


@pytest.fixture
def suite(tmp_path):
    return Suite(size="full", folder=tmp_path / "suite", console=Console(file=io.StringIO(), width=200))


def script(folder, name, body):
    """Return a step whose script runs a body with `json_file` and `count`, how often it ran."""
    path = folder / f"{name}.py"
    path.write_text(
        textwrap.dedent("""\
            import json, sys, pathlib
            runs = pathlib.Path(__file__).with_suffix(".runs")
            count = len(runs.read_text()) + 1 if runs.exists() else 1
            runs.write_text("x" * count)
            print("running", file=sys.stderr)
            def write(value):
                one = {"section": "store", "case": "c", "what": sys.argv[0], "quantity": "ratio", "runs": [value]}
                pathlib.Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps([one]))
            """)
        + body
        + "\n"
    )
    return Step(name=name, script=str(path), options="", minutes=0.1)


def ran(step):
    return len(Path(step.script).with_suffix(".runs").read_text())


def test_what_is_measured_is_kept_and_a_failed_part_is_told(suite, tmp_path):
    steps = [script(tmp_path, "one", "write(count)"), script(tmp_path, "two", "sys.exit('the broker is away')")]
    found, failures = suite.run(steps, afresh=False, whole=True)
    assert [one.name for one in found.parts] == ["one"]
    assert list(failures) == ["two"]
    assert "the broker is away" in failures["two"]
    assert [one.name for one in read_results(suite.unfinished).parts] == ["one"]
    assert not suite.finished.exists()
    shown = suite.console.file.getvalue()
    assert "    running" in shown
    assert "[1 of 2]" in shown
    assert "left in all" in shown


def test_a_stopped_run_goes_on_where_it_stopped_and_the_next_begins_anew(suite, tmp_path):
    steps = [script(tmp_path, "one", "write(1)"), script(tmp_path, "two", "count > 1 and write(2)")]
    assert list(suite.run(steps, afresh=False, whole=True)[1]) == ["two"]
    found, failures = suite.run(steps, afresh=False, whole=True)
    assert not failures
    assert [one.name for one in found.parts] == ["one", "two"]
    assert [ran(step) for step in steps] == [1, 2]
    assert suite.finished.exists()
    assert not suite.unfinished.exists()
    suite.run(steps, afresh=False, whole=True)
    assert [ran(step) for step in steps] == [2, 3]


def test_what_other_code_measured_is_measured_again(suite, tmp_path, monkeypatch):
    steps = [script(tmp_path, "one", "write(1)"), script(tmp_path, "two", "sys.exit(3)")]
    suite.run(steps, afresh=False, whole=True)
    monkeypatch.setattr(suite_machine, "commit", lambda: "fedcba987")
    suite.run(steps, afresh=False, whole=True)
    assert ran(steps[0]) == 2


def test_a_part_alone_is_merged_into_the_last_whole_run(suite, tmp_path):
    steps = [script(tmp_path, "one", "write(count)"), script(tmp_path, "two", "write(count)")]
    suite.run(steps, afresh=False, whole=True)
    suite.run(steps[:1], afresh=True, whole=False)
    values = {one.name: one.figures[0].median for one in read_results(suite.finished).parts}
    assert values == {"one": 2, "two": 1}
    assert not suite.unfinished.exists()


def test_a_script_without_figures_or_that_is_not_there_fails(suite, tmp_path):
    steps = [script(tmp_path, "none", ""), Step(name="lost", script=str(tmp_path / "lost.py"), options="", minutes=1)]
    assert set(suite.run(steps, afresh=False, whole=True)[1]) == {"none", "lost"}


def test_a_script_that_hangs_is_ended_with_its_log_kept(tmp_path):
    step = script(tmp_path, "hangs", "import time; print('waiting', flush=True); time.sleep(600)")

    class Shown:
        def tick(self):
            pass

        def line(self, text):
            pass

    with pytest.raises(Failure, match="stopped after 2 s"):
        run_script(step, tmp_path, Shown(), limit_s=2)
    log = (tmp_path / "logs" / "hangs.log").read_text()
    assert "waiting" in log
    assert "KeyboardInterrupt" in log


def test_results_are_read_as_they_were_written_with_median_and_spread_for_others(tmp_path):
    path = tmp_path / "2026-11-26.json"
    write_results(path, results())
    text, read = path.read_text(), read_results(path)
    assert [one.median for one in read.figures] == pytest.approx([one.median for one in results().figures])
    assert [one.command for one in read.parts] == [one.command for one in results().parts]
    one = json.loads(text)["parts"][0]["figures"][0]
    assert (one["median"], one["spread"]) == (200_000, 0.07)
    # A figure a line, so that what changed is seen; and the same again, whoever writes it.
    assert sum('"runs"' in line for line in text.splitlines()) == len(read.figures)
    write_results(path, read)
    assert path.read_text() == text
    path.write_text(path.read_text().replace('"form": 1', '"form": 99'))
    with pytest.raises(ValueError, match="99"):
        read_results(path)


def test_of_a_part_the_newest_counts_but_never_of_another_machine():
    old = results(part("one", ended="2026-11-20T00:00:00+00:00"), part("two", ended="2026-11-20T00:00:00+00:00"))
    new = results(part("one", ended="2026-11-26T00:00:00+00:00"))
    assert {one.name: one.ended[:10] for one in merged(new, old).parts} == {"one": "2026-11-26", "two": "2026-11-20"}
    assert merged(new, old).date == "2026-11-26"
    elsewhere = type(old)(size="full", machine={**old.machine, "cores": 64}, parts=old.parts)
    assert merged(new, elsewhere) == new


def test_the_last_kept_file_is_the_one_of_the_latest_day(tmp_path):
    assert last_kept(tmp_path) is None
    for name in ("2026-11-26", "2027-01-02", "notes"):
        (tmp_path / f"{name}.json").write_text("{}")
    assert last_kept(tmp_path) == tmp_path / "2027-01-02.json"


def test_one_run_has_no_spread():
    assert spread(figure("store", "c", "w", "ratio", 3.0)) is None
    assert spread(figure("store", "c", "w", "ratio", 3.0, 4.0, 5.0)) == 0.5


def test_parts_have_names_of_their_own_and_the_guards_are_measured_with_the_full_size():
    for steps in PARTS.values():
        assert len({step.name for step in steps}) == len(steps)
    assert set(PARTS["check"]) <= set(PARTS["full"])
    assert [step.name for step in steps_of("full", only=["encoder"])] == ["encoder"]
    with pytest.raises(ValueError, match="encodr"):
        steps_of("full", only=["encodr"])


def test_times_are_told_in_words():
    assert [minutes_text(seconds) for seconds in (40, 200, 3_900)] == ["40 s", "3 min", "1 h 5 min"]


def test_rounds_are_taken_down_but_for_what_the_guard_compares():
    usual, once = (steps_of("full", rounds=rounds) for rounds in (None, 1))
    assert {step.name: step.options for step in once}["experiments-E1"] == "E1 --rounds 1"
    assert [step for step in once if step.is_check] == [step for step in usual if step.is_check]
    assert sum(step.minutes for step in once) < sum(step.minutes for step in usual)
