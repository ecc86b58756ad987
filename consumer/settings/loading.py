"""Reading the settings: flags win over the environment, the environment over the file, the file over the defaults."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from consumer.errors import ConfigError
from consumer.settings.secrets import masked

if TYPE_CHECKING:
    from pydantic_settings import EnvSettingsSource

    from consumer.settings.config_file import ConfigFile
    from consumer.settings.settings import Settings

__all__ = ["Setting", "SourcedSettings", "kafka_settings", "load_settings", "settings_schema", "sourced_settings"]

CONFIG_VARIABLE = "ALERT_TRANSFER_CONFIG"
_PREFIX = "ALERT_TRANSFER_"
_KAFKA_VARIABLE = "ALERT_TRANSFER_KAFKA"
Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting as `config show` tells it."""

    name: str
    """`topics.num_partitions`; of options, of each one: `storage_options.endpoint_url`."""
    value: Any
    """Secrets are `***`."""
    source: str
    """`default`, `file`, `environment` or `flag`."""
    place: str | None
    """Where: `my.yaml, line 3`, a variable, a flag; None for a default."""


@dataclass(frozen=True, kw_only=True)
class SourcedSettings:
    """Settings, and where each came from."""

    settings: Settings
    sources: Mapping[Path, tuple[str, str]]
    """Key -> source and place, of what is not at its default."""
    config: str | None
    """The configuration file that was read."""

    def __iter__(self) -> Iterator[Setting]:
        """Yield each setting, in the order of the model."""
        for key, value in self.settings:
            if isinstance(value, dict):
                for name, item in masked(value).items() or [(None, None)]:
                    yield self._setting((key,) if name is None else (key, name), {} if name is None else item)
            elif hasattr(type(value), "model_fields"):
                yield from (self._setting((key, name), item) for name, item in value)
            else:
                yield self._setting((key,), value)

    def _setting(self, path: Path, value: Any) -> Setting:
        source, place = self.sources.get(path) or self.sources.get(path[:1]) or ("default", None)
        return Setting(name=".".join(path), value=_plain(value), source=source, place=place)


