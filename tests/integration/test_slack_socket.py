"""Socket Mode: clicks, forms, commands and the App Home without an open port, against a server true to Slack's wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from services.alert.cases import Status
from services.alert.grouping import case_id
from services.alert.slack_home import SlackDesk
from services.alert.slack_socket import SlackSocket
from services.alert.store import Store
from services.stream.failures import NotReady
from tests.contracts.slack_socket_server import APP_TOKEN, SocketServer, slack_socket_server
from tests.unit.alert.examples import MYTH, NOW, myth_record, wave

CASE = case_id(MYTH)


class Shown:
    """Forms and homes that were shown."""

    def __init__(self) -> None:
        self.forms: list[dict[str, Any]] = []
        self.homes: list[str] = []

    async def open(self, trigger_id: str, view: dict[str, Any]) -> None:
        self.forms.append(view)

    async def publish(self, person: str, view: dict[str, Any]) -> None:
        self.homes.append(person)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    await opened.set_myths([myth_record()], NOW)
    await opened.take(wave(4), NOW + 10)
    yield opened
    await opened.close()


@asynccontextmanager
async def listening(server: SocketServer, store: Store, token: str = APP_TOKEN) -> AsyncIterator[Shown]:
    shown, stopping = Shown(), asyncio.Event()
    desk = SlackDesk(store, shown, "http://console", "en")
    socket = SlackSocket(token, server.base_url, store, shown, desk, ping_s=0.5)
    running = asyncio.create_task(socket.run(stopping))
    try:
        yield shown
        assert not running.done(), "it goes on, whatever Slack does"
    finally:
        stopping.set()
        async with asyncio.timeout(10):
            await running


@pytest.fixture
async def server() -> AsyncIterator[SocketServer]:
    async with slack_socket_server() as running:
        yield running


def click(action: str = "acknowledge", at: str = "1.1") -> dict[str, Any]:
    button = {"action_id": action, "value": CASE, "action_ts": at}
    return {"type": "block_actions", "user": {"id": "U04OFFICER"}, "trigger_id": "1.2.3", "actions": [button]}


async def status(store: Store) -> Status:
    view = await store.view(CASE, NOW + 100)
    assert view is not None
    return view.case.status


async def test_a_click_is_recorded_before_it_is_acknowledged_and_once(server: SocketServer, store: Store) -> None:
    async with listening(server, store):
        await server.connected()
        for _ in range(2):
            assert await server.send("interactive", click(), envelope="same") == {}
            assert await status(store) is Status.ACKNOWLEDGED
    assert [entry.what for entry in await store.history(CASE)].count("acknowledged") == 1
    assert (await store.history(CASE))[0].via == "slack"


async def test_a_click_that_could_not_be_recorded_is_not_acknowledged(
    server: SocketServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise NotReady("the database is away")

    async with listening(server, store):
        await server.connected()
        with monkeypatch.context() as patched:
            patched.setattr(store, "decide", away)
            assert await server.send("interactive", click()) is None
        assert await status(store) is Status.OPEN
        assert await server.send("interactive", click()) == {}, "the next one is"


async def test_forms_commands_and_the_home_work_as_over_http(server: SocketServer, store: Store) -> None:
    async with listening(server, store) as shown:
        await server.connected()
        assert await server.send("interactive", click("ask_not_a_myth")) == {}
        (form,) = shown.forms
        values = {"state": {"values": {}}, "id": "V1", "hash": "1"}
        sent = {"type": "view_submission", "user": {"id": "U04OFFICER"}, "view": {**form, **values}}
        refused = await server.send("interactive", sent)
        assert refused is not None
        assert refused["response_action"] == "errors", "the form stays open and says what is missing"
        found = await server.send("slash_commands", {"command": "/mythwatch", "text": "open", "user_id": "U04OFFICER"})
        assert found is not None
        assert (found["response_type"], "Sunscreen" in str(found["blocks"])) == ("ephemeral", True)
        event = {"type": "event_callback", "event": {"type": "app_home_opened", "user": "U04OFFICER", "tab": "home"}}
        assert await server.send("events_api", event) == {}
        assert shown.homes == ["U04OFFICER"]


@pytest.mark.parametrize("payload", [{"type": "block_actions"}, {"type": "block_actions", "user": 7}, {"x": 1}])
async def test_what_can_t_be_read_is_acknowledged_and_takes_nothing_down(
    server: SocketServer, store: Store, payload: dict[str, Any]
) -> None:
    async with listening(server, store):
        await server.connected()
        assert await server.send("interactive", payload) == {}
        assert await server.send("something_new", payload) == {}
        assert await server.send("interactive", click()) == {}
        assert await status(store) is Status.ACKNOWLEDGED


@pytest.mark.parametrize("how", ["disconnect", "drop"])
async def test_a_lost_connection_is_opened_anew(server: SocketServer, store: Store, how: str) -> None:
    async with listening(server, store):
        await server.connected()
        await (server.disconnect() if how == "disconnect" else server.drop())
        await server.connected(2)
        assert await server.send("interactive", click()) == {}
        assert await status(store) is Status.ACKNOWLEDGED


async def test_a_refused_token_is_said_and_stops_nothing(
    server: SocketServer, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    async with listening(server, store, "xapp-wrong-secret"):
        async with asyncio.timeout(10):
            while not server.tried:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert (server.tried, server.opened) == (1, 0), "it is not hammered"
    said = capsys.readouterr()
    assert "MYTHWATCH_ALERT_SLACK_APP_TOKEN" in said.out + said.err
    assert "xapp-wrong-secret" not in said.out + said.err
