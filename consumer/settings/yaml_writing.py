"""Writes a table as YAML that `read_table`, and every other reader of YAML 1.1, reads back as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from consumer.words import printable

__all__ = ["write_yaml"]


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines line by line, never folded: a comment in a condition ends with its line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True  # the same list in two places is written twice: the reader takes no aliases

    def represent_str(self, text: str) -> yaml.ScalarNode:
        style = None
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]", text):
            style = '"'  # in other styles PyYAML writes ends of lines that it doesn't read back
        elif "\n" in text and not re.search(r"^\s|[ \t]$|[ \t]\n|\n\s*$", text.removesuffix("\n")):
            style = "|"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_str)


def write_yaml(values: Mapping[str, Any]) -> str:
    """Return a table, a request's say, of any version, as YAML.

    What a terminal would obey is written by its number, so that it is shown and read back as it is.
    """
    made = _dumped(values, allow_unicode=True)
    return made if printable(made) == made else _dumped(values, allow_unicode=False)


def _dumped(values: Mapping[str, Any], *, allow_unicode: bool) -> str:
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=allow_unicode, width=float("inf"))
