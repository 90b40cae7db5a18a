"""A wrong or unknown setting is one clear error that never shows a value."""

from __future__ import annotations

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.stream.settings import SettingsError, StreamSettings, describe, load


class ExampleSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MYTHWATCH_EXAMPLE_")
    key: SecretStr = Field(min_length=16, description="a key")
    port: int = Field(80, ge=1, le=65535, description="a port")


def test_reads_the_environment_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYTHWATCH_KAFKA_BOOTSTRAP", "kafka:9092")
    assert load(StreamSettings).kafka_bootstrap == "kafka:9092"
    assert load(StreamSettings, {}).kafka_bootstrap == "127.0.0.1:9092"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match="_BOOTSTRP is not a setting; did you mean MYTHWATCH_KAFKA_BOOTSTRAP"):
        load(StreamSettings, {"MYTHWATCH_KAFKA_BOOTSTRP": "x"})
    load(StreamSettings, {"MYTHWATCH_INGEST_AUTHOR_KEY": "belongs to another class", "PATH": "/bin"})


def test_a_wrong_value_names_the_variable_and_hides_the_value() -> None:
    with pytest.raises(SettingsError, match="MYTHWATCH_EXAMPLE_PORT") as error:
        load(ExampleSettings, {"MYTHWATCH_EXAMPLE_KEY": "0123456789abcdef", "MYTHWATCH_EXAMPLE_PORT": "eighty"})
    assert "eighty" not in str(error.value)
    with pytest.raises(SettingsError, match="MYTHWATCH_EXAMPLE_KEY") as error:
        load(ExampleSettings, {"MYTHWATCH_EXAMPLE_KEY": "hunter2"})
    assert "hunter2" not in str(error.value)
    with pytest.raises(SettingsError, match=r"MYTHWATCH_EXAMPLE_KEY: Field required"):
        load(ExampleSettings, {})


def test_the_table_never_shows_a_secret() -> None:
    rows = {name: default for name, default, _ in describe(ExampleSettings)}
    assert rows == {"MYTHWATCH_EXAMPLE_KEY": "required", "MYTHWATCH_EXAMPLE_PORT": "80"}


@pytest.mark.parametrize("wrong", ["kafka", "kafka:", ":9092", "kafka:9092,other", "kafka:none", "kafka:99999", ""])
def test_a_broker_needs_host_and_port(wrong: str) -> None:
    with pytest.raises(SettingsError, match="MYTHWATCH_KAFKA_BOOTSTRAP: needs host:port"):
        load(StreamSettings, {"MYTHWATCH_KAFKA_BOOTSTRAP": wrong})
    load(StreamSettings, {"MYTHWATCH_KAFKA_BOOTSTRAP": "a:1, [::1]:9092"})


def test_a_name_in_lower_case_is_refused_rather_than_passed_over() -> None:
    with pytest.raises(SettingsError, match="did you mean MYTHWATCH_KAFKA_BOOTSTRAP"):
        load(StreamSettings, {"mythwatch_kafka_bootstrap": "kafka:9092"})
