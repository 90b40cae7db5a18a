"""What ingest can be told, by environment variables MYTHWATCH_INGEST_*."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SERVICE = "ingest"
SOURCES = ("file", "http", "jetstream")
# A key that a person could guess would let anybody recompute the pseudonyms; 16 characters is the least we take.
MIN_SECRET = 16


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class IngestSettings(BaseSettings):
    """Sources, their secrets and their limits; durations are in seconds, sizes in bytes unless a name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="MYTHWATCH_INGEST_", extra="ignore", hide_input_in_errors=True)

    author_key: SecretStr = Field(
        description="secret that author pseudonyms are made with, at least 16 characters; keep it: another key is another set "
        "of pseudonyms"
    )
    api_key: SecretStr | None = Field(
        None, description="secret that clients of the HTTP door send, at least 16 characters"
    )
    sources: Names = Field(("http",), description="which sources to read: file, http, jetstream, comma-separated")
    languages: Names = Field(
        ("en", "nl", "de", "es", "fr", "it", "pt", "pl", "tr", "ar", "ru", "uk", "ro", "sv", "da"),
        description="ISO 639-1 codes that a post without a language is told among, comma-separated",
    )
    phone_regions: Names = Field(
        ("NL", "BE", "DE", "ES", "GB", "US"),
        description="ISO 3166 countries whose national phone numbers are masked; numbers with +country are masked anyway",
    )
    http_port: int = Field(8090, ge=1, le=65_535, description="port of the HTTP door")
    metrics_port: int = Field(9101, ge=1, le=65_535, description="port of /metrics, /healthz and /readyz")
    max_in_flight: int = Field(64, ge=1, le=1_000, description="most HTTP requests worked on at once; more get 429")
    max_in_flight_bytes: int = Field(
        32_000_000, ge=5_000_000, description="most bytes of request bodies held at once; more get 429"
    )
    file_path: Path | None = Field(
        None, description="NDJSON file, .gz or not, that the file source reads; - is standard input"
    )
    state_dir: Path = Field(Path(".mythwatch/ingest"), description="folder where sources keep how far they came")
    jetstream_hosts: Names = Field(
        (
            "jetstream1.us-east.bsky.network",
            "jetstream2.us-east.bsky.network",
            "jetstream1.us-west.bsky.network",
            "jetstream2.us-west.bsky.network",
        ),
        description="Bluesky Jetstream hosts, in order of preference, comma-separated; ws://host:port for one without TLS",
    )
    jetstream_idle_s: float = Field(
        30.0, gt=0, description="silence on an open socket after which another host is tried"
    )
    jetstream_rewind_s: float = Field(
        10.0, ge=0, description="how far to go back when another host takes over, seconds"
    )
    jetstream_gap_s: float = Field(
        60.0, gt=0, description="a first event this much later than where we stopped is reported as a gap, seconds"
    )

    @field_validator("author_key", "api_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < MIN_SECRET:
            raise ValueError(f"needs at least {MIN_SECRET} characters")
        return value

    @field_validator("sources")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in SOURCES]
        if unknown:
            raise ValueError(f"{unknown[0][:40]!r} is not a source; choose from {', '.join(SOURCES)}")
        if not value:
            raise ValueError(f"names no source; choose from {', '.join(SOURCES)}")
        return tuple(dict.fromkeys(value))

    @field_validator("jetstream_hosts")
    @classmethod
    def _some_host(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("names no host")
        return value
