"""Settings: read from the environment alone, checked all at once, secrets from files where wanted.

`NAME_FILE` names a file that holds the value of `NAME`, for every secret. `docs/settings.md` explains each one.
"""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.errors import SettingsError

Region = Literal["us", "ca", "eu", "au"]

SECRET_NAMES = ("CLIO_CLIENT_SECRET", "JWT_SECRET", "ENCRYPTION_KEYS", "DATABASE_URL", "REDIS_URL")
"""Settings that may come from a file: `NAME_FILE` instead of `NAME`."""

KEY_BYTES = 32

_ORIGIN = re.compile(r"https?://(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")


class Settings(BaseSettings):
    """Everything the service reads from its environment."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    database_url: SecretStr | None = Field(
        default=None, description="PostgreSQL; absent = an embedded server in `data_dir`."
    )
    redis_url: SecretStr | None = Field(default=None, description="Redis; absent = an embedded server in `data_dir`.")
    data_dir: Path = Field(default=Path(".data"), description="Where embedded servers and generated secrets are kept.")
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the API listens on.")
    public_url: AnyHttpUrl = Field(
        default=AnyHttpUrl("http://127.0.0.1:8000"),
        description="How Clio and browsers reach the API; https outside a demo.",
    )
    clio_client_id: str = Field(description="The application's key, from Clio's developer portal.")
    clio_client_secret: SecretStr = Field(description="The application's secret, from Clio's developer portal.")
    clio_base_url: AnyHttpUrl | None = Field(
        default=None, description="Replaces Clio's host in every region; for the mock Clio, never in production."
    )
    clio_api_version: str = Field(
        default="4.0.13", pattern=r"^4\.\d+\.\d+$", description="X-API-VERSION of every request."
    )
    jwt_secret: SecretStr = Field(description="HMAC key of the bearer tokens; 32 characters or more.")
    encryption_keys: SecretStr = Field(
        description="`id:base64` of 32 random bytes, comma separated; the first encrypts, all decrypt."
    )
    database_pool_size: int = Field(default=8, ge=2, le=100, description="PostgreSQL connections per process.")
    request_timeout_s: float = Field(default=30.0, gt=0, le=300, description="Longest wait for one answer of Clio.")
    sync_concurrency: int = Field(default=4, ge=1, le=64, description="Sync runs a worker works on at once.")
    sync_pages_ahead: int = Field(
        default=8, ge=1, le=32, description="Most pages of one list that are asked for at once; 1 reads serially."
    )
    firm_concurrency: int = Field(
        default=3, ge=1, le=64, description="Sync runs of one firm at once, over all workers; one fewer in bulk."
    )
    lease_s: float = Field(
        default=15.0, ge=2, le=300, description="How long a run stays with a worker that went silent."
    )
    poll_factor: float = Field(default=1.0, gt=0, le=100, description="Multiplies every resource's polling interval.")
    retry_factor: float = Field(
        default=1.0, gt=0, le=100, description="Multiplies the waits before what failed is tried again."
    )
    webhook_max_bytes: int = Field(default=1_048_576, ge=1024, description="Largest delivery taken in; more is 413.")
    webhook_spill_max_bytes: int = Field(
        default=134_217_728, ge=0, description="Deliveries kept in Redis while PostgreSQL is away; more is 503."
    )
    webhook_days: float = Field(
        default=31.0, gt=0, le=31, description="Life asked for a webhook subscription, in days."
    )
    webhook_fetch_spacing_s: float = Field(
        default=3.0, ge=0, le=60, description="Least time between two fetches of one record that webhooks cause."
    )
    webhook_keep_processed_days: int = Field(
        default=90, ge=0, le=3650, description="Days a processed delivery is kept, never fewer than 2; 0 for ever."
    )
    webhook_keep_dead_days: int = Field(
        default=0, ge=0, le=3650, description="Days a dead letter is kept, never fewer than 2; 0 for ever."
    )
    sync_run_keep_days: int = Field(
        default=30, ge=0, le=3650, description="Days a poll that succeeded is kept as a run; 0 for ever."
    )
    history_keep_days: int | None = Field(
        default=None, ge=30, le=36_500, description="Days of history kept, purged by whole months; absent = for ever."
    )
    graphql_max_page: int = Field(default=200, ge=1, le=1000, description="Largest `first` or `last` of a connection.")
    graphql_timeout_s: float = Field(
        default=10.0, gt=0, le=300, description="Longest a statement of a query may run; then QUERY_TIMEOUT."
    )
    graphql_max_cost: int = Field(
        default=50_000, ge=1, description="Most objects that the pages of one operation may hold together."
    )
    graphql_trusted_documents: Path | None = Field(
        default=None, description="A file of documents by SHA-256, executed by their hash; see docs/graphql.md."
    )
    graphql_trusted_only: bool = Field(default=False, description="Whether to execute nothing but trusted documents.")
    graphql_allowed_origins: tuple[str, ...] = Field(
        default=(), description="Origins whose pages may call /graphql, comma separated."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but what `load_settings` passes, so that one environment mapping decides."""
        return (init_settings,)

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < KEY_BYTES:
            raise ValueError("must be 32 characters or more; `openssl rand -hex 32` makes one")
        return value

    @field_validator("encryption_keys")
    @classmethod
    def _readable_keys(cls, value: SecretStr) -> SecretStr:
        parse_encryption_keys(value.get_secret_value())
        return value

    @field_validator("database_url", "redis_url")
    @classmethod
    def _known_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        schemes = ("postgresql", "postgres", "redis", "rediss", "unix")
        if value is not None and urlsplit(value.get_secret_value()).scheme not in schemes:
            raise ValueError("must be a URL such as postgresql://user:password@host/database or redis://host:6379/0")
        return value

    @field_validator("graphql_allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("graphql_allowed_origins")
    @classmethod
    def _plain_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(_ORIGIN.fullmatch, value)):
            raise ValueError("must be origins such as https://app.example.com, comma separated: no path, no wildcard")
        return tuple(origin.lower() for origin in value)

    @property
    def public_base(self) -> str:
        """`public_url` without a trailing slash."""
        return str(self.public_url).rstrip("/")


