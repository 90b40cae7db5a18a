"""Settings of the alert service: where cases are kept, who is told, and from when on a narrative is worth telling."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.alert.alertmanager import PREFIX as ALERTMANAGER
from services.alert.cases import Channel, Destination
from services.alert.due import DueRules
from services.alert.mail_address import is_mail_address
from services.alert.retention import Retention
from services.alert.texts import locale_of
from services.alert.triage import TriageRules


class AlertSettings(BaseSettings):
    """`MYTHWATCH_ALERT_*`. A channel whose settings are missing is off, which the service says once at start."""

    model_config = SettingsConfigDict(env_prefix="MYTHWATCH_ALERT_", extra="ignore")

    database_url: str = Field(
        "sqlite+aiosqlite:///.mythwatch/alert/alert.db",
        description="case store: sqlite+aiosqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/NAME",
        repr=False,
    )
    language: str = Field(
        "en",
        pattern="^[a-z]{2}$",
        description="language of alerts, digests and the console (en, nl), and of claims and facts where there is one",
    )

    slack_token: SecretStr | None = Field(
        None, description="bot token (xoxb-...); scopes chat:write and channels:history (groups:history if private)"
    )
    slack_signing_secret: SecretStr | None = Field(None, description="signing secret of the Slack app; buttons need it")
    slack_app_token: SecretStr | None = Field(
        None,
        description="app token (xapp-..., scope connections:write) for Socket Mode: buttons and commands without an open port",
    )
    slack_channel: str = Field("", description="id of the Slack channel that is told, such as C0123456789")
    slack_base_url: str = Field("https://slack.com/api/", description="Slack Web API address")
    slack_interval_s: float = Field(
        1.2, ge=0, le=60, description="least time between two Slack calls, seconds (Slack: 50 edits a minute)"
    )

    smtp_host: str = Field("", description="mail relay; empty: no e-mail")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port")
    smtp_user: str = Field("", description="user name at the relay; empty: no sign-in")
    smtp_password: SecretStr | None = Field(None, description="password at the relay")
    smtp_starttls: bool = Field(True, description="encrypt by STARTTLS and check the relay's certificate")
    email_from: str = Field("", description="sender of alert e-mails, such as mythwatch@hospital.example")
    email_to: str = Field("", description="who gets alert e-mails; comma-separated addresses")
    send_timeout_s: float = Field(10.0, ge=0.1, le=120, description="longest wait for Slack or the relay, seconds")
    chats: SecretStr | None = Field(
        None,
        description='other chat services: JSON of names and Apprise addresses, such as {"teams": "workflows://..."}',
    )
    webhooks: SecretStr | None = Field(
        None,
        description='signed webhooks: JSON of names and addresses, such as {"registry": "https://...", "ops": "alertmanager+https://..."}',
    )
    webhook_secret: SecretStr | None = Field(None, description="what signs them (Standard Webhooks)")

    console_url: str = Field(
        "", description="address of the console as people reach it; empty: http://127.0.0.1:<port>"
    )
    console_port: int = Field(8080, ge=1, le=65535, description="port of the console and of Slack's interactions")
    console_user: str = Field("officer", description="user name of the console")
    console_password: SecretStr | None = Field(None, description="password of the console")
    people: Path | None = Field(
        None,
        description="people file (YAML) of the console: names, roles, password hashes; empty: the one account above",
    )
    oidc_issuer: str = Field(
        "", description="OpenID Connect provider that people of the people file sign in with; empty: none"
    )
    oidc_client_id: str = Field("", description="what the provider calls this console")
    oidc_client_secret: SecretStr | None = Field(None, description="its secret at the provider")
    oidc_claim: str = Field("email", description="what of the ID token is a person's `account` in the people file")
    draft_url: str = Field(
        "",
        description="OpenAI-compatible endpoint, such as http://host/v1, that drafts answers when somebody asks for it: only the "
        "knowledge base is sent there, no post; empty: none",
    )
    draft_model: str = Field("", description="name of the model at that endpoint")
    draft_key: SecretStr | None = Field(None, description="key of that endpoint, if it needs one")
    draft_timeout_s: float = Field(
        10.0,
        ge=0.1,
        le=60,
        description="longest wait for a reply, seconds; one that is too long is asked for once more",
    )
    draft_per_hour: int = Field(30, ge=1, description="most requests to that endpoint in an hour")
    metrics_port: int = Field(9103, ge=1, le=65535, description="port of /metrics, /healthz and /readyz")

    routes: Path | None = Field(
        None,
        description="routes file (YAML): who is told of what, when; empty: Slack channel and addresses above, always",
    )

    review_publishers: str = Field(
        "",
        description="fact-checkers whose ClaimReview files may be imported in the console, by name or host, divided by commas",
    )

    min_posts: int = Field(3, ge=1, description="posts before people are told of a narrative")
    min_authors: int = Field(2, ge=1, description="distinct authors before people are told")
    high_harm_posts: int = Field(2, ge=1, description="posts before people are told when believing could do grave harm")
    respond_authors: int = Field(10, ge=1, description="distinct authors from which a narrative counts as wide")
    respond_per_hour: int = Field(
        10, ge=1, description="posts an hour from which it counts as wide, by half as many authors"
    )
    respond_shares: int = Field(100, ge=1, description="reposts from which it counts as wide, whoever wrote the posts")
    candidate_authors: int = Field(
        8, ge=2, description="distinct authors before people are told of a narrative that no known myth explains"
    )
    edit_interval_s: float = Field(
        20.0, ge=0, description="least time between two edits of a Slack message for growth, seconds"
    )
    email_interval_s: float = Field(900.0, ge=0, description="least time between two e-mails for growth, seconds")
    myth_wait_s: float = Field(
        15.0, ge=0, description="how long a post waits for a myth that is not known yet, seconds"
    )
    posts_days: int = Field(180, ge=1, description="how long flagged posts are kept, days")
    records_days: int = Field(
        730, ge=30, description="how long it is kept who was told, what was decided and what changed, days"
    )
    tombstone_days: int = Field(30, ge=1, description="how long it is remembered that a post was deleted, days")

    @property
    def slack_buttons(self) -> bool:
        """Can clicks reach us, by signed requests or by Socket Mode."""
        return self.slack_signing_secret is not None or self.slack_app_token is not None

    @property
    def oidc_secret(self) -> str:
        """Of the provider; empty without one."""
        return self.oidc_client_secret.get_secret_value() if self.oidc_client_secret else ""

    @property
    def publishers(self) -> frozenset[str]:
        """Of `review_publishers`."""
        return frozenset(one.strip() for one in self.review_publishers.split(",") if one.strip())

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        locale_of(value)
        return value

    @field_validator("email_from", "email_to")
    @classmethod
    def _addresses(cls, value: str) -> str:
        if not all(is_mail_address(part.strip()) for part in value.split(",") if part.strip()):
            raise ValueError("not an e-mail address")
        return value

    @field_validator("slack_base_url", "console_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("begins with http:// or https://")
        return value

    @field_validator("chats")
    @classmethod
    def _chat_addresses(cls, value: SecretStr | None) -> SecretStr | None:
        from services.alert.chat import trouble_with

        for name, address in _named(value).items():
            if trouble := trouble_with(address):
                raise ValueError(f"{name}: {trouble}")
        return value

    @field_validator("webhooks")
    @classmethod
    def _webhook_addresses(cls, value: SecretStr | None) -> SecretStr | None:
        for name, address in _named(value).items():
            plain = address.removeprefix(ALERTMANAGER)
            local = urlsplit(plain).hostname in ("127.0.0.1", "localhost", "::1")
            if not plain.startswith("https://") and not (local and plain.startswith("http://")):
                raise ValueError(f"{name}: begins with https:// or {ALERTMANAGER}https://")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _signing_secret(cls, value: SecretStr | None) -> SecretStr | None:
        coded = value.get_secret_value() if value else ""
        if coded.startswith("whsec_"):
            try:
                base64.b64decode(coded.removeprefix("whsec_"), validate=True)
            except ValueError:
                raise ValueError("after whsec_ comes base64, as the specification has it") from None
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        local = urlsplit(value).hostname in ("127.0.0.1", "localhost", "::1")
        if value and not value.startswith("https://") and not local:
            raise ValueError("begins with https://")
        return value

    @property
    def chat_addresses(self) -> dict[str, str]:
        """By name."""
        return _named(self.chats)

    @property
    def webhook_addresses(self) -> dict[str, str]:
        """By name; none without the secret that signs them."""
        return _named(self.webhooks) if self.webhook_secret else {}

    @property
    def triage_rules(self) -> TriageRules:
        return TriageRules(
            self.min_posts, self.min_authors, self.respond_authors, self.respond_per_hour, self.respond_shares,
            self.candidate_authors,
        )  # fmt: skip

    @property
    def retention(self) -> Retention:
        return Retention(self.posts_days * 86_400_000, self.records_days * 86_400_000)

    @property
    def due_rules(self) -> DueRules:
        return DueRules(
            self.min_posts, self.min_authors, self.high_harm_posts,
            int(self.edit_interval_s * 1000), int(self.email_interval_s * 1000),
        )  # fmt: skip

    @property
    def console(self) -> str:
        """Address of the console without a slash at its end."""
        return (self.console_url or f"http://127.0.0.1:{self.console_port}").rstrip("/")

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Who is told, by the settings that are complete."""
        found = []
        if self.slack_token and self.slack_channel:
            found.append(Destination(Channel.SLACK, self.slack_channel))
        if self.smtp_host and self.email_from:
            addresses = dict.fromkeys(a for part in self.email_to.split(",") if (a := part.strip()))
            found += [Destination(Channel.EMAIL, address) for address in addresses]
        found += [Destination(Channel.CHAT, name) for name in self.chat_addresses]
        found += [Destination(Channel.WEBHOOK, name) for name in self.webhook_addresses]
        return tuple(found)

    @property
    def channels(self) -> frozenset[Channel]:
        """Channels whose settings are complete; with a routes file the recipients are named there."""
        found = {destination.channel for destination in self.destinations}
        if self.routes and self.slack_token:
            found.add(Channel.SLACK)
        if self.routes and self.smtp_host and self.email_from:
            found.add(Channel.EMAIL)
        return frozenset(found)

    @property
    def off(self) -> dict[str, str]:
        """Channels that are off, and the settings that would turn them on."""
        needed: dict[str, dict[str, object]] = {
            "slack": {"SLACK_TOKEN": self.slack_token, "SLACK_CHANNEL": self.slack_channel},
            "slack buttons": {"SLACK_SIGNING_SECRET": self.slack_buttons},
            "email": {"SMTP_HOST": self.smtp_host, "EMAIL_FROM": self.email_from, "EMAIL_TO": self.email_to},
        }
        if self.webhooks:
            needed["webhook"] = {"WEBHOOK_SECRET": self.webhook_secret}
        if self.routes:
            del needed["slack"]["SLACK_CHANNEL"], needed["email"]["EMAIL_TO"]
        missing = {
            channel: ", ".join(f"MYTHWATCH_ALERT_{name}" for name, value in names.items() if not value)
            for channel, names in needed.items()
        }
        return {channel: names for channel, names in missing.items() if names}


def _named(value: SecretStr | None) -> dict[str, str]:
    """Names and addresses. Raises ValueError, without a word of the value: it holds secrets."""
    if value is None or not value.get_secret_value():
        return {}
    try:
        found = json.loads(value.get_secret_value())
    except ValueError:
        raise ValueError('not JSON; write {"name": "address"}') from None
    if not isinstance(found, dict) or not all(isinstance(one, str) and one for pair in found.items() for one in pair):
        raise ValueError('not names and addresses; write {"name": "address"}')
    if any(len(name) > 100 or not name.isprintable() for name in found):
        raise ValueError("names have at most 100 printable characters")
    return found
