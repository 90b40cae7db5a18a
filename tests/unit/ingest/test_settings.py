"""Settings: one clear error each, and no secret in any of them."""

from __future__ import annotations

import pytest

from services.ingest.settings import IngestSettings
from services.stream.settings import SettingsError, describe, load

KEY = {"MYTHWATCH_INGEST_AUTHOR_KEY": "sixteen characters"}


def test_defaults_and_lists() -> None:
    settings = load(IngestSettings, {**KEY, "MYTHWATCH_INGEST_SOURCES": "jetstream, http,http"})
    assert settings.sources == ("jetstream", "http")
    assert load(IngestSettings, KEY).sources == ("http",)
    assert settings.http_port == 8090


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "MYTHWATCH_INGEST_AUTHOR_KEY"),
        ({"MYTHWATCH_INGEST_AUTHOR_KEY": "tooshortsecret"}, "at least 16 characters"),
        ({**KEY, "MYTHWATCH_INGEST_API_KEY": "tooshortsecret"}, "MYTHWATCH_INGEST_API_KEY"),
        ({**KEY, "MYTHWATCH_INGEST_SOURCES": "twitter"}, "choose from file, http, jetstream"),
        ({**KEY, "MYTHWATCH_INGEST_SOURCES": ""}, "names no source"),
        ({**KEY, "MYTHWATCH_INGEST_JETSTREAM_HOSTS": ","}, "names no host"),
        ({**KEY, "MYTHWATCH_INGEST_HTTP_PORT": "99999"}, "MYTHWATCH_INGEST_HTTP_PORT"),
        ({**KEY, "MYTHWATCH_INGEST_HTPP_PORT": "1"}, "did you mean MYTHWATCH_INGEST_HTTP_PORT"),
    ],
)
def test_an_error_names_the_variable_and_never_a_secret(environment: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(IngestSettings, environment)
    assert says in str(caught.value)
    assert "tooshortsecret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_secrets_do_not_show() -> None:
    settings = load(IngestSettings, {**KEY, "MYTHWATCH_INGEST_API_KEY": "another long secret"})
    assert "sixteen" not in repr(settings)
    assert "another" not in repr(settings)
    assert all(
        "secret)" in default or default == "required"
        for name, default, _ in describe(IngestSettings)
        if name.endswith("_KEY")
    )
