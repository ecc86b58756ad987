"""The configuration file, `--config`: one reading of it for the consumer and the engine.

It holds passwords: a message about it names keys, lines and kinds of values, and shows no value.
"""

from __future__ import annotations

import os
from typing import Any

from consumer.errors import InputError
from consumer.settings.strict_yaml import read_table, read_text
from consumer.settings.values import shown

__all__ = ["OPTION_KEYS", "TEXT_KEYS", "read_config"]

TEXT_KEYS = ("archive", "kafka", "dask", "tns_catalogue")
OPTION_KEYS = ("storage_options", "kafka_options", "dask_tls")

_KINDS = {bool: "a truth value", int: "a number", float: "a number", str: "text", list: "a list", dict: "a table"}


def read_config(path: str | os.PathLike[str], *, error: type[InputError] = InputError) -> dict[str, Any]:
    """Return what a configuration file sets, keys without a value left out.

    Parameters
    ----------
    path
        YAML file.
    error
        What is raised.

    Raises
    ------
    InputError
        If the file can't be read, is not YAML, has an unknown key, or a value of the wrong kind.
    """
    what = f"the configuration {path}"
    accepted = f"a YAML file with the keys {', '.join((*TEXT_KEYS, *OPTION_KEYS))}"
    text = read_text(path, "the configuration", error=error)
    values = read_table(text, what, error=error, accepted=accepted, secret=True)
    if unknown := [shown(key) for key in values if key not in (*TEXT_KEYS, *OPTION_KEYS)]:
        raise error(f"{what} has unknown keys: {', '.join(unknown[:5])}", accepted=accepted)
    values = {key: value for key, value in values.items() if value is not None}
    for key, value in values.items():
        if key in TEXT_KEYS and not isinstance(value, str):
            quoted = "write it in quotes" if isinstance(value, bool | int | float) else None
            raise error(f"{key} in {what} is {_KINDS[type(value)]}, not text", next_step=quoted)
        if key in OPTION_KEYS and not isinstance(value, dict):
            raise error(
                f"{key} in {what} is {_KINDS[type(value)]}, not a table of keys and values",
                accepted=f"{key}: {{name: value}}",
            )
    return values