def parse_encryption_keys(text: str) -> dict[str, bytes]:
    """Return key id -> 32 bytes, in order, from `id:base64,id:base64`.

    Raises:
        ValueError: a part is not of that form, or a key is not 32 bytes long.
    """
    keys: dict[str, bytes] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key_id, separator, encoded = part.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not key_id or not separator or len(key) != KEY_BYTES:
            raise ValueError("must be `id:base64` of 32 bytes each; `openssl rand -base64 32` makes one")
        keys[key_id] = key
    if not keys:
        raise ValueError("names no key; `openssl rand -base64 32` makes one")
    return keys


def find_encryption_keys(environment: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """Return the keys of an environment that need hold no other setting; none where it has none.

    Raises:
        SettingsError: they cannot be read.
    """
    found = dict(os.environ if environment is None else environment)
    problems = [each for each in _read_secret_files(found) if each.startswith("ENCRYPTION_KEYS")]
    try:
        keys = parse_encryption_keys(found["ENCRYPTION_KEYS"]) if found.get("ENCRYPTION_KEYS") else {}
    except ValueError as error:
        problems.append(f"ENCRYPTION_KEYS {error}")
    if problems:
        raise SettingsError(problems[0])
    return keys


def load_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the settings from an environment (the process's own unless given), `overrides` first.

    Raises:
        SettingsError: names every setting that is missing or wrong, in one message, without its value.
    """
    found = dict(os.environ if environment is None else environment)
    problems = list(_read_secret_files(found))
    fields = {name: found[name.upper()] for name in Settings.model_fields if found.get(name.upper())}
    try:
        settings = Settings(**{**fields, **overrides})
    except ValidationError as error:
        problems += [_describe(detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()]
    if problems:
        lines = "".join(f"\n  - {problem}" for problem in problems)
        raise SettingsError(f"{len(problems)} setting(s) need attention (see docs/settings.md):{lines}")
    return settings


def _read_secret_files(found: dict[str, str]) -> list[str]:
    """Replace `NAME_FILE` by `NAME` in place; return what is wrong."""
    problems = []
    for name in SECRET_NAMES:
        path = found.get(f"{name}_FILE")
        if not path:
            continue
        if found.get(name):
            problems.append(f"{name} and {name}_FILE are both set: keep one")
            continue
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            problems.append(f"{name}_FILE cannot be read: {error.strerror or type(error).__name__}")
    return problems


def _describe(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = str(location[0]).upper() if location else "the environment"
    if kind == "missing":
        return f"{name} is not set: {Settings.model_fields[name.lower()].description}"
    return f"{name} {message.removeprefix('Value error, ')}"
