"""The examples that end the help of each command; tests run them.

Those of one subject follow each other: what one makes the next one takes, from the folder in which they are typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["EXAMPLES", "Example", "examples_of", "indented"]

_NIGHT = "--archive sample/science --nights 2021-11-22"
_TOPIC = "ftransfer_ztf_example"
_LINE = 76


@dataclass(frozen=True)
class Example:
    """A command as one types it, and what it is for."""

    what: str
    command: str
    """Without `alert-transfer`."""


def _of(*examples: tuple[str, str]) -> tuple[Example, ...]:
    return tuple(Example(what, command) for what, command in examples)


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "": _of(
        ("see the whole job once, on a sample archive", "demo"),
        ("fetch a topic that was sent to you", f"consume {_TOPIC} --outdir alerts --kafka localhost:9092"),
    ),
    "demo": _of(
        ("in the folder alert-transfer-demo", "demo"),
        ("shorter, elsewhere", "demo --dir /tmp/demo --alerts-per-night 500"),
    ),
    "broker": _of(
        ("for a try: topics go when it ends", "broker"),
        ("on a free port, topics are kept", "broker --port 0 --data kafka-data"),
    ),
    "archive": _of(
        ("make one, and see what is in it", "archive sample sample --nights 2021-11-22 --alerts-per-night 200"),
        ("", "archive info --archive sample/science"),
    ),
    "archive sample": _of(
        ("one night, to try things on", "archive sample sample --nights 2021-11-22 --alerts-per-night 200"),
        ("Rubin's alerts", "archive sample lsst --survey lsst --nights 2026-01-01 --alerts-per-night 50"),
    ),
    "archive info": _of(
        ("nights, alerts and files", "archive info --archive sample/science"),
        ("for a script", "archive info --archive sample/science --json"),
    ),
    "archive index": _of(
        ("so that plans and estimates need not read what they know", "archive index --archive sample/science"),
        ("from the files, whatever is known", "archive index --archive sample/science --nights 2021-11-22 --anew"),
    ),
    "archive fields": _of(
        ("what can be said of magnitudes", "archive fields --archive sample/science --like mag"),
        ("as it was in one night", "archive fields --archive sample/science --nights 2021-11-22"),
    ),
    "plan": _of(
        ("what would be sent", f"plan {_NIGHT} --where 'candidate.magpsf < 18'"),
        ("by classes, with little of each alert", f"plan {_NIGHT} --class 'SN candidate' --field candidate.magpsf"),
    ),
    "estimate": _of(
        ("how many, how large, how long", f"estimate {_NIGHT} --where 'candidate.magpsf < 18'"),
        ("counted, not estimated", f"estimate {_NIGHT} --class 'Solar System MPC' --exact"),
    ),
    "preview": _of(
        ("the first ten", f"preview {_NIGHT} --where 'candidate.magpsf < 18; candidate.drb > 0.5'"),
        ("whole alerts, into a file", f"preview {_NIGHT} --content full --limit 100 --output first.parquet"),
        ("for a script", f"preview {_NIGHT} --field candidate.jd --limit 3 --json"),
    ),
    "request": _of(
        ("as a link, to share it", f"request {_NIGHT} --where 'candidate.magpsf < 18' --as link"),
        ("as Python, of a command", f"request {_NIGHT} --class 'Solar System MPC' --as python"),
    ),
    "submit": _of(
        ("ten alerts, the whole way", f"submit {_NIGHT} --test"),
        ("all of a class, on a cluster", f"submit {_NIGHT} --class 'Solar System MPC' --dask tcp://scheduler:8786"),
        ("under a name, and follow it", f"submit {_NIGHT} --topic {_TOPIC} --wait"),
    ),
    "jobs": _of(
        ("one's own, that run or ended lately", "jobs"),
        ("everyone's, that run", "jobs --all --running"),
    ),
    "serve": _of(
        ("on this machine alone", "serve --archive sample/science"),
        ("behind a proxy, in four processes", "serve --prefix /alerts --allow-origin example.org --num-procs 4"),
    ),
    "status": _of(
        ("now", f"status {_TOPIC}"),
        ("until it has ended", f"status {_TOPIC} --follow"),
        ("what was sent, of what", f"status {_TOPIC} --receipt"),
        ("what was asked for, to ask for it again", f"status {_TOPIC} --request"),
    ),
    "log": _of(("line by line", f"log {_TOPIC}")),
    "cancel": _of(("what was sent stays readable", f"cancel {_TOPIC}")),
    "resume": _of(("on this machine, until it has ended", f"resume {_TOPIC}")),
    "consume": _of(
        ("all of it, to folders by night", f"consume {_TOPIC} --outdir alerts"),
        ("a folder for each class", f"consume {_TOPIC} --outdir by-class --partitionby finkclass"),
        ("what is there now", f"consume {_TOPIC} --outdir part --limit 100 --no-wait"),
    ),
    "verify": _of(
        ("from the disk alone", "verify alerts"),
        ("two machines' shares together", "verify first-half second-half"),
    ),
    "config": _of(
        ("what is set, and where", "config show"),
        ("whether it answers", "config check"),
    ),
    "config show": _of(("where each value comes from", "config show")),
    "config check": _of(("an archive on a disk, and Kafka", "config check --kafka localhost:9092")),
    "config schema": _of(("for an editor that checks the file", "config schema")),
    "topics": _of(("age, size, owner and state", "topics")),
    "topics clean": _of(
        ("what would be deleted", "topics clean"),
        ("delete what ended a week ago", "topics clean --older-than 7 --yes"),
    ),
    "completion": _of(
        ("bash: into its start-up file", "completion bash >> ~/.bashrc"),
        ("zsh: likewise, behind compinit", "completion zsh >> ~/.zshrc"),
        ("fish", "completion fish > ~/.config/fish/completions/alert-transfer.fish"),
    ),
}
"""Path of a command (`archive sample`) -> its examples."""


def examples_of(command: str) -> Sequence[Example]:
    """Return the examples of a command, by its path without the program."""
    return EXAMPLES.get(command, ())


def indented(examples: Sequence[Example]) -> str:
    """Return examples as the help shows them: each below what it is for."""
    lines = []
    for example in examples:
        if example.what:
            lines.append(f"  # {example.what}")
        lines += [f"  {line}" for line in _broken(f"alert-transfer {example.command}")]
    return "".join(f"{line}\n" for line in lines)


def _broken(command: str) -> list[str]:
    """Return a command in lines that the shell reads as one, broken before an option."""
    lines, rest = [], command
    while len(rest) > _LINE and (at := rest.rfind(" --", 0, _LINE)) > 0:
        lines.append(f"{rest[:at]} \\")
        rest = f"    {rest[at + 1 :]}"
    return [*lines, rest]
