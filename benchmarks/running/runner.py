"""Runs parts of the suite one after the other, shows how far it is, and keeps each as soon as it ends."""

from __future__ import annotations

import datetime as dt
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from benchmarks.figures import Figure, read_figures
from benchmarks.running import machine as suite_machine
from benchmarks.running.parts import Step
from benchmarks.running.results import Part, Results, merged, read_results, write_results

__all__ = ["Failure", "Suite", "minutes_text", "run_script"]

ROOT = Path(__file__).resolve().parents[2]
ENDING_S = 60.0
"""What a script has to end its brokers and clusters in, once it is told to end."""


class Failure(Exception):
    """A part that gave no figures."""


def minutes_text(seconds: float) -> str:
    """Return a duration in words: "40 s", "3 min", "1 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Where a size's figures are gathered, and how it is told."""

    size: str
    folder: Path
    """Has `unfinished.json` while a run goes on or was stopped, `results.json` of the last whole one, and logs."""
    console: Console

    @property
    def unfinished(self) -> Path:
        """File of what a run has measured so far."""
        return self.folder / "unfinished.json"

    @property
    def finished(self) -> Path:
        """File of what the last whole run measured."""
        return self.folder / "results.json"

    def begun(self) -> Results:
        """Return what a stopped run of this machine and this code has measured; nothing, if there is none."""
        fresh = Results(size=self.size, machine=suite_machine.machine())
        if not self.unfinished.exists():
            return fresh
        found, commit = read_results(self.unfinished), suite_machine.commit()
        if (found.machine, found.size) != (fresh.machine, fresh.size):
            self.console.print("What a stopped run measured on another machine is left out.")
            return fresh
        parts = [part for part in found.parts if part.commit == commit]
        if left_out := len(found.parts) - len(parts):
            self.console.print(f"{left_out} parts that a stopped run measured of other code are measured again.")
        return replace(fresh, parts=parts)

    def run(self, steps: Sequence[Step], *, afresh: bool, whole: bool) -> tuple[Results, dict[str, str]]:
        """Run steps; return what is measured now, and why each of the others isn't.

        Parameters
        ----------
        steps
            What to run, in this order.
        afresh
            Run also what a stopped run has measured.
        whole
            Whether these are all steps, so that the run is finished once each of them has its figures.
        """
        results, failures = self.begun(), dict[str, str]()
        done = {} if afresh else {part.name: part for part in results.parts}
        waiting = [step for step in steps if step.name not in done or done[step.name].command != step.command]
        if len(waiting) < len(steps):
            self.console.print(f"Going on: {len(steps) - len(waiting)} of {len(steps)} parts are measured.")
        expected = {step.name: self._expected_s(step) for step in steps}
        with Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[left]}"), console=self.console
        ) as progress:
            bar = progress.add_task("", total=sum(expected[step.name] for step in waiting), left="")
            passed_s = 0.0
            for number, step in enumerate(waiting, 1):
                left_s = sum(expected[later.name] for later in waiting[number - 1 :])
                self._print(
                    f"[{number} of {len(waiting)}] {step.command}: about {minutes_text(expected[step.name])}, "
                    f"{minutes_text(left_s)} left in all"
                )
                try:
                    part = self._run_part(step, _Shown(progress, bar, step.name, passed_s, left_s, expected[step.name]))
                except Failure as exc:
                    failures[step.name] = str(exc)
                    self._print(f"{step.name} failed: {exc}", style="red")
                else:
                    results = merged(replace(results, parts=[part]), results)
                    self._keep(results, whole=whole)
                    self._print(f"{step.name}: {len(part.figures)} figures in {minutes_text(part.seconds)}")
                passed_s += expected[step.name]
        if whole and not failures:
            write_results(self.finished, results)
            self.unfinished.unlink(missing_ok=True)
        return results, failures

    def _print(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def _keep(self, results: Results, *, whole: bool) -> None:
        """Write what is measured: single parts into the last whole run, unless one waits to go on."""
        if whole or self.unfinished.exists():
            write_results(self.unfinished, results)
            return
        write_results(self.finished, merged(results, read_results(self.finished) if self.finished.exists() else None))

    def _expected_s(self, step: Step) -> float:
        for path in (self.unfinished, self.finished):
            if path.exists():
                for part in read_results(path).parts:
                    if part.name == step.name and part.command == step.command:
                        return part.seconds
        return step.minutes * 60

    def _run_part(self, step: Step, shown: _Shown) -> Part:
        load, begun = suite_machine.load(), time.monotonic()
        figures = run_script(step, self.folder, shown, limit_s=1800 + 5 * self._expected_s(step))
        return Part(
            name=step.name,
            command=step.command,
            is_check=step.is_check,
            ended=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - begun, 1),
            commit=suite_machine.commit(),
            load_before=load,
            versions=suite_machine.versions(),
            figures=figures,
        )


