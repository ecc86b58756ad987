"""Commands that another room offers, each imported when it is asked for: a command need not wait for all others."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

import click

__all__ = ["Offered"]


class Offered:
    """Commands by name, the value of an entry point `alert_transfer.commands`.

    Parameters
    ----------
    places
        Name of a command -> `module:attribute`.
    """

    def __init__(self, places: Mapping[str, str]):
        self._places = dict(places)

    def named(self, name: str) -> click.Command | None:
        """Return the command of a name, if there is one."""
        if name not in self._places:
            return None
        module, _, attribute = self._places[name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def __iter__(self) -> Iterator[click.Command]:
        """Yield all commands."""
        return (command for name in self._places if (command := self.named(name)) is not None)
