"""Settings of the local Slack and mail servers, drawn by the demo for each run."""

from __future__ import annotations

from pydantic import Field, SecretStr

from services.command.demo_settings import DemoSettings


class MessagesSettings(DemoSettings):
    """The demo's settings, and what Slack and the app share."""

    slack_token: SecretStr = Field(description="bot token that the local Slack server accepts")
    slack_signing_secret: SecretStr = Field(description="secret that the local Slack server signs clicks with")
    interactivity_url: str | None = Field(None, description="address that the local Slack server sends clicks to")
