"""Where the command begins: before anything is imported that takes memory."""

from __future__ import annotations

import sys

from consumer.cli.heap import use_system_memory

__all__ = ["main"]

_FETCHING = "consume"


def main() -> None:
    """Run the command line."""
    if _FETCHING in sys.argv[1:]:
        use_system_memory()
    # Not before: it imports Arrow.
    from consumer.cli.commands import main as run

    run()
