"""Settings under the engine's name: consumer.settings reads them, for every room alike."""

from consumer.settings import Settings, SourcedSettings, load_settings, settings_schema, sourced_settings

__all__ = ["Settings", "SourcedSettings", "load_settings", "settings_schema", "sourced_settings"]
