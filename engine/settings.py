"""Settings under the engine's name: consumer.settings reads them, for every room alike."""

from consumer.settings import Settings, load_settings

__all__ = ["Settings", "load_settings"]
