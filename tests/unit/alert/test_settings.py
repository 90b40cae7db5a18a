"""Settings: a channel is on when all it needs is there; wrong ones name their variable, secrets are never shown."""

from __future__ import annotations

import pytest

from services.alert.cases import Channel, Destination
from services.alert.settings import AlertSettings
from services.stream.settings import SettingsError, describe, load

SLACK = {"MYTHWATCH_ALERT_SLACK_TOKEN": "xoxb-secret", "MYTHWATCH_ALERT_SLACK_CHANNEL": "C1"}
MAIL = {
    "MYTHWATCH_ALERT_SMTP_HOST": "relay",
    "MYTHWATCH_ALERT_EMAIL_FROM": "myth@hospital.example",
    "MYTHWATCH_ALERT_EMAIL_TO": "a@hospital.example, b@hospital.example ,a@hospital.example",
}


def test_channels_are_on_when_their_settings_are_there() -> None:
    assert load(AlertSettings, {}).destinations == ()
    assert set(load(AlertSettings, {}).off) == {"slack", "slack buttons", "email"}
    assert load(AlertSettings, SLACK).destinations == (Destination(Channel.SLACK, "C1"),)
    assert [place.recipient for place in load(AlertSettings, MAIL).destinations] == [
        "a@hospital.example",
        "b@hospital.example",
    ]
    without = {name: value for name, value in MAIL.items() if not name.endswith("FROM")}
    assert load(AlertSettings, without).destinations == ()
    assert "MYTHWATCH_ALERT_EMAIL_FROM" in load(AlertSettings, without).off["email"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MIN_POSTS", "0"), ("CONSOLE_PORT", "70000"), ("SMTP_STARTTLS", "maybe"), ("LANGUAGE", "English"),
        ("EMAIL_TO", "not an address"), ("EMAIL_FROM", "a@b\r\nBcc: x@y"), ("EMAIL_TO", "a@hospital.example, <b>"),
        ("SLACK_BASE_URL", "slack.com"), ("CONSOLE_URL", "javascript:x"), ("CHATS", "workflows://x"),
        ("CHATS", '{"teams": "nonsense://hunter2"}'), ("WEBHOOKS", '["https://x"]'), ("WEBHOOKS", '{"a": "http://x.example"}'),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"MYTHWATCH_ALERT_{name}"):
        load(AlertSettings, {f"MYTHWATCH_ALERT_{name}": value})


def test_chats_and_webhooks_are_told_by_their_names() -> None:
    chats = {"MYTHWATCH_ALERT_CHATS": '{"teams": "mmost://chat.example/token"}'}
    hooks = {"MYTHWATCH_ALERT_WEBHOOKS": '{"registry": "https://registry.example/hook"}'}
    assert load(AlertSettings, chats).destinations == (Destination(Channel.CHAT, "teams"),)
    assert load(AlertSettings, hooks).destinations == (), "nothing goes out unsigned"
    assert load(AlertSettings, hooks).off["webhook"] == "MYTHWATCH_ALERT_WEBHOOK_SECRET"
    signed = hooks | {"MYTHWATCH_ALERT_WEBHOOK_SECRET": "s"}
    assert load(AlertSettings, signed).destinations == (Destination(Channel.WEBHOOK, "registry"),)


def test_a_wrong_address_is_not_repeated_in_the_error() -> None:
    for value in ("{hunter2", '{"teams": "nonsense://hunter2"}', '{"a": ["hunter2"]}'):
        with pytest.raises(SettingsError) as wrong:
            load(AlertSettings, {"MYTHWATCH_ALERT_CHATS": value})
        assert "hunter2" not in str(wrong.value)


def test_secrets_are_not_shown() -> None:
    secrets = {
        "MYTHWATCH_ALERT_SMTP_PASSWORD": "hunter2",
        "MYTHWATCH_ALERT_DATABASE_URL": "postgresql+psycopg://u:hunter2@h/d",
    }
    assert "hunter2" not in repr(load(AlertSettings, secrets))
    assert "xoxb" not in repr(load(AlertSettings, SLACK))
    assert all(meaning for _, _, meaning in describe(AlertSettings))