def _plain(value: Any) -> Any:
    """Return a table of groups as one of plain values."""
    groups = isinstance(value, dict) and all(hasattr(type(item), "model_fields") for item in value.values())
    return {name: item.model_dump(exclude_none=True) for name, item in value.items()} if groups else value


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
        If the file can't be read, is not YAML, has a key twice or an unknown one, or a value that is not right; if a
        variable of the environment has one.
    """
    return sourced_settings(path, **given).settings


def kafka_settings(path: str | os.PathLike[str] | None, kafka: str | None) -> tuple[str | None, dict[str, Any]]:
    """Return the address of Kafka and further librdkafka properties, as `load_settings` has them.

    Where nothing but the address can be set, the model isn't made: to import it takes as long as a small topic.
    """
    named = kafka or os.environ.get(_KAFKA_VARIABLE) or None
    # Variables count whatever their capitals.
    others = (name for name, value in os.environ.items() if value and name != _KAFKA_VARIABLE)
    is_bare = path is None and not any(name.upper().startswith(_PREFIX) for name in others)
    if is_bare and "@" not in (named or ""):
        return named, {}
    settings = load_settings(path, kafka=kafka)
    return settings.kafka, settings.kafka_options


def sourced_settings(path: str | os.PathLike[str] | None = None, **given: Any) -> SourcedSettings:
    """Return the settings, and where each came from. Parameters and errors are those of `load_settings`."""
    from consumer.settings.settings import Settings

    path = path or os.environ.get(CONFIG_VARIABLE)
    file = _read_config(path) if path else None
    values: dict[str, Any] = {}
    sources: dict[Path, tuple[str, str]] = {}

    def take(layer: Mapping[str, Any], source: str, place: Mapping[Path, str]) -> None:
        """Lay a source over those before it: groups key by key, everything else whole."""
        for key, value in layer.items():
            in_group = isinstance(value, dict) and not key.endswith("_options")
            if in_group and isinstance(values.get(key), dict):
                values[key] = values[key] | value
            else:
                values[key] = value
                for old in [old for old in sources if old[0] == key]:
                    del sources[old]
            for path_ in [(key, name) for name in value] if isinstance(value, dict) else [(key,)]:
                sources[path_] = source, place.get(path_) or place.get(path_[:1]) or ""

    if file is not None:
        take(file.values, "file", {path_: f"{file.path}, line {line}" for path_, line in file.lines.items()})
    found = _environment(Settings)
    take(found, "environment", {path_: _variable(path_, whole=True) for path_ in _paths(found)})
    flags = {key: value for key, value in given.items() if value is not None}
    take(flags, "flag", {(key,): f"--{key.replace('_', '-')}" for key in flags})

    def where(path_: Path) -> str:
        place = next((sources[path_[:n]] for n in range(len(path_), 0, -1) if path_[:n] in sources), None)
        if place is None:  # of a group as a whole: one of its keys may be right where another is not
            inside = {found for known, found in sources.items() if known[:1] == path_[:1]}
            kinds = {source for source, _ in inside}
            place = inside.pop() if len(inside) == 1 else ("file", "") if kinds == {"file"} else None
        return _where(place, file)

    settings = Settings(**values, _where=where)  # type: ignore[call-arg]  # known at run time
    return SourcedSettings(settings=settings, sources=sources, config=file.path if file else None)


def _read_config(path: str | os.PathLike[str]) -> ConfigFile:
    from consumer.settings.config_file import read_config

    return read_config(path)


def settings_schema() -> dict[str, Any]:
    """Return the JSON schema of a configuration file, for editors."""
    from consumer.settings.settings import Settings

    schema = Settings.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Configuration of alert-transfer",
        "$defs": {name: {**group, "title": name} for name, group in schema.get("$defs", {}).items()},
    }


def _where(source: tuple[str, str] | None, file: ConfigFile | None) -> str:
    if source is None:
        return ""
    kind, place = source
    if kind == "file" and file is not None:
        line = place.rpartition(", line ")[2]
        return f" in {file.what} (line {line})" if line.isdigit() else f" in {file.what}"
    return f" ({place})" if kind == "environment" else ""


def _paths(values: Mapping[str, Any]) -> Iterator[Path]:
    for key, value in values.items():
        yield (key,)
        if isinstance(value, dict):
            yield from ((key, name) for name in value)


def _variable(path: Path, *, whole: bool) -> str:
    options = whole and path[0].endswith("_options")
    return "_".join(["ALERT_TRANSFER", *(path[:1] if options else path)]).upper()


@cache
def _environment_source() -> type[EnvSettingsSource]:
    from pydantic.fields import FieldInfo
    from pydantic_settings import EnvSettingsSource

    class Environment(EnvSettingsSource):
        """The environment: options as one JSON table, since their names are not for variables."""

        def explode_env_vars(
            self, field_name: str, field: FieldInfo, env_vars: Mapping[str, str | None]
        ) -> dict[str, Any]:
            return {} if field_name.endswith("_options") else super().explode_env_vars(field_name, field, env_vars)

        def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
            try:
                decoded = super().decode_complex_value(field_name, field, value)
            except ValueError:
                decoded = None
            if not isinstance(decoded, dict):
                raise ConfigError(
                    f"{_variable((field_name,), whole=True)} is not a table in JSON",
                    accepted='{"name": "value"}',
                    next_step="or set it in the configuration file",
                )
            return decoded

    return Environment


def _environment(model: type[Settings]) -> dict[str, Any]:
    from pydantic_settings import SettingsError

    try:
        return _environment_source()(model)()
    except SettingsError as exc:
        cause = exc.__cause__
        if isinstance(cause, ConfigError):
            raise cause from None
        raise ConfigError("a variable of the environment can't be read") from None
