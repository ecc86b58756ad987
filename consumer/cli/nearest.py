"""The command that users mean when they type one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["nearest_command"]

# What others call it. What only resembles a command is found without.
_OTHER_NAMES = {
    **dict.fromkeys(["abort", "kill", "stop"], "cancel"),
    **dict.fromkeys(["download", "fetch", "get", "pull", "receive"], "consume"),
    **dict.fromkeys(["kafka", "server"], "broker"),
    **dict.fromkeys(["configuration", "configure", "doctor", "settings"], "config"),
    **dict.fromkeys(["example", "tutorial"], "demo"),
    **dict.fromkeys(["columns", "schema"], "fields"),
    **dict.fromkeys(["nights"], "info"),
    **dict.fromkeys(["history", "list", "ls", "ps"], "jobs"),
    **dict.fromkeys(["events", "logs"], "log"),
    **dict.fromkeys(["dry-run", "explain"], "plan"),
    **dict.fromkeys(["head", "show"], "preview"),
    **dict.fromkeys(["convert", "export", "link"], "request"),
    **dict.fromkeys(["continue", "restart", "retry"], "resume"),
    **dict.fromkeys(["follow", "progress", "receipt", "watch"], "status"),
    **dict.fromkeys(["create", "run", "send", "start", "transfer"], "submit"),
    **dict.fromkeys(["cleanup", "delete", "purge", "rm"], "topics"),
    **dict.fromkeys(["check", "prove", "validate"], "verify"),
}


def nearest_command(typed: str, names: Sequence[str]) -> str | None:
    """Return the nearest of some commands to what was typed, or None if nothing comes near."""
    word = typed[:100].lower().replace("_", "-")
    if word in names:
        return word
    other = _OTHER_NAMES.get(word)
    return other if other in names else next(iter(difflib.get_close_matches(word, names, n=1)), None)
