"""The command line `alert-transfer`: the group, what all commands share, and the commands `consume` and `verify`.

Other rooms add commands by an entry point, with the classes and texts exported here. Whatever every command shares
comes in here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.cli.bars import Row, consume_bar, progress_bar, progress_row
    from consumer.cli.commands import command_named
    from consumer.cli.completion import complete_by, option_of
    from consumer.cli.console import Command, Face, Group, face_options, remember_archive
    from consumer.cli.memory import last_archive, remember, remembered
    from consumer.cli.offered import Offered
    from consumer.cli.start import main
    from consumer.hints import python, quoted
    from consumer.receipt import bounds_lines, left_out_lines, receipt_text
    from consumer.settings import one_line, read_stream, read_text, shown
    from consumer.terms import CONTENT_CARDS, page_terms
    from consumer.words import count_text, some_text, verb_text
else:
    # Imported on first use: `main` decides how Arrow takes its memory before Arrow is loaded (consumer/cli/heap.py).
    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)

    def __dir__():
        return sorted({*globals(), *_MODULES})


_MODULES = {
    "CONTENT_CARDS": "consumer.terms",
    "Command": "consumer.cli.console",
    "Face": "consumer.cli.console",
    "Group": "consumer.cli.console",
    "Offered": "consumer.cli.offered",
    "Row": "consumer.cli.bars",
    "bounds_lines": "consumer.receipt",
    "command_named": "consumer.cli.commands",
    "complete_by": "consumer.cli.completion",
    "consume_bar": "consumer.cli.bars",
    "count_text": "consumer.words",
    "face_options": "consumer.cli.console",
    "last_archive": "consumer.cli.memory",
    "left_out_lines": "consumer.receipt",
    "main": "consumer.cli.start",
    "one_line": "consumer.settings",
    "option_of": "consumer.cli.completion",
    "page_terms": "consumer.terms",
    "progress_bar": "consumer.cli.bars",
    "progress_row": "consumer.cli.bars",
    "python": "consumer.hints",
    "quoted": "consumer.hints",
    "read_stream": "consumer.settings",
    "read_text": "consumer.settings",
    "receipt_text": "consumer.receipt",
    "remember": "consumer.cli.memory",
    "remember_archive": "consumer.cli.console",
    "remembered": "consumer.cli.memory",
    "shown": "consumer.settings",
    "some_text": "consumer.words",
    "verb_text": "consumer.words",
}

__all__ = [
    "CONTENT_CARDS",
    "Command",
    "Face",
    "Group",
    "Offered",
    "Row",
    "bounds_lines",
    "command_named",
    "complete_by",
    "consume_bar",
    "count_text",
    "face_options",
    "last_archive",
    "left_out_lines",
    "main",
    "one_line",
    "option_of",
    "page_terms",
    "progress_bar",
    "progress_row",
    "python",
    "quoted",
    "read_stream",
    "read_text",
    "receipt_text",
    "remember",
    "remember_archive",
    "remembered",
    "shown",
    "some_text",
    "verb_text",
]
