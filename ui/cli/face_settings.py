"""Settings as the options of a command give them."""

from __future__ import annotations

from typing import Any

from consumer.cli import Face
from engine import Settings, load_settings

__all__ = ["settings_of"]


def settings_of(face: Face, **given: Any) -> Settings:
    """Return the settings, with what the options of a command set in them."""
    return load_settings(face.config, kafka=face.kafka, dask=face.dask, **given)
