"""Settings: environment variables only, one class a service, one clear error.

`MYTHWATCH_KAFKA_BOOTSTRAP` belongs to every service (StreamSettings); `MYTHWATCH_INGEST_...`, `MYTHWATCH_CLASSIFY_...` and
`MYTHWATCH_ALERT_...` to one. A misspelt name is an error, not a default that nobody asked for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_PROJECT = Path(__file__).resolve().parents[2]
# Names that begin with these belong to another class than StreamSettings (the demo's are read by the command).
OWNERS = ("INGEST_", "CLASSIFY_", "ALERT_", "DEMO_")


class SettingsError(ValueError):
    """A setting is missing, wrong or unknown; the message names the environment variable and the fix, never its value."""


class StreamSettings(BaseSettings):
    """What every service needs to take part in the stream."""

    model_config = SettingsConfigDict(env_prefix="MYTHWATCH_", extra="ignore")

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka brokers, host:port, comma-separated")
    kafka_replication: int = Field(1, ge=1, le=9, description="copies that `topics create` asks of each partition")
    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for people")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe line that is written"
    )
    listen_host: str = Field("127.0.0.1", description="address that metrics, health and web pages listen on")
    batch_size: int = Field(256, ge=1, le=4096, description="most records processed together")
    batch_wait_ms: int = Field(100, ge=1, le=10_000, description="longest wait for a batch to fill, milliseconds")
    dead_letter_share: float = Field(
        0.5, gt=0, le=1, description="share of a window that may be dead-lettered before the service stops instead"
    )
    dead_letter_window: int = Field(2_000, ge=10, description="records in that window")
    session_timeout_s: float = Field(10.0, ge=6, le=300, description="Kafka consumer session timeout, seconds")

    @field_validator("kafka_bootstrap")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for address in value.split(","):
            host, _, port = address.strip().rpartition(":")
            if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
                raise ValueError("needs host:port, such as kafka:9092, for each broker")
        return value


S = TypeVar("S", bound=BaseSettings)


def load(cls: type[S], environment: Mapping[str, str] | None = None) -> S:
    """Read `cls` from the environment; raises SettingsError naming the first wrong or unknown variable."""
    environment = os.environ if environment is None else environment
    prefix = str(cls.model_config.get("env_prefix", "")).upper()
    known = {prefix + name.upper() for name in cls.model_fields}
    for name in environment:
        if not name.upper().startswith(prefix) or name in known:
            continue
        if prefix == "MYTHWATCH_" and name.upper().removeprefix(prefix).startswith(OWNERS):
            continue
        raise SettingsError(f"{name} is not a setting{_nearest(name, known)}")
    values = {field: environment[name] for field in cls.model_fields if (name := prefix + field.upper()) in environment}
    try:
        # The environment is the one passed in: pydantic is kept from looking into the process's own.
        return cls(_env_prefix="MYTHWATCH__UNUSED__", **values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else ""
        raise SettingsError(
            f"{prefix}{field.upper()}: {first['msg'].removeprefix('Value error, ')}{_hint(cls, field)}"
        ) from None


def describe(cls: type[BaseSettings]) -> list[tuple[str, str, str]]:
    """(variable, default, meaning) of each setting, for the README's table; a secret's default is never shown."""
    prefix = str(cls.model_config.get("env_prefix", "")).upper()
    rows = []
    for name, field in cls.model_fields.items():
        default = "required" if field.is_required() else field.get_default(call_default_factory=True)
        if "Secret" in str(field.annotation):
            default = "required" if field.is_required() else "none (secret)"
        rows.append((prefix + name.upper(), _shown(default), field.description or ""))
    return rows


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    if isinstance(default, Path) and default.is_relative_to(_PROJECT):
        return str(default.relative_to(_PROJECT))  # the same on every machine
    return "" if default is None else str(default)


def _hint(cls: type[BaseSettings], field: str) -> str:
    description = cls.model_fields[field].description if field in cls.model_fields else None
    return f" ({description})" if description else ""


def _nearest(name: str, known: set[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name.upper(), known, n=1)
    return f"; did you mean {close[0]}?" if close else "; see the settings table in the README"
