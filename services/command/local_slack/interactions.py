"""What Slack does when a person clicks a button: a signed block_actions payload, answered within 3 seconds."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from services.command.local_slack.workspace import (
    APP_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    Message,
    SlackError,
    Workspace,
)

# https://docs.slack.dev/interactivity/handling-user-interaction: acknowledge within 3 s; a response_url lives 30 minutes, 5 uses.
ACKNOWLEDGE_S = 3.0
RESPONSE_URL_S, RESPONSE_URL_USES = 1_800, 5
TRIGGER_S = 3.0


@dataclass
class _ResponseUrl:
    message: Message
    user: str
    expires: float
    uses: int = 0


@dataclass
class Interactions:
    """Clicks sent to `url`, signed with `signing_secret`; `root` is this server's address for response URLs."""

    workspace: Workspace
    signing_secret: str
    url: str | None
    root: str = ""
    sent: list[dict[str, Any]] = field(default_factory=list)
    _response_urls: dict[str, _ResponseUrl] = field(default_factory=dict)
    _triggers: dict[str, tuple[float, bool]] = field(default_factory=dict)

    async def click(
        self, ts: str, action_id: str, user: str, *, block_id: str | None = None, channel: str | None = None
    ) -> dict[str, Any]:
        """Send the click; returns {ok, status, error, ms}. Raises SlackError when there is no such message or button."""
        message = next(
            (m for m in reversed(self.workspace.messages) if m.ts == ts and channel in (None, m.channel)), None
        )
        if message is None or message.deleted:
            raise SlackError("message_not_found")
        element, block = _element_of(message, action_id, block_id)
        if self.url is None:
            outcome = {
                "ok": False,
                "status": None,
                "error": "This app is not configured to handle interactive responses.",
                "ms": 0,
            }
        else:
            outcome = await self._send(self.payload(message, element, block, user))
            outcome.pop("answer")
        message.click_error = None if outcome["ok"] else str(outcome["error"])
        self.sent.append({"ts": ts, "action_id": action_id, "user": user, **outcome})
        return outcome

    async def submit(self, view_id: str, values: dict[str, dict[str, Any]], user: str) -> dict[str, Any]:
        """A person sends a form: {ok, status, error, ms, errors}; `errors` by block id keep the form open, otherwise it closes.

        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
        """
        view = next((v for v in self.workspace.views if v["id"] == view_id and not v.get("closed")), None)
        if view is None:
            raise SlackError("view_not_found")
        shown = {key: value for key, value in view.items() if key != "closed"}
        payload = {
            "type": "view_submission", "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
            "user": {"id": user, "username": self.workspace.people.get(user, user.lower()), "team_id": TEAM_ID},
            "api_app_id": APP_ID, "token": "verification-tokens-are-deprecated", "trigger_id": self._new_trigger(),
            "view": {**copy.deepcopy(shown), "state": {"values": values}}, "response_urls": [],
        }  # fmt: skip
        outcome = await self._send(payload)
        answer = outcome.pop("answer", {})
        outcome["errors"] = answer.get("errors", {}) if answer.get("response_action") == "errors" else {}
        view["closed"] = outcome["ok"] and not outcome["errors"]
        return outcome

    def payload(self, message: Message, element: dict[str, Any], block: dict[str, Any], user: str) -> dict[str, Any]:
        """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload"""
        name = self.workspace.people.get(user, user.lower())
        container: dict[str, Any] = {
            "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": False,
        }  # fmt: skip
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        action = {"action_id": element["action_id"], "block_id": block["block_id"], "text": element.get("text")}
        action |= {key: element[key] for key in ("value", "style", "url") if key in element}
        action |= {"type": element["type"], "action_ts": f"{time.time():.6f}"}
        return {
            "type": "block_actions",
            "user": {"id": user, "username": name, "name": name, "team_id": TEAM_ID},
            "api_app_id": APP_ID,
            "token": "verification-tokens-are-deprecated",
            "container": container,
            "trigger_id": self._new_trigger(),
            "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": message.channel, "name": self.workspace.channels[message.channel]},
            "message": self.workspace.wire_with_thread(message),
            "state": {"values": {}},
            "response_url": self._new_response_url(message, user),
            "actions": [copy.deepcopy(action)],
        }

    def signed(self, payload: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """(body, headers): https://docs.slack.dev/authentication/verifying-requests-from-slack, version v0."""
        body = urlencode({"payload": json.dumps(payload, separators=(",", ":"))}).encode()
        return body, self.headers_of(body)

    def headers_of(self, body: bytes, content_type: str = "application/x-www-form-urlencoded") -> dict[str, str]:
        """Headers of a signed request with `body`."""
        stamp = str(int(time.time()))
        digest = hmac.new(
            self.signing_secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256
        ).hexdigest()
        return {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={digest}",
        }

    async def _send(self, payload: dict[str, Any]) -> dict[str, Any]:
        body, headers = self.signed(payload)
        started = time.monotonic()
        status, error, raw = None, None, b""
        try:
            timeout = aiohttp.ClientTimeout(total=ACKNOWLEDGE_S)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(str(self.url), data=body, headers=headers, allow_redirects=False) as answer,
            ):
                raw = await answer.read()
                status = answer.status
                if status != 200:
                    error = f"This app responded with Status Code {status}."
        except TimeoutError:
            error = "This app didn't respond within 3 seconds."
        except aiohttp.ClientError as failure:
            error = f"This app can't be reached ({type(failure).__name__})."
        took = round((time.monotonic() - started) * 1000)
        said = json.loads(raw) if error is None and raw[:1] == b"{" else {}
        return {"ok": error is None, "status": status, "error": error, "ms": took, "answer": said}

    def _new_trigger(self) -> str:
        trigger = f"{time.time_ns() // 1_000_000}.{secrets.randbelow(10**13)}.{secrets.token_hex(16)}"
        self._triggers[trigger] = (time.time() + TRIGGER_S, False)
        return trigger

    def use_trigger(self, trigger: Any, now: float) -> None:
        """A trigger_id opens one view within 3 seconds."""
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        expires, used = self._triggers[trigger]
        if used:
            raise SlackError("exchanged_trigger_id")
        if now > expires:
            raise SlackError("expired_trigger_id")
        self._triggers[trigger] = (expires, True)

    def _new_response_url(self, message: Message, user: str) -> str:
        key = secrets.token_urlsafe(18)
        self._response_urls[key] = _ResponseUrl(message, user, time.time() + RESPONSE_URL_S)
        return f"{self.root}/actions/{TEAM_ID}/{key}"

    def respond(self, key: str, args: dict[str, Any], now: float) -> None:
        """What an app sends to a response_url: replace or delete the original, or answer in the channel or to the person alone."""
        target = self._response_urls.get(key)
        if target is None or now > target.expires:
            raise SlackError("expired_url")
        if target.uses >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        target.uses += 1
        place = {"channel": target.message.channel, "ts": target.message.ts}
        if args.get("delete_original"):
            self.workspace.delete(place)
        elif args.get("replace_original"):
            self.workspace.update({**args, **place}, now, via="response_url")
        elif args.get("response_type") == "in_channel":
            self.workspace.post({**args, **place}, now, via="response_url")
        else:
            self.workspace.people.setdefault(target.user, target.user.lower())
            self.workspace.post_ephemeral({**args, **place, "user": target.user}, now)


def _element_of(message: Message, action_id: str, block_id: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    for block in message.blocks:
        if block_id is not None and block.get("block_id") != block_id:
            continue
        elements = block.get("elements", []) if block.get("type") == "actions" else [block.get("accessory") or {}]
        for element in elements:
            if element.get("action_id") == action_id:
                return element, block
    raise SlackError("action_not_found")
