"""The settings themselves: name, kind, default and one line of help each, and what follows from them.

Nothing here reads a file or the environment: that is `tonearm.settings.loading`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import AliasGenerator, Field, PrivateAttr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tonearm.errors import SetupError
from tonearm.model import Retention, SubmitLimits
from tonearm.settings import kinds
from tonearm.settings.kinds import Reloadable

_DAY_MS = 86_400_000
_WITHOUT_PREFIX = frozenset(
    {
        *("REDIS_URL", "REDIS_DISABLED", "DOWNLOAD_DIR", "INTERNAL_API_URL", "INTERNAL_API_TOKEN", "HOST", "PORT"),
        *("UNIX_SOCKET", "TLS_CERT", "TLS_KEY", "BASE_PATH", "LOG_FORMAT", "LOG_LEVEL"),
    }
)


def _wire_name(attribute: str) -> str:
    """The name outside: `job_timeout_ms` is `QUEUE_JOB_TIMEOUT_MS`, `redis_url` is `REDIS_URL`."""
    name = attribute.upper()
    return name if name in _WITHOUT_PREFIX else f"QUEUE_{name}"


def _usual_database() -> Path:
    try:
        return user_data_path("tonearm") / "queue.db"
    except RuntimeError:  # an id without a name, and no HOME
        raise SetupError("QUEUE_DATABASE must be set here: this user has no home folder for its default") from None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings come from. *file*: the TOML file that was read; *warnings*: what people should know of it all."""

    flags: Mapping[str, str] = field(default_factory=dict)
    env_file: Path = Path(".env")
    file: Path | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Settings(BaseSettings):
    """All settings. `Settings()` has the defaults alone; `load` is what a program calls.

    One object is handed to every part of a process, and those read it at use: nobody changes it but `take`, at a
    reload. A part that has to make something of a setting beforehand is told then (`tonearm.cli.rereading`).
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        case_sensitive=True,
        env_ignore_empty=True,
        alias_generator=AliasGenerator(validation_alias=_wire_name),
        hide_input_in_errors=True,
    )
    job_timeout_ms: Reloadable[kinds.Millis] = Field(
        30_000, description="Longest wait for a connection, and longest silence on the line."
    )
    processing_timeout_ms: Reloadable[kinds.Millis] = Field(
        300_000, description="Longest stay of one track, from claim to commit."
    )
    max_retries: Reloadable[kinds.Retries] = Field(3, description="Further attempts after a failure that may pass.")
    retry_backoff_ms: Reloadable[kinds.Millis] = Field(
        1_000,
        description="First pause before another attempt; then 2, 5 and 10 times it. "
        "A host that cannot be reached rests 5 to 60 times it, and is given up after 600 times it.",
    )
    retry_after_max_ms: Reloadable[kinds.Millis] = Field(
        900_000, description="Longest Retry-After of a server that is honoured, for all requests to its host."
    )
    max_size: Reloadable[kinds.Count] = Field(1_000, description="Unfinished jobs that one client may have.")
    rate_limit_per_min: Reloadable[kinds.CountOrOff] = Field(10, description="Submissions of one client in 60 seconds.")
    cleanup_interval_ms: Reloadable[kinds.Millis] = Field(
        3_600_000, description="Time between two removals of old records."
    )
    retention_days_success: Reloadable[kinds.Days] = Field(
        1.0, description="How long completed jobs keep their record."
    )
    retention_days_failed: Reloadable[kinds.Days] = Field(
        7.0, description="How long failed jobs and partial albums keep their record."
    )
    retention_days_cancelled: Reloadable[kinds.Days] = Field(
        1.0, description="How long cancelled jobs keep their record."
    )
    delete_retention_ms: Reloadable[kinds.MillisOrOff] = Field(
        0, description="How long a deleted job still reads as cancelled."
    )
    disk_space_min_mb: Reloadable[kinds.Megabytes] = Field(
        100.0, description="Free space below which nothing is downloaded."
    )
    disk_full: Reloadable[Annotated[Literal["fail", "hold"], kinds.Lower]] = Field(
        "fail", description="When the disk is full: fail the job, or hold the queue until there is room."
    )
    max_concurrent: Reloadable[kinds.Count] = Field(4, description="Transfers at a time, per worker process.")
    warn_size: Reloadable[kinds.Count] = Field(
        100, description="Unfinished jobs from which the queue's level is `warn`."
    )
    critical_size: Reloadable[kinds.Count] = Field(
        500, description="Unfinished jobs from which submissions are refused."
    )
    max_body_bytes: Reloadable[kinds.Bytes] = Field(1_024, description="Largest body of a request, per job in it.")
    max_file_mb: Reloadable[kinds.Megabytes] = Field(4_096.0, description="Largest file that is downloaded.")
    heartbeat_ms: kinds.Millis = Field(60_000, description="Time between two signs of life of a worker.")
    worker_dead_ms: kinds.Millis = Field(120_000, description="Silence after which a worker counts as dead.")
    lease_ms: kinds.Millis = Field(60_000, description="How long a claim is valid unless it is renewed.")
    shutdown_grace_ms: Reloadable[kinds.Millis] = Field(
        10_000, description="Time that running transfers get at a stop."
    )
    bandwidth_limit: Reloadable[kinds.Speed] = Field(0, description="Speed of all transfers of a process together.")
    client_max_concurrent: Reloadable[kinds.CountOrOff] = Field(
        0, description="Downloads of one client at a time, by all workers together."
    )
    client_daily_bytes: Reloadable[kinds.BytesOrOff] = Field(
        0, description="Bytes that one client may receive in 24 hours."
    )
    fallback: Annotated[Literal["spool", "memory", "off"], kinds.Lower] = Field(
        "spool", description="Where submissions go while Redis is away: the database, memory, or nowhere."
    )
    verify: Reloadable[Annotated[Literal["full", "quick"], kinds.Lower]] = Field(
        "full", description="Decode every file whole before it is filed, or look at its structure only."
    )
    on_conflict: Reloadable[Annotated[Literal["keep", "replace", "skip"], kinds.Lower]] = Field(
        "keep", description="When another file has the name: number the new one, replace the old, or skip."
    )
    name_template: kinds.Text = Field(
        "{albumartist|artist}/{album}/{disc-}{track:02} {title}.{ext}", description="Folders and names in the library."
    )
    umask: kinds.Umask | None = Field(
        None, description="Permissions taken from new files; unset: those of the process."
    )
    quality_aliases: Reloadable[kinds.QualityAliases] = Field(
        {}, description="Other words for the three qualities LOW, HIGH and LOSSLESS."
    )
    trusted_proxies: kinds.Networks = Field((), description="Proxies whose X-Forwarded headers are believed.")
    allowed_hosts: Reloadable[kinds.Hosts] = Field(
        (), description="Further names by which this server may be called (Host header)."
    )
    fetch_allow: Reloadable[kinds.HostPorts] = Field((), description="Private hosts that may be downloaded from.")
    max_streams: Reloadable[kinds.Count] = Field(
        1_000, description="Event streams open at a time; a tenth of it, or 10, of one client."
    )
    webhook_urls: kinds.WebUrls = Field((), repr=False, description="Addresses that are told when a job ends.")
    webhook_secret: kinds.Secret | None = Field(
        None, description="Key by which webhooks are signed; one that begins with `whsec_` is base64 behind it."
    )
    webhook_timeout_ms: Reloadable[kinds.Millis] = Field(
        10_000, description="Longest wait for the answer to a webhook, or for a message to be taken."
    )
    notify_urls: kinds.ServiceUrls = Field(
        (),
        repr=False,
        description="Services such as mail or a chat that are given a message when a job ends (`tonearm[apprise]`).",
    )
    redis_url: kinds.RedisUrl | None = Field(
        None,
        repr=False,
        description="Redis or Valkey where processes share the queue; unset: SQLite.",
    )
    redis_disabled: Annotated[bool, kinds.Kind("", "true or false")] = Field(
        default=False, description="Do not use Redis, whatever REDIS_URL says."
    )
    database: kinds.FilePath = Field(
        default_factory=_usual_database,
        description="SQLite file of the queue.",
        json_schema_extra={"shown": "tonearm/queue.db in the user's data folder"},
    )
    download_dir: kinds.FilePath = Field(
        default_factory=lambda: kinds.folder(Path("music")),
        description="The library.",
        json_schema_extra={"shown": "./music"},
    )
    stage_dir: kinds.FilePath = Field(
        default_factory=lambda given: given.get("download_dir", Path()) / ".tonearm",
        description="Where files lie until they are verified; on the library's volume.",
        json_schema_extra={"shown": "<library>/.tonearm"},
    )
    internal_api_url: kinds.WebUrl | None = Field(None, repr=False, description="The catalog.")
    internal_api_token: Reloadable[kinds.Secret | None] = Field(
        None, description="Bearer token for the catalog's host."
    )
    host: kinds.Text = Field("127.0.0.1", description="Address to listen on.")
    port: kinds.PortNumber = Field(8_080, description="Port to listen on.")
    unix_socket: kinds.FilePath | None = Field(None, description="Unix socket to listen on instead of host and port.")
    tls_cert: kinds.FilePath | None = Field(None, description="Certificate chain (PEM); the server then speaks HTTPS.")
    tls_key: kinds.FilePath | None = Field(
        None, description="Key of the certificate (PEM), unless it is in the same file."
    )
    base_path: kinds.BasePath = Field("", description="Path under which a proxy serves us.")
    log_format: Reloadable[Annotated[Literal["text", "json"], kinds.Lower]] = Field(
        "text", description="Form of the log lines."
    )
    log_level: Reloadable[kinds.LogLevels] = Field(
        "info", description="The least severe level that is logged, of the whole and of parts."
    )

    _origin: Origin = PrivateAttr()

    def __init__(self, origin: Origin = Origin(), **values: Any) -> None:
        super().__init__(**values)
        self._origin = origin

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """`load` reads the other sources itself, to know which value came from where."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @property
    def origin(self) -> Origin:
        """Where these settings come from."""
        return self._origin

    def source(self, name: str) -> str:
        """Where the value of this setting comes from: `default`, the path of a file, `environment` or `flag`."""
        return self._origin.sources.get(name, "default")

    def differences(self, other: Settings) -> tuple[str, ...]:
        """The names of the settings that have another value there."""
        return tuple(name for name, key in ATTRIBUTES.items() if getattr(self, key) != getattr(other, key))

    def take(self, newer: Settings) -> None:
        """Let each setting that can change at run time be as in *newer*, all in one step; the others stay."""
        self.__dict__.update({ATTRIBUTES[name]: getattr(newer, ATTRIBUTES[name]) for name in RELOADABLE})

    def catalog_url(self) -> str:
        """The catalog's base URL, without a slash at the end.

        Raises:
            SetupError: none is set; says how to get one.
        """
        if self.internal_api_url is None:
            raise SetupError(
                "No catalog is set. Give the address of one as INTERNAL_API_URL, "
                "or serve a folder of music as one: tonearm catalog serve DIR"
            )
        return self.internal_api_url

    def shared_queue(self) -> str | None:
        """The address of the queue that processes share; None: one process has it in a file."""
        return None if self.redis_disabled else self.redis_url

    def retention(self) -> Retention:
        """How long finished jobs keep their record."""
        return Retention(
            completed_ms=round(self.retention_days_success * _DAY_MS),
            failed_ms=round(self.retention_days_failed * _DAY_MS),
            cancelled_ms=round(self.retention_days_cancelled * _DAY_MS),
        )

    def disk_space_min_bytes(self) -> int:
        """Bytes that stay free on the volume of stage and library."""
        return round(self.disk_space_min_mb * 1_000_000)

    def submit_limits(self) -> SubmitLimits:
        """What the store enforces at a submission."""
        return SubmitLimits(
            rate_per_minute=self.rate_limit_per_min,
            client_unfinished=self.max_size,
            queue_unfinished=self.critical_size,
            client_bytes=self.client_daily_bytes,
        )


FIELDS: Mapping[str, FieldInfo] = MappingProxyType(
    {_wire_name(name): field for name, field in Settings.model_fields.items()}
)
"""Every setting by its name outside, in the order of the documents."""

ATTRIBUTES: Mapping[str, str] = MappingProxyType({_wire_name(name): name for name in Settings.model_fields})
"""The attribute of each setting by its name outside."""

RELOADABLE: frozenset[str] = frozenset(
    name for name, field in FIELDS.items() if kinds.Mark.RELOADABLE in field.metadata
)
"""Settings that can change while a process runs, at SIGHUP; the others need a restart."""
