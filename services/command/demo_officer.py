"""The officer of the demo: takes up the first case worth answering, in Slack, and answers it; so that the sample day has an end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx

from services.command.demo_settings import DemoSettings

TAKES_UP_AFTER_S = 12.0
ANSWERS_AFTER_S = 15.0
DIGEST_AFTER_S = 110
ANSWER = "https://hospital.example/answers/demo"

ROUTES = """# Made by the demo. See deploy/routes.example.yaml for all that routes can say.
places:
  myth desk: {{slack: C0MYTHWATCH}}
  officer: {{email: officer@hospital.example}}
rules:
  - name: Everything worth telling
    tell: [myth desk, officer]
digest:
  at: "{at}"
  days: [mon, tue, wed, thu, fri, sat, sun]
  to: [myth desk, officer]
"""


def routes(now: datetime) -> str:
    """The demo's routes file; its digest comes at the first full minute when the sample is over. `now`: UTC."""
    at = now + timedelta(seconds=DIGEST_AFTER_S + 59)
    return ROUTES.format(at=at.strftime("%H:%M"))


async def play_officer(settings: DemoSettings) -> None:
    """Until the first case worth answering has been answered. Never raises for a server that isn't there yet."""
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{settings.messages_port}", trust_env=False, timeout=5
    ) as slack:
        while (message := await _worth_answering(slack)) is None:
            await asyncio.sleep(1)
        await asyncio.sleep(TAKES_UP_AFTER_S)
        await _post(slack, "/control/click", {"ts": message["ts"], "action_id": "respond"})
        await asyncio.sleep(ANSWERS_AFTER_S)
        await _post(slack, "/control/click", {"ts": message["ts"], "action_id": "ask_answered"})
        values = {"url": {"value": {"type": "url_text_input", "value": ANSWER}}}
        await _post(slack, "/control/submit", {"values": values})


async def _worth_answering(slack: httpx.AsyncClient) -> dict[str, Any] | None:
    try:
        found = (await slack.get("/control/messages")).json()["messages"]
    except (httpx.HTTPError, ValueError):
        return None
    return next((one for one in found if "Respond:" in str(one.get("text"))), None)


async def _post(slack: httpx.AsyncClient, path: str, wish: dict[str, Any]) -> None:
    try:
        await slack.post(path, json=wish)
    except httpx.HTTPError:
        return  # the demo goes on without its officer
