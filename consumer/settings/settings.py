"""Settings: one model of all that is configured. `loading` fills it from flags, the environment and a file.

Made by hand, `Settings(kafka=…)`, it holds what it is given and the defaults: it reads no environment.

Imported on first use: pydantic takes a tenth of a second, for which no `--version` or `--help` waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from consumer.errors import ConfigError
from consumer.settings.addresses import check_url, refuse_user
from consumer.settings.mistakes import told
from consumer.settings.secrets import Options, masked, remember_secrets, resolved

__all__ = ["Dashboard", "DashboardSource", "DaskTls", "Limits", "LocalCluster", "Settings", "Topics", "Window"]


def _number(value: Any) -> Any:
    """Return a value that may be a number, or a text that is one; pydantic would take a truth value for one, too."""
    if isinstance(value, bool):
        raise ValueError("a truth value")
    return value


def _options(value: dict[str, Any]) -> Options:
    remember_secrets(value)
    return Options(value)


def _names(value: Any) -> Any:
    """Return names as a text with commas between them; a list of YAML is as good."""
    return ", ".join(value) if isinstance(value, list | tuple) and all(isinstance(n, str) for n in value) else value


def _separate(names: str) -> tuple[str, ...]:
    return tuple(name for part in names.split(",") if (name := part.strip()))


_Whole = Annotated[int, Field(ge=1, le=2**53), BeforeValidator(_number)]
_Few = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(_number)]
_Days = Annotated[float, Field(gt=0, le=36_500, allow_inf_nan=False), BeforeValidator(_number)]
_Share = Annotated[float, Field(gt=0, le=1), BeforeValidator(_number)]
_Url = Annotated[str, AfterValidator(check_url)]
_Hosts = Annotated[str, AfterValidator(refuse_user)]
_Names = Annotated[str, BeforeValidator(_names), Field(max_length=10_000)]
_Options = Annotated[dict[str, Any], AfterValidator(_options), PlainSerializer(masked)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class DaskTls(_Group):
    """Files, in PEM, for a Dask scheduler at tls://."""

    ca_file: str | None = Field(default=None, description="certificates of who signed the scheduler's")
    cert_file: str | None = Field(default=None, description="our certificate")
    key_file: str | None = Field(default=None, description="the key of our certificate")

    def files(self) -> dict[str, str]:
        """Return the files that are named."""
        return self.model_dump(exclude_none=True)


class Topics(_Group):
    """What topics are made with; each job's manifest records the number of its partitions."""

    num_partitions: _Few = Field(default=10, description="partitions of a job's data topic")
    replication_factor: _Few | None = Field(
        default=None, description="copies of each partition; none: as the broker has it"
    )
    data_retention_days: _Days = Field(default=4.0, description="how long Kafka keeps alerts")
    manifest_retention_days: _Days = Field(default=30.0, description="how long Kafka keeps a job's manifest and schema")
    num_schema_copies: _Few = Field(
        default=1000, description="copies of the schema: a run of a client that polls it uses one up"
    )
    operators: _Names = Field(
        default="", description="Kafka's users who see to the jobs of all, with commas; they get rights on each topic"
    )

    def operator_names(self) -> tuple[str, ...]:
        """Return the names of the operators."""
        return _separate(self.operators)

    @model_validator(mode="after")
    def _manifest_outlives_data(self) -> Self:
        if self.manifest_retention_days < self.data_retention_days:
            raise ConfigError(
                f"topics.manifest_retention_days is {self.manifest_retention_days:g}, and "
                f"topics.data_retention_days {self.data_retention_days:g}",
                accepted="a manifest that is kept at least as long as the alerts: nobody could fetch them without it",
                next_step="raise the one or lower the other",
            )
        return self


class Window(_Group):
    """How many tasks of a job the cluster may have at once, each of one large fragment or of several small ones."""

    min_fragments: _Few = Field(default=32, description="so many, also on few threads")
    fragments_per_thread: _Few = Field(default=4, description="so many for each of the workers' threads, if more")


class Limits(_Group):
    """What one request may have, and one owner: a request that asks for more is refused, jobs beyond wait."""

    max_nights: _Whole | None = Field(default=None, description="nights that a request may name")
    max_alerts: _Whole | None = Field(default=None, description="alerts that it may send")
    max_nbytes: _Whole | None = Field(default=None, description="bytes of alerts, by their size in Kafka")
    max_running_jobs: _Whole | None = Field(default=None, description="jobs of an owner that run at once")


