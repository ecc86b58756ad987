"""The configuration file, `--config`: one strict reading of it, which also tells the line of each key.

It holds passwords: a message about it names keys, lines and kinds of values, and shows no text of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from consumer.errors import ConfigError, InputError
from consumer.settings.text_files import read_text

__all__ = ["ConfigFile", "read_config"]

KEYS = (
    *("archive", "kafka", "dask", "tns_catalogue", "storage_options", "kafka_options"),
    *("login_options", "dask_tls", "topics", "window", "limits", "local", "dashboard"),
)


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """What a configuration file sets."""

    path: str
    values: dict[str, Any] = field(repr=False)
    """Keys without a value left out, in groups too."""
    lines: dict[tuple[str, ...], int]
    """Line of each key, at any depth."""

    @property
    def what(self) -> str:
        """What it is, for messages."""
        return f"the configuration {self.path}"


def read_config(path: str | os.PathLike[str], *, error: type[InputError] = ConfigError) -> ConfigFile:
    """Return what a configuration file sets; whether that is right, the settings say.

    Raises
    ------
    InputError
        If the file can't be read, is not YAML or not one table.
    """
    # Here, since most commands are given no configuration.
    from consumer.settings.strict_yaml import read_table

    lines: dict[tuple[str, ...], int] = {}
    text = read_text(path, "the configuration", error=error)
    values = read_table(
        text,
        f"the configuration {path}",
        error=error,
        accepted=f"a YAML file with the keys {', '.join(KEYS)}",
        secret=True,
        lines=lines,
    )
    return ConfigFile(path=os.fspath(path), values=_set(values), lines=lines)


def _set(values: dict[str, Any]) -> dict[str, Any]:
    """Return a table without keys that have no value; options keep theirs, where null has a meaning."""
    return {
        key: {name: item for name, item in value.items() if item is not None}
        if isinstance(value, dict) and not key.endswith("_options")
        else value
        for key, value in values.items()
        if value is not None
    }
