"""Cases told over Apprise and by signed webhooks, to local HTTP servers: once, again after a failure, and never with a post's words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from services.alert.cases import Action, Channel, Decision, Destination
from services.alert.chat import ChatNotifier
from services.alert.grouping import case_id
from services.alert.outages import Notice
from services.alert.retry import Ending
from services.alert.webhook import WebhookNotifier
from tests.integration.test_alert_outbox import drain, hurry, now_ms, opened, states
from tests.unit.alert.examples import MYTH, wave

SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
NAME = "desk"


class Hook:
    """A server that keeps what it is sent and answers as told."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        return web.Response(status=status, headers=headers)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.requests]


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    found = Hook()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield found
    await runner.cleanup()


def webhook(hook: Hook) -> WebhookNotifier:
    return WebhookNotifier({NAME: hook.url}, SECRET, "http://console", timeout_s=2.0)


def chat(hook: Hook) -> ChatNotifier:
    return ChatNotifier({NAME: hook.url.replace("http://", "json://")}, "http://console", "en")


async def test_a_webhook_is_signed_and_says_what_became_of_the_case(tmp_path: Path, hook: Hook) -> None:
    async with opened(tmp_path, Destination(Channel.WEBHOOK, NAME)) as store:
        await store.take(wave(4, at_ms=now_ms() - 1000), now_ms())
        await drain(store, webhook(hook))
        await store.decide(Decision(case_id(MYTH), Action.ACKNOWLEDGE, "officer", "console", "a1"), now_ms())
        await drain(store, webhook(hook))
    first, second = hook.bodies
    assert (first["type"], second["type"]) == ("case.told", "case.changed")
    assert first["data"]["case"]["claim"] == "Sunscreen causes cancer."
    assert second["data"]["case"]["status"] == "acknowledged"
    for headers, body in hook.requests:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        right = base64.b64encode(hmac.new(b"a secret of the tests", signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{right}"
        assert b"they lie about sunscreen" not in body, "posts can be deleted; what was sent can't be taken back"
        assert b"author1" not in body


async def test_a_webhook_for_operations_speaks_as_alertmanager_does(tmp_path: Path, hook: Hook) -> None:
    def notifier() -> WebhookNotifier:
        return WebhookNotifier({NAME: f"alertmanager+{hook.url}"}, SECRET, "http://console", timeout_s=2.0)

    async with opened(tmp_path, Destination(Channel.WEBHOOK, NAME)) as store:
        await store.take(wave(4, at_ms=now_ms() - 1000), now_ms())
        await drain(store, notifier())
        await store.decide(Decision(case_id(MYTH), Action.NOT_A_MYTH, "officer", "console", "a1", "a film"), now_ms())
        await drain(store, notifier())
    since_ms = now_ms()
    for over in (False, True):
        await notifier().send_notice(NAME, Notice(Channel.SLACK, since_ms, "token_revoked", over=over))
    told, judged, fails, works = hook.bodies
    assert [body["status"] for body in hook.bodies] == ["firing", "resolved", "firing", "resolved"]
    assert [body["version"] for body in hook.bodies] == ["4"] * 4
    (first,), (last,) = told["alerts"], judged["alerts"]
    assert (first["labels"]["alertname"], first["labels"]["severity"]) == ("MythwatchCase", "warning")
    assert first["annotations"]["summary"] == "Sunscreen causes cancer."
    assert first["generatorURL"] == f"http://console/cases/{case_id(MYTH)}"
    assert (first["fingerprint"], first["startsAt"]) == (last["fingerprint"], last["startsAt"]), "the same alert"
    assert (first["endsAt"], last["endsAt"] > last["startsAt"]) == ("0001-01-01T00:00:00Z", True)
    assert fails["alerts"][0]["fingerprint"] == works["alerts"][0]["fingerprint"] != first["fingerprint"]
    assert all(headers["webhook-signature"] for headers, _ in hook.requests)
    assert b"they lie about sunscreen" not in b"".join(body for _, body in hook.requests)


async def test_a_webhook_that_fails_gets_the_same_delivery_again(tmp_path: Path, hook: Hook) -> None:
    hook.answers = [(500, {}), (429, {"Retry-After": "0"})]
    async with opened(tmp_path, Destination(Channel.WEBHOOK, NAME)) as store:
        await store.take(wave(4, at_ms=now_ms() - 1000), now_ms())
        for _ in range(3):
            await drain(store, webhook(hook))
            hurry(tmp_path)
    assert len({headers["webhook-id"] for headers, _ in hook.requests}) == 1
    assert [state for _, state, _ in states(tmp_path)] == ["sent"]


@pytest.mark.parametrize(
    ("status", "ending"),
    [(301, Ending.BROKEN), (401, Ending.BROKEN), (410, Ending.BROKEN), (400, Ending.REJECTED), (502, Ending.UNSURE)],
)
async def test_what_a_webhook_answers_decides_what_is_next(hook: Hook, status: int, ending: Ending) -> None:
    hook.answers = [(status, {"Location": "http://127.0.0.1:1/"})]
    notifier = webhook(hook)
    attempt = await notifier.send_notice(NAME, Notice(Channel.SLACK, 1, "token_revoked"))
    await notifier.close()
    assert attempt.ending is ending
    assert hook.url not in attempt.error, "an address may hold a secret"
    assert len(hook.requests) == 1, "redirects are not followed"


async def test_a_name_that_the_settings_lack_is_said_so(hook: Hook) -> None:
    notice = Notice(Channel.SLACK, 1, "token_revoked")
    for notifier in (webhook(hook), chat(hook)):
        attempt = await notifier.send_notice("nobody", notice)
        assert attempt.ending is Ending.BROKEN
        assert "nobody" in attempt.error
        await notifier.close()


async def test_a_chat_service_is_told_once_and_again_only_when_it_matters(tmp_path: Path, hook: Hook) -> None:
    async with opened(tmp_path, Destination(Channel.CHAT, NAME)) as store:
        await store.take(wave(4, at_ms=now_ms() - 1000), now_ms())
        await drain(store, chat(hook))
        await store.take(wave(5, at_ms=now_ms() - 1000), now_ms())
        await drain(store, chat(hook))
        assert len(hook.requests) == 1, "one more post interrupts nobody"
        await store.take(wave(10, at_ms=now_ms() - 1000), now_ms())
        await drain(store, chat(hook))
    first, second = hook.bodies
    assert first["title"] == "Monitor: Sunscreen causes cancer."
    assert second["title"] == "Respond: Sunscreen causes cancer."
    assert "http://console/cases/" in first["message"]
    assert "they lie about sunscreen" not in first["message"] + second["message"]


async def test_a_chat_service_that_refuses_is_tried_again(tmp_path: Path, hook: Hook) -> None:
    hook.answers = [(500, {})]
    async with opened(tmp_path, Destination(Channel.CHAT, NAME)) as store:
        await store.take(wave(4, at_ms=now_ms() - 1000), now_ms())
        await drain(store, chat(hook))
        [(_, state, error)] = states(tmp_path)
        assert state == "pending"
        assert "127.0.0.1" not in error, "an address may hold a secret"
        hurry(tmp_path)
        await drain(store, chat(hook))
    assert [state for _, state, _ in states(tmp_path)] == ["sent"]