class LocalCluster(_Group):
    """The Dask cluster that is started on this machine where none is named."""

    num_workers: _Few | None = Field(default=None, description="worker processes; none: one a core, 8 at most")
    memory_fraction: _Share = Field(
        default=0.8, description="share of the machine's memory that they may take together"
    )


class DashboardSource(_Group):
    """An archive that the dashboard offers, under a name."""

    archive: _Url = Field(description="root of the archive")
    survey: str = Field(default="ztf", max_length=4_096, description="its survey: ztf, lsst, or a file of one")
    tns_catalogue: _Url | None = Field(default=None, description="Parquet or TNS's CSV with ra, declination, type")


class Dashboard(_Group):
    """What the dashboard offers, and to whom."""

    sources: dict[str, DashboardSource] = Field(
        default_factory=dict, description="name -> archive, survey, tns_catalogue; none: the settings' one archive"
    )
    survey: str = Field(default="ztf", max_length=4_096, description="survey of the settings' one archive")
    users_file: str | None = Field(default=None, description="who may log in: a file with a line name:hash for each")
    users: _Names = Field(
        default="",
        description="who may log in by OAuth: names, or @example.org for all of a domain, with commas; none: "
        "whomever the provider knows",
    )
    operators: _Names = Field(default="", description="users who see and cancel the jobs of all, with commas")
    user_limits: dict[str, Limits] = Field(
        default_factory=dict, description="user -> limits that count for this user in the place of `limits`"
    )
    frame_ancestors: _Names = Field(
        default="", description="origins whose pages may show the dashboard in a frame, with commas; none: no page"
    )

    def user_names(self) -> tuple[str, ...]:
        """Return who may log in by OAuth."""
        return _separate(self.users)

    def operator_names(self) -> tuple[str, ...]:
        """Return the names of the operators."""
        return _separate(self.operators)

    def frame_ancestor_names(self) -> tuple[str, ...]:
        """Return the origins that may show the dashboard in a frame."""
        return _separate(self.frame_ancestors)


class Settings(BaseSettings):
    """Where things are, and how jobs are run. Nothing in it is needed for work on one machine."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix="ALERT_TRANSFER_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
    )

    archive: _Url | None = Field(default=None, description="root of the archive that requests without one mean")
    kafka: _Hosts | None = Field(default=None, description="host:port[,host:port] of Kafka")
    dask: _Url | None = Field(default=None, description="tcp://host:port or tls://host:port of a Dask scheduler")
    tns_catalogue: _Url | None = Field(default=None, description="Parquet or TNS's CSV with ra, declination, type")
    storage_options: _Options = Field(
        default_factory=Options,
        description="fsspec's options for the archive: endpoint, credentials; a value: {env: NAME} or {file: PATH}",
    )
    kafka_options: _Options = Field(
        default_factory=Options,
        description="librdkafka's properties: security, credentials; a value: {env: NAME} or {file: PATH}",
    )
    login_options: _Options = Field(
        default_factory=Options,
        description="the dashboard's OAuth: provider, key, secret, redirect_uri, extra_params; cookie_secret, which "
        "keeps users logged in over a restart; a value: {env: NAME} or {file: PATH}",
    )
    dask_tls: DaskTls = Field(default_factory=DaskTls, description="certificates for a Dask scheduler at tls://")
    topics: Topics = Field(default_factory=Topics, description="what topics are made with")
    window: Window = Field(default_factory=Window, description="how many fragments of a job are in flight")
    limits: Limits = Field(default_factory=Limits, description="what one request may have")
    local: LocalCluster = Field(default_factory=LocalCluster, description="the Dask cluster on this machine")
    dashboard: Dashboard = Field(default_factory=Dashboard, description="what the dashboard offers, and to whom")

    def login(self) -> dict[str, Any]:
        """Return `login_options` with every secret read."""
        return resolved(self.login_options, "login_options")

    def for_user(self, name: str) -> Self:
        """Return the settings as they count for a user of the dashboard: with the user's own limits."""
        limits = self.dashboard.user_limits.get(name)
        return self if limits is None else self.model_copy(update={"limits": limits})

    if not TYPE_CHECKING:

        def __init__(self, *, _where=None, **values: Any):
            try:
                super().__init__(**values)
            except ValidationError as exc:
                raise told(exc, type(self), _where or (lambda _: "")) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Have settings that are made by hand hold what they are given: `load_settings` reads the other sources."""
        return (init_settings,)
