"""Commands about the settings: where each value comes from, whether what they name answers, and what a file may say."""

from __future__ import annotations

import json
import math
from typing import Any

import click

import engine
from consumer.cli import Face, Group, face_options
from ui.cli.face_settings import settings_of

__all__ = ["config"]


@click.group(cls=Group)
def config() -> None:
    """Show, check and describe the settings."""


@config.command()
@face_options
def show(face: Face) -> None:
    """Show each setting and where it comes from; secrets stay hidden."""
    from rich.table import Table
    from rich.text import Text

    flags = {name: face.given[f"--{name}"] for name in ("kafka", "dask") if f"--{name}" in face.given}
    found = engine.sourced_settings(face.config, **flags)
    table = Table("setting", "value", "from", box=None)
    for setting in found:
        value = "" if setting.value is None or setting.value == {} else _text(setting.value)
        table.add_row(setting.name, Text(value), Text(setting.place or setting.source))
    settings = [
        {"name": one.name, "value": _plain(one.value), "source": one.source, "place": one.place} for one in found
    ]
    face.emit({"config": found.config, "settings": settings}, table)


@config.command()
@face_options
def check(face: Face) -> None:
    """Try the archive, Kafka and Dask that the settings name; exit code 1 if one of them is not well."""
    from rich.table import Table
    from rich.text import Text

    checked = engine.check_settings(settings_of(face))
    ok = all(one.state != "failed" for one in checked)
    table = Table("", "where", "state", "what was found", "next step", box=None)
    for one in checked:
        table.add_row(one.name, Text(one.address or ""), one.state, Text(one.message), Text(one.next_step or ""))
    face.emit({"ok": ok, "checks": [one.to_dict() for one in checked]}, table)
    if not ok:
        raise click.exceptions.Exit(1)


@config.command()
@face_options
def schema(face: Face) -> None:
    """Show the JSON schema of a configuration file, which editors complete and check it by."""
    described = engine.settings_schema()
    face.emit_as_is(described, json.dumps(described, indent=2))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: what it has not is text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