class _Shown:
    """Moves the bar while a part runs, and prints the lines that its script writes on stderr."""

    def __init__(self, progress: Progress, bar: int, name: str, passed_s: float, left_s: float, expected_s: float):
        self._progress, self._bar, self._name = progress, bar, name
        self._passed_s, self._left_s, self._expected_s = passed_s, left_s, expected_s
        self._begun = time.monotonic()

    def line(self, text: str) -> None:
        """Print a line of the script."""
        self._progress.console.print(f"    {text}", markup=False, highlight=False, soft_wrap=True)

    def tick(self) -> None:
        """Show the time that is left."""
        took_s = min(time.monotonic() - self._begun, self._expected_s)
        self._progress.update(
            self._bar,
            description=self._name,
            completed=self._passed_s + took_s,
            left=f"{minutes_text(self._left_s - took_s)} left",
        )


def run_script(step: Step, folder: Path, shown: _Shown, *, limit_s: float) -> list[Figure]:
    """Run a script to its end and return its figures; its output goes into a log, and what it says on stderr is shown.

    Raises
    ------
    Failure
        It ended with a code, gave no figures, or took too long.
    """
    script, log = ROOT / "benchmarks" / step.script, folder / "logs" / f"{step.name}.log"
    if not script.exists():
        raise Failure(f"there is no {step.script}")
    log.parent.mkdir(parents=True, exist_ok=True)
    written = folder / f"{step.name}.figures.json"
    written.unlink(missing_ok=True)
    words = [sys.executable, str(script), *shlex.split(step.options), "--json", str(written)]
    last: deque[str] = deque(maxlen=8)
    with open(log, "w", encoding="utf-8") as out:
        process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True, errors="replace"
        )
        reader = threading.Thread(target=_follow, args=(process, last, shown), daemon=True)
        reader.start()
        try:
            code = _wait(process, shown, limit_s)
        finally:
            _end(process)
            reader.join(ENDING_S)
            if process.stderr is not None:
                process.stderr.close()
            out.write("\n--- on stderr, at its end ---\n" + "\n".join(last) + "\n")
    if code is None:
        raise Failure(f"it was stopped after {minutes_text(limit_s)}; see {log}")
    if code:
        raise Failure(f"it ended with code {code}; see {log}; its last lines: " + " | ".join(last))
    if not written.exists() or not (figures := read_figures(written)):
        raise Failure(f"it wrote no figures; see {log}")
    written.unlink()
    return figures


def _follow(process: subprocess.Popen[str], last: deque[str], shown: _Shown) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text := line.rstrip():
            last.append(text)
            shown.line(text)


def _wait(process: subprocess.Popen[str], shown: _Shown, limit_s: float) -> int | None:
    """Return a process's exit code; None if it takes too long."""
    stop = time.monotonic() + limit_s
    while time.monotonic() < stop:
        shown.tick()
        try:
            return process.wait(1)
        except subprocess.TimeoutExpired:
            continue
    return None


def _end(process: subprocess.Popen[str]) -> None:
    """End a process that still runs, with what it has started."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
