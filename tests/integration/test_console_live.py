"""Server-sent events of the console, over a real HTTP server: told as it happens, only to who is signed in, and closed with the session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from services.alert.console.live import LOOK_EVERY_S, MOST_OPEN, Changes
from services.alert.settings import AlertSettings
from services.alert.store import Store
from services.alert.web import create_app, serve_web
from tests.conftest import free_port
from tests.unit.alert.console_app import PASSWORD, field
from tests.unit.alert.examples import NOW, myth_record, wave

SOON_S = 10 * LOOK_EVERY_S


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/alert.db")
    await opened.set_myths([myth_record()], NOW)
    yield opened
    await opened.close()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    port, stopping = free_port(), asyncio.Event()
    app = create_app(store, AlertSettings(console_password=SecretStr(PASSWORD)))
    serving = asyncio.create_task(serve_web(app, "127.0.0.1", port, stopping))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=SOON_S) as opened:
            while True:
                try:
                    await opened.get("/sign-in")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
            yield opened
    finally:
        stopping.set()
        await serving


async def sign_in(client: httpx.AsyncClient) -> None:
    form = {"csrf": field(await client.get("/sign-in"), "csrf"), "user": "officer", "password": PASSWORD}
    assert (await client.post("/sign-in", data=form)).status_code == 303


async def until(lines: AsyncIterator[str], wanted: str) -> None:
    async with asyncio.timeout(SOON_S):
        async for line in lines:
            if line == wanted:
                return
    raise AssertionError(f"the stream ended without {wanted!r}")


async def test_open_pages_are_told_when_something_changed(client: httpx.AsyncClient, store: Store) -> None:
    await sign_in(client)
    async with client.stream("GET", "/live/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.aiter_lines()
        await until(lines, "retry: 3000")
        await store.take(wave(3), NOW)
        await until(lines, "event: change")
        await store.take(wave(1, start=9), NOW + 10)
        await until(lines, "event: change")


async def test_nobody_else_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.get("/live/events")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


async def test_signing_out_ends_it(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    token = field(await client.get("/"), "csrf")
    async with client.stream("GET", "/live/events") as answer:
        lines = answer.aiter_lines()
        await until(lines, "retry: 3000")
        await client.post("/sign-out", data={"csrf": token})
        async with asyncio.timeout(SOON_S):
            assert [line async for line in lines if line.startswith("event")] == []


async def test_many_open_pages_cost_one_look_a_second(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    reading = store.database.reading

    def counted():  # type: ignore[no-untyped-def]
        nonlocal looks
        looks += 1
        return reading()

    monkeypatch.setattr(store.database, "reading", counted)
    changes = Changes(store)
    await asyncio.gather(*(changes.state() for _ in range(MOST_OPEN)))
    assert looks == 1
