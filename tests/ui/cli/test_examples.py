"""Each command's help ends with examples, and these are commands that work."""

import shlex
from collections.abc import Iterator

import click
import pytest

from consumer.cli.commands import _group
from consumer.cli.examples import EXAMPLES
from tests.command_line import run_here

LINES = sorted({example.command for examples in EXAMPLES.values() for example in examples})
# In this order, each takes what those before it made.
WITHOUT_KAFKA = (
    *("archive", "archive sample", "archive index", "archive info", "archive fields"),
    *("plan", "estimate", "preview", "config schema"),
)
WITH_KAFKA = ("jobs", "status", "log", "consume")


def all_commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name="alert-transfer")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from all_commands(command, f"{path}{name} ")


COMMANDS = {"": _group, **dict(all_commands(_group))}


def test_each_command_has_examples():
    assert set(EXAMPLES) == set(COMMANDS), "the table in consumer/cli/examples.py has them"


@pytest.mark.parametrize("path", COMMANDS)
def test_help_ends_with_examples_that_can_be_pasted(path):
    shown = run_here(*path.split(), "--help").stdout
    lines = shown.partition("\nExamples:\n")[2].replace("\\\n", " ").splitlines()
    commands = [line for line in lines if line and not line.startswith("  #")]
    typed = [shlex.split(line, comments=True)[1:] for line in commands]
    assert typed == [shlex.split(example.command) for example in EXAMPLES[path]]


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_a_command_with_its_options(line):
    words = shlex.split(line)
    words = next((words[:place] for place, word in enumerate(words) if word.startswith(">")), words)
    command, context = _group, click.Context(_group, info_name="alert-transfer")
    while isinstance(command, click.Group) and words:  # a group may run by itself
        command = command.get_command(context, words.pop(0))
        assert command is not None, line
    command.make_context(command.name, words, parent=context)


def run_all(paths: tuple[str, ...], kafka: str | None = None) -> None:
    for command in dict.fromkeys(example.command for path in paths for example in EXAMPLES[path]):
        done = run_here(*shlex.split(command), kafka=kafka)
        assert done.returncode == 0, (command, done.stderr)
        assert done.stdout, command


def test_examples_that_need_no_kafka_work_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_all(WITHOUT_KAFKA)
    assert (tmp_path / "first.parquet").exists()


def test_examples_of_a_job_work_one_after_the_other(tmp_path, monkeypatch, kafka, dask_client):
    monkeypatch.chdir(tmp_path)
    run_all(("archive sample",))
    (submit,) = [example.command for example in EXAMPLES["submit"] if "--topic" in example.command]
    cluster = ("--dask", dask_client.scheduler.address)
    assert run_here(*shlex.split(submit), *cluster, kafka=kafka).returncode == 0
    run_all(WITH_KAFKA, kafka)
    assert run_here(*shlex.split(EXAMPLES["verify"][0].command)).returncode == 0
