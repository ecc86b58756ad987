"""How a class label is written as the name of a folder.

A label may hold any character, the name of a folder may not. So all but ASCII letters, digits and `_-.` is
percent-encoded (UTF-8), as readers of hive folders expect it: a `*`, too, which Polars takes for a pattern and Windows
refuses, and a full stop at the end, which Windows drops. Where the disk ignores case, capitals are encoded as well:
`Galaxy` and `galaxy` are two labels.

Different labels have different names, also where case is ignored: what is encoded can be decoded, and the only
capitals that are left then are hexadecimal digits, which are never small.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from consumer.errors import InputError

__all__ = ["NULL_FOLDER", "NameRule", "is_rule"]

NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
"""What stands for null in the name of a hive folder."""

_KEY = "name_rule"
_OLDEST, _NEWEST = 1, 2


@dataclass(frozen=True, kw_only=True)
class NameRule:
    """How one folder names its labels; written into its job.json by the first run, and kept for good."""

    version: int = _NEWEST
    """1: as version 0.1.0 did, which left `*` and a full stop at the end as they are, and wrote no rule down."""
    ignores_case: bool = False
    """Whether the disk ignores case, so that capitals are encoded; as the first run found it."""

    @classmethod
    def from_owner(cls, owner: Mapping[str, Any]) -> NameRule:
        """Return the rule that a job.json names.

        Raises
        ------
        InputError
            If a later version of this program made it.
        """
        rule = owner.get(_KEY)
        if rule is None:
            return cls(version=_OLDEST)
        if not _OLDEST < rule["version"] <= _NEWEST:
            raise InputError(
                f"a later version of alert-transfer began the folder: it names folders by rule {rule['version']}",
                accepted=f"folders with the rules {_OLDEST} to {_NEWEST}",
                next_step="update alert-transfer, or choose another --outdir",
            )
        return cls(**rule)

    def to_owner(self) -> dict[str, Any]:
        """Return what job.json holds of the rule."""
        return {_KEY: asdict(self)}

    def name(self, label: str | None) -> str:
        """Return the name of a label, without the `finkclass=` before it."""
        if not label:  # a path has no empty values: as in Hive, an empty text goes where null goes
            return NULL_FOLDER
        if self.version == _OLDEST:
            return quote(label, safe="*").replace("~", "%7E")
        if label.lower() == NULL_FOLDER.lower():
            return _percent(label[0]) + self._encode(label[1:])
        return self._encode(label)

    def _encode(self, label: str) -> str:
        body, end = (label[:-1], "%2E") if label.endswith(".") else (label, "")
        kept = r"[^a-z0-9_.-]" if self.ignores_case else r"[^A-Za-z0-9_.-]"
        return re.sub(kept, lambda found: _percent(found[0]), body) + end


def is_rule(owner: Mapping[str, Any]) -> bool:
    """Whether what a job.json holds of the rule is one, of whatever version, or nothing."""
    rule = owner.get(_KEY)
    if rule is None:
        return True
    version = rule.get("version") if isinstance(rule, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        return False
    whole = rule.keys() == {"version", "ignores_case"} and isinstance(rule["ignores_case"], bool)
    # Only a later version knows what it wrote.
    return version > _NEWEST or (version > _OLDEST and whole)


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
