"""The command line `alert-transfer`: the group, what all commands share, and the commands `consume` and `verify`.

Other rooms add commands by an entry point, with the classes and texts exported here. Whatever every command shares
comes in here.
"""

from consumer.cli.bars import Row, consume_bar, progress_bar, progress_row
from consumer.cli.commands import command_named, main
from consumer.cli.completion import complete_by, option_of
from consumer.cli.console import Command, Face, Group, face_options, remember_archive
from consumer.cli.memory import last_archive, remember, remembered
from consumer.cli.offered import Offered
from consumer.hints import python, quoted
from consumer.receipt import bounds_lines, left_out_lines, receipt_text
from consumer.settings import one_line, read_stream, read_text, shown
from consumer.terms import CONTENT_CARDS, page_terms
from consumer.words import count_text, some_text, verb_text

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
