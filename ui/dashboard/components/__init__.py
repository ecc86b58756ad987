"""Small parts of the page in plain JavaScript: each has a file beside its class. What Panel has not as well comes in.

They fetch nothing from anywhere, write users' texts as text only, and take their colours from the page's theme.
"""

from ui.dashboard.components.browser_link import BrowserLink
from ui.dashboard.components.button_row import ButtonRow
from ui.dashboard.components.choice_cards import ChoiceCards
from ui.dashboard.components.class_picker import ClassPicker
from ui.dashboard.components.condition_editor import ConditionEditor
from ui.dashboard.components.copy_box import CopyBox
from ui.dashboard.components.field_table import FieldTable
from ui.dashboard.components.job_table import JobTable
from ui.dashboard.components.log_box import LogBox
from ui.dashboard.components.save_file import SaveFile
from ui.dashboard.components.summary_bar import SummaryBar

__all__ = [
    "BrowserLink",
    "ButtonRow",
    "ChoiceCards",
    "ClassPicker",
    "ConditionEditor",
    "CopyBox",
    "FieldTable",
    "JobTable",
    "LogBox",
    "SaveFile",
    "SummaryBar",
]
