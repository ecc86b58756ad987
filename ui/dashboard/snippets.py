"""How to fetch a topic: the command, the lines of Python, the cell of a notebook."""

from __future__ import annotations

from consumer.cli import quoted

__all__ = ["consume_command", "notebook_snippet", "python_snippet"]


def consume_command(topic: str, kafka: str) -> str:
    """Return the command that fetches a topic to Parquet files, a line an option."""
    options = (("--kafka", kafka), ("--outdir", topic))
    return " \\\n    ".join(
        [f"alert-transfer consume {quoted(topic)}", *(f"{option} {quoted(value)}" for option, value in options)]
    )


def python_snippet(topic: str, kafka: str) -> str:
    """Return a program that fetches a topic to Parquet files and reads them with pandas."""
    return (
        "import consumer\n"
        "import pandas\n"
        "\n"
        f"result = consumer.consume({topic!r}, {topic!r}, kafka={kafka!r})\n"
        "print(result)\n"
        f"alerts = pandas.read_parquet({topic!r})\n"
        "print(alerts.describe())\n"
    )


def notebook_snippet(topic: str, kafka: str) -> str:
    """Return a cell that reads a topic into a table of pandas, nothing on disk."""
    return (
        "import consumer\n"
        "import pyarrow as pa\n"
        "\n"
        f"batches = list(consumer.stream({topic!r}, kafka={kafka!r}))\n"
        "alerts = pa.Table.from_batches(batches).to_pandas() if batches else None\n"
        "alerts\n"
    )
