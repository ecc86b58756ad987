"""What the page tells users to run."""

import ast
import shlex

import pytest

import consumer
from ui.dashboard.snippets import consume_command, notebook_snippet, python_snippet

TOPIC = "ftransfer_ztf_2026-11-26_1f4c9a0b77d2"


def test_the_command_is_one_that_the_shell_reads_as_meant():
    words = shlex.split(consume_command(TOPIC, "host:9092").replace("\\\n", ""))
    assert words == ["alert-transfer", "consume", TOPIC, "--kafka", "host:9092", "--outdir", TOPIC]


@pytest.mark.parametrize("make", [python_snippet, notebook_snippet])
def test_the_lines_of_python_call_what_there_is(make):
    called = [node for node in ast.walk(ast.parse(make(TOPIC, "host:9092"))) if isinstance(node, ast.Call)]
    ours = [node for node in called if ast.unparse(node.func).startswith("consumer.")]
    assert ours
    assert all(hasattr(consumer, ast.unparse(node.func).removeprefix("consumer.")) for node in ours)
    assert all(TOPIC in ast.unparse(node) and "kafka='host:9092'" in ast.unparse(node) for node in ours)


@pytest.mark.parametrize("hostile", ["x'); import os; ('", "$(reboot)", "`id`", "a b\n; reboot"])
def test_nothing_that_a_text_holds_is_run(hostile):
    command = shlex.split(consume_command(hostile, hostile).replace("\\\n    --", " --"))
    assert command[2] == hostile
    for make in (python_snippet, notebook_snippet):
        tree = ast.parse(make(hostile, hostile))
        assert {node.names[0].name for node in tree.body if isinstance(node, ast.Import)} <= {
            "consumer",
            "pandas",
            "pyarrow",
        }
