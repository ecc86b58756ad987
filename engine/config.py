"""Settings: where the archive, Kafka and Dask are. From a YAML file, the environment, and what is given directly."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from engine.errors import ConfigError

__all__ = ["Settings", "load_settings"]

_ENVIRONMENT = {
    "archive": "ALERT_TRANSFER_ARCHIVE",
    "kafka": "ALERT_TRANSFER_KAFKA",
    "dask": "ALERT_TRANSFER_DASK",
    "tns_catalogue": "ALERT_TRANSFER_TNS_CATALOGUE",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where things are. Nothing in it is needed for work on one machine."""

    archive: str | None = None
    """Root of the archive that requests without one mean."""
    kafka: str | None = None
    """`host:port[,host:port]` of Kafka."""
    dask: str | None = None
    """`tcp://host:port` of a Dask scheduler."""
    tns_catalogue: str | None = None
    """Parquet, or CSV as TNS exports it, with ra, declination, type."""
    storage_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """For the archive's file system (endpoint, credentials); kept out of repr, manifests and logs."""
    kafka_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further librdkafka properties (security); kept out of repr, manifests and logs."""


def load_settings(path: str | os.PathLike | None = None, **given: Any) -> Settings:
    """Return the settings: what is given wins over the environment, and that over the file.

    Parameters
    ----------
    path
        YAML file; default: the environment's ALERT_TRANSFER_CONFIG, if set.
    given
        Fields of `Settings`; None counts as not given.

    Raises
    ------
    ConfigError
        If the file can't be read, is not YAML or has an unknown key.
    """
    path = path or os.environ.get("ALERT_TRANSFER_CONFIG")
    values: dict[str, Any] = _from_file(Path(path)) if path else {}
    values |= {name: os.environ[variable] for name, variable in _ENVIRONMENT.items() if os.environ.get(variable)}
    values |= {name: value for name, value in given.items() if value is not None}
    return Settings(**values)


def _from_file(path: Path) -> dict[str, Any]:
    names = [f.name for f in fields(Settings)]
    accepted = f"a YAML file with the keys {', '.join(names)}"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as exc:
        raise ConfigError(f"the configuration {path} can't be read: {exc.strerror}", accepted=accepted) from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"the configuration {path} is not YAML: {exc}", accepted=accepted) from exc
    if not isinstance(values, dict):
        raise ConfigError(f"the configuration {path} is not a table of keys and values", accepted=accepted)
    if unknown := [str(key) for key in values if key not in names]:
        raise ConfigError(f"the configuration {path} has unknown keys: {', '.join(unknown)}", accepted=accepted)
    for name in ("storage_options", "kafka_options"):
        if not isinstance(values.get(name, {}), dict):
            raise ConfigError(f"{name} in the configuration {path} is not a table of keys and values")
    for name in _ENVIRONMENT:
        if not isinstance(values.get(name), str | None):
            raise ConfigError(f"{name} in the configuration {path} is {values[name]!r}, not text")
    return values
