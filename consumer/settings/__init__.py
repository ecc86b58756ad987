"""What users hand over: settings and secrets, the configuration file, the environment, YAML, and plain values.

One reading of each, for the consumer, the engine and every face; messages about them show no secret. `Settings` is the
one model of what is configured: further settings, with their defaults, come in there.

The model is imported on first use, and pydantic with it; so is the reading of YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.settings.addresses import refuse_password, refuse_user
from consumer.settings.cache import cache_folder, write_cached
from consumer.settings.loading import (
    Setting,
    SourcedSettings,
    kafka_settings,
    load_settings,
    settings_schema,
    sourced_settings,
)
from consumer.settings.secret_names import without_password
from consumer.settings.secrets import (
    Options,
    entrusted,
    literal_secrets,
    masked,
    name_process,
    remember_secrets,
    resolved,
    without_secrets,
)
from consumer.settings.text_files import read_stream, read_text
from consumer.settings.values import items_of, one_line, shown, truth_value, whole_number

if TYPE_CHECKING:
    from consumer.settings.settings import DaskTls, Limits, LocalCluster, Settings, Topics, Window
    from consumer.settings.strict_yaml import read_table
    from consumer.settings.yaml_writing import write_yaml

__all__ = [
    "DaskTls",
    "Limits",
    "LocalCluster",
    "Options",
    "Setting",
    "Settings",
    "SourcedSettings",
    "Topics",
    "Window",
    "cache_folder",
    "entrusted",
    "items_of",
    "kafka_settings",
    "literal_secrets",
    "load_settings",
    "masked",
    "name_process",
    "one_line",
    "read_stream",
    "read_table",
    "read_text",
    "refuse_password",
    "refuse_user",
    "remember_secrets",
    "resolved",
    "settings_schema",
    "shown",
    "sourced_settings",
    "truth_value",
    "whole_number",
    "without_password",
    "without_secrets",
    "write_cached",
    "write_yaml",
]

_OF_THE_MODEL = ("DaskTls", "Limits", "LocalCluster", "Settings", "Topics", "Window")


def __getattr__(name: str) -> Any:
    if name in _OF_THE_MODEL:
        from consumer.settings import settings

        return getattr(settings, name)
    if name == "read_table":
        from consumer.settings.strict_yaml import read_table

        return read_table
    if name == "write_yaml":
        from consumer.settings.yaml_writing import write_yaml

        return write_yaml
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
