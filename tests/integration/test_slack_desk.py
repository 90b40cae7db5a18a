"""The slash command and the App Home: signed, escaped, ephemeral, and kept within Slack's limits."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from services.alert.due import DueRules
from services.alert.grouping import case_id
from services.alert.myth_rows import MythRecord
from services.alert.settings import AlertSettings
from services.alert.store import Store
from services.alert.web import create_app
from services.command.local_slack import LocalSlack, local_slack
from services.stream.settings import load
from tests.unit.alert.examples import MYTH, myth_event, wave

OFFICER = "U04OFFICER1"


@dataclass
class Desk:
    store: Store
    slack: LocalSlack
    client: httpx.AsyncClient

    async def post(self, path: str, body: bytes, kind: str = "application/x-www-form-urlencoded") -> httpx.Response:
        return await self.client.post(path, content=body, headers=self.slack.interactions.headers_of(body, kind))

    async def type(self, text: str) -> dict[str, Any]:
        fields = {"command": "/mythwatch", "text": text, "user_id": OFFICER, "trigger_id": f"{time.time_ns()}"}
        answer = await self.post("/slack/commands", urlencode(fields).encode())
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        assert found["response_type"] == "ephemeral"
        return found

    async def event(self, payload: dict[str, Any]) -> httpx.Response:
        return await self.post("/slack/events", json.dumps(payload).encode(), "application/json")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with local_slack(posts_per_second=None) as slack:
        settings = load(
            AlertSettings,
            {
                "MYTHWATCH_ALERT_SLACK_TOKEN": slack.token, "MYTHWATCH_ALERT_SLACK_SIGNING_SECRET": slack.signing_secret,
                "MYTHWATCH_ALERT_SLACK_BASE_URL": slack.base_url, "MYTHWATCH_ALERT_CONSOLE_URL": "https://console.example",
            },
        )  # fmt: skip
        store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db", due=DueRules())
        myth = myth_event()
        myth.claim["en"] = "Sunscreen <@U1> *causes* cancer & more"
        now = int(time.time() * 1000)
        await store.set_myths([MythRecord(MYTH, myth.SerializeToString())], now)
        await store.take(wave(4, at_ms=now - 1_000), now)
        transport = httpx.ASGITransport(app=create_app(store, settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://alert") as client:
            yield Desk(store, slack, client)
        await store.close()


async def test_open_lists_cases_escaped_and_linked(desk: Desk) -> None:
    for text in ("", "open", "  OPEN  "):
        (block,) = (await desk.type(text))["blocks"]
        words = block["text"]["text"]
        assert "&lt;@U1&gt;" in words
        assert "<@U1>" not in words
        assert f"<https://console.example/cases/{case_id(MYTH)}|open>" in words


async def test_a_case_is_found_by_the_beginning_of_its_id(desk: Desk) -> None:
    assert "Suggested answer" in str((await desk.type(f"case {case_id(MYTH)[:8]}"))["blocks"])
    assert "No case has an id" in (await desk.type("case 0000ffff0000"))["text"]


@pytest.mark.parametrize("text", ["help", "delete everything", "case <script>", "case", "x" * 5_000])
async def test_anything_else_is_help(desk: Desk, text: str) -> None:
    assert "/mythwatch open" in str((await desk.type(text))["blocks"])


async def test_opening_the_home_shows_open_cases_with_a_button(desk: Desk) -> None:
    event = {"type": "event_callback", "event": {"type": "app_home_opened", "user": OFFICER, "tab": "home"}}
    assert (await desk.event(event)).status_code == 200
    home = desk.slack.workspace.homes[OFFICER]
    assert home["blocks"][0]["text"]["text"] == "1 open case"
    assert home["blocks"][1]["accessory"]["value"] == case_id(MYTH)


async def test_slack_checks_the_address_and_odd_events_change_nothing(desk: Desk) -> None:
    answer = await desk.event({"type": "url_verification", "challenge": "abc"})
    assert answer.json() == {"challenge": "abc"}
    for payload in ({"type": "event_callback"}, {"event": {"type": "app_home_opened", "user": "<@U1>"}}, {"event": []}):
        assert (await desk.event(payload)).status_code in (200, 400)
    assert desk.slack.workspace.homes == {}


async def test_forged_and_replayed_requests_are_refused(desk: Desk) -> None:
    body = urlencode({"command": "/mythwatch", "text": "open"}).encode()
    headers = desk.slack.interactions.headers_of(body)
    assert (await desk.client.post("/slack/commands", content=body, headers=headers)).status_code == 200
    assert (await desk.client.post("/slack/commands", content=body, headers=headers)).status_code == 401
    assert (await desk.client.post("/slack/commands", content=body + b"x", headers=headers)).status_code == 401
    assert (await desk.client.post("/slack/events", content=b"{}")).status_code == 401
