"""Every setting, its default and its check. docs/operations.md describes each; a test keeps the two together."""

import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from runtime.errors import SettingsError

ENV_PREFIX = "FLEETFUME_"
SETTINGS_FILE = Path("fleetfume.toml")
DATABASE_SCHEMES = ("postgresql", "postgres")
BROKER_SCHEMES = ("mqtt", "mqtts")


class Settings(BaseSettings):
    """Made once by `load_settings`, handed on, never changed. `repr` shows no secrets."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid"
    )

    database_url: SecretStr | None = None
    """None: embedded PostgreSQL in `data_dir`."""
    mqtt_url: SecretStr | None = None
    """None: embedded broker in `data_dir`."""
    mqtt_ca_file: Path | None = None
    """None: the certificates this machine believes."""
    mqtt_cert_file: Path | None = None
    """Our own certificate, for a broker that asks for one."""
    mqtt_key_file: Path | None = None
    broker_auth_secret: SecretStr | None = Field(default=None, min_length=16)
    """What a broker shows that asks us who may connect; None: it is not answered."""
    topic_prefix: str = "ff/v1"
    data_dir: Path = Path(".fleetfume")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=0, le=65535)
    """0: a free one."""
    timezone: str = "Asia/Shanghai"
    language: Literal["zh-CN", "en"] = "zh-CN"
    office: str = Field(default="城市管理局", min_length=1, max_length=100)
    """The authority that letters are from."""
    rules_file: Path | None = None
    """None: the catalogue's defaults."""
    laws_file: Path | None = None
    """None: the law table that is shipped."""
    terminals_file: Path | None = None
    """None: every terminal speaks the standards, no vendor's dialect."""
    batch_max_rows: int = Field(default=20_000, ge=1, le=100_000)
    batch_max_ms: int = Field(default=500, ge=1, le=60_000)
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    retention_days: int = Field(default=400, ge=1)
    rate_limit_per_min: int = Field(default=60_000, ge=0)
    """Messages of one device; ten minutes' worth may come at once. 0: any number."""
    raw_days: int = Field(default=30, ge=1)
    """Messages as received; those that leads need are kept."""
    timestamp_url: str | None = Field(default=None, pattern="^https?://")
    """A time stamp authority (RFC 3161); None: evidence and journal are not stamped."""
    timestamp_ca_file: Path | None = None
    """Its certificates; None: its signatures are kept, not checked."""
    outbox_days: int = Field(default=30, ge=1)
    """How long a stream or a webhook can come back to an event."""

    @property
    def zone(self) -> ZoneInfo:
        """The zone of local rules: permit hours, meal times, days."""
        return ZoneInfo(self.timezone)

    @field_validator("database_url")
    @classmethod
    def _names_a_database(cls, url: SecretStr | None) -> SecretStr | None:
        return _with_scheme(url, DATABASE_SCHEMES)

    @field_validator("mqtt_url")
    @classmethod
    def _names_a_broker(cls, url: SecretStr | None) -> SecretStr | None:
        return _with_scheme(url, BROKER_SCHEMES)

    @model_validator(mode="after")
    def _has_a_key_for_its_certificate(self) -> Self:
        if (self.mqtt_cert_file is None) != (self.mqtt_key_file is None):
            raise ValueError("a certificate needs its key, and a key its certificate")
        return self

    @field_validator("topic_prefix")
    @classmethod
    def _is_a_plain_topic(cls, prefix: str) -> str:
        if not re.fullmatch(r"[^/+#\s]+(/[^/+#\s]+)*", prefix):
            raise ValueError("must be topic levels such as 'ff/v1', without wildcards or outer slashes")
        return prefix

    @field_validator("timezone")
    @classmethod
    def _is_a_known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("must be an IANA time zone such as 'Asia/Shanghai'") from error
        return name

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is handed in (flags over the file, see `load_settings`) beats the environment."""
        return init_settings, env_settings


def _with_scheme(url: SecretStr | None, schemes: tuple[str, ...]) -> SecretStr | None:
    """Return `url` if it names a host by one of `schemes`.

    Raises ValueError that does not repeat the URL: it may hold a password.
    """
    if url is None:
        return None
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(url.get_secret_value())
        parts.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        raise ValueError(f"must be a URL that starts with {wanted}") from error
    if parts.scheme not in schemes:
        raise ValueError(f"must start with {wanted}")
    if schemes == BROKER_SCHEMES and not parts.hostname:
        raise ValueError("must name a host, as in mqtt://broker.example:1883")
    return url


def load_settings(**flags: Any) -> Settings:
    """Read the environment, then `fleetfume.toml` of the working directory, then `flags`; later ones win.

    A flag that is None was not given. Raises SettingsError that names every wrong one and why.
    """
    from_file = _read_file()
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**{**from_file, **given})
    except ValidationError as error:
        problems = [_problem(detail, from_file, given) for detail in error.errors()]
        raise SettingsError("; ".join(problems)) from None


def _read_file() -> dict[str, Any]:
    try:
        return tomllib.loads(SETTINGS_FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{SETTINGS_FILE}: cannot be read: {error}") from error


def _problem(detail: Any, from_file: dict[str, Any], flags: dict[str, Any]) -> str:
    if not detail["loc"]:
        return f"{ENV_PREFIX}MQTT_CERT_FILE and {ENV_PREFIX}MQTT_KEY_FILE: {detail['msg'].removeprefix('Value error, ')}"
    name = str(detail["loc"][0])
    if name in flags:
        where = f"--{name.replace('_', '-')}"
    elif name in from_file:
        where = f"{SETTINGS_FILE}: {name}"
    else:
        where = ENV_PREFIX + name.upper()
    if detail["type"] == "extra_forbidden":
        return f"{where}: there is no such setting"
    message = detail["msg"].removeprefix("Value error, ")
    secret = name in {"database_url", "mqtt_url", "broker_auth_secret"}
    return f"{where}: {message}" + ("" if secret else f" (it is {detail['input']!r})")
