"""Settings: where the archive, Kafka and Dask are. From a YAML file, the environment, and what is given directly."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from consumer.errors import ConfigError
from consumer.settings.config_file import read_config

__all__ = ["Settings", "load_settings"]

_ENVIRONMENT = {
    "archive": "ALERT_TRANSFER_ARCHIVE",
    "kafka": "ALERT_TRANSFER_KAFKA",
    "dask": "ALERT_TRANSFER_DASK",
    "tns_catalogue": "ALERT_TRANSFER_TNS_CATALOGUE",
}
_DASK_TLS = {
    "ca_file": "ALERT_TRANSFER_DASK_TLS_CA_FILE",
    "cert_file": "ALERT_TRANSFER_DASK_TLS_CERT_FILE",
    "key_file": "ALERT_TRANSFER_DASK_TLS_KEY_FILE",
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
    dask_tls: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Files for a scheduler at `tls://host:port`: ca_file, cert_file, key_file."""


def load_settings(path: str | os.PathLike[str] | None = None, **given: Any) -> Settings:
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
        If the file can't be read, is not YAML, has a key twice or an unknown one, or a value of the wrong kind.
    """
    path = path or os.environ.get("ALERT_TRANSFER_CONFIG")
    values: dict[str, Any] = read_config(path, error=ConfigError) if path else {}
    values |= {name: os.environ[variable] for name, variable in _ENVIRONMENT.items() if os.environ.get(variable)}
    if tls := {name: os.environ[variable] for name, variable in _DASK_TLS.items() if os.environ.get(variable)}:
        values["dask_tls"] = {**values.get("dask_tls", {}), **tls}
    values |= {name: value for name, value in given.items() if value is not None}
    return Settings(**values)
