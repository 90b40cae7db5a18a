"""The console in front of a real case store, as its tests use it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from services.alert.cases import Channel, Destination
from services.alert.console.routes import add_console
from services.alert.drafter import drafter_of
from services.alert.settings import AlertSettings
from services.alert.store import Store
from tests.unit.alert.examples import HOUR, NOW

PASSWORD = "a long password"


class Clock:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now_s = NOW / 1000 + 60

    def __call__(self) -> float:
        return self.now_s

    @property
    def now_ms(self) -> int:
        return int(self.now_s * 1000)


class Console:
    """A browser without script: keeps cookies, follows nothing by itself."""

    def __init__(self, client: httpx.AsyncClient, store: Store, clock: Clock) -> None:
        self.client, self.store, self.clock = client, store, clock

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def token(self, path: str) -> str:
        """The token of the forms on a page."""
        return field(await self.get(path), "csrf")

    async def try_sign_in(self, user: str = "officer", password: str = PASSWORD, **more: str) -> httpx.Response:
        form = {"csrf": await self.token("/sign-in"), "user": user, "password": password, **more}
        return await self.client.post("/sign-in", data=form)

    async def sign_in(self) -> None:
        answer = await self.try_sign_in()
        assert answer.status_code == 303, answer.text

    async def decide(self, case_id: str, action: str, **more: str) -> httpx.Response:
        page = await self.get(f"/cases/{case_id}")
        form = {"csrf": field(page, "csrf"), "act": field(page, "act"), "action": action, **more}
        return await self.client.post(f"/cases/{case_id}/decisions", data=form)


def field(page: httpx.Response, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, page.text
    return found[1]


@asynccontextmanager
async def console(folder: Path, **settings: Any) -> AsyncIterator[Console]:
    """A console on an empty store; nobody is signed in. `forget`: what an erasure is handed to."""
    places = (Destination(Channel.SLACK, "C0123456789"),)
    store = await Store.open(f"sqlite+aiosqlite:///{folder / 'alert.db'}", places)
    app, clock = FastAPI(), Clock()
    forget = settings.pop("forget", None)
    values = {"console_password": SecretStr(PASSWORD)} | settings
    drafter = drafter_of(AlertSettings(**values))
    add_console(app, store, AlertSettings(**values), clock, forget, drafter)
    base = "https://console.test" if values.get("console_url", "").startswith("https") else "http://console.test"
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            yield Console(client, store, clock)
    finally:
        await store.close()
        if drafter is not None:
            await drafter.close()


__all__ = ["HOUR", "NOW", "PASSWORD", "Clock", "Console", "console", "field"]
