"""What users hand over: the configuration file, the environment, YAML, and plain values in whatever form they come.

One reading of each, for the consumer, the engine and every face; messages about them show no secret. Further settings,
and where each came from, come in here.
"""

from consumer.settings.config_file import read_config
from consumer.settings.settings import Settings, load_settings
from consumer.settings.strict_yaml import read_table, read_text
from consumer.settings.values import items_of, one_line, shown, truth_value, whole_number

__all__ = [
    "Settings",
    "items_of",
    "load_settings",
    "one_line",
    "read_config",
    "read_table",
    "read_text",
    "shown",
    "truth_value",
    "whole_number",
]
