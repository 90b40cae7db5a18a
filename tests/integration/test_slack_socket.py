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
from services.alert.people import People, Person, Role
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
        self.last = view


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    await opened.set_myths([myth_record()], NOW)
    await opened.take(wave(4), NOW + 10)
    yield opened
    await opened.close()


@asynccontextmanager
async def listening(
    server: SocketServer, store: Store, token: str = APP_TOKEN, people: People | None = None
) -> AsyncIterator[Shown]:
    shown, stopping = Shown(), asyncio.Event()
    desk = SlackDesk(store, shown, "http://console", "en", people=people)
    socket = SlackSocket(token, server.base_url, store, shown, desk, ping_s=0.5, people=people)
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


async def test_a_mistake_of_ours_is_logged_and_not_acknowledged(
    server: SocketServer, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def wrong(*_: object) -> None:
        raise RuntimeError("sunscreen gave my aunt cancer")

    monkeypatch.setattr(store, "decide", wrong)
    async with listening(server, store):
        await server.connected()
        assert await server.send("interactive", click(), within_s=1.0) is None
    said = capsys.readouterr()
    assert "slack_socket_failed" in said.out + said.err
    assert "RuntimeError" in said.out + said.err
    assert "sunscreen" not in said.out + said.err


async def test_an_answer_that_does_not_reach_slack_is_logged(
    server: SocketServer, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    decide = store.decide

    async def slowly(*given: Any) -> Any:
        await server.drop()
        await asyncio.sleep(0.3)
        return await decide(*given)

    monkeypatch.setattr(store, "decide", slowly)
    async with listening(server, store):
        await server.connected()
        assert await server.send("interactive", click(), within_s=1.0) is None
        await server.connected(2)
    said = capsys.readouterr()
    assert "slack_socket_not_acknowledged" in said.out + said.err
    assert await status(store) is Status.ACKNOWLEDGED, "it is recorded; Slack sends it again, which is known then"


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


@pytest.mark.parametrize(
    "payload", [{"type": "block_actions"}, {"type": "block_actions", "user": 7}, {"x": 1}, [1], None, 7, "x"]
)
async def test_what_can_t_be_read_is_acknowledged_and_takes_nothing_down(
    server: SocketServer, store: Store, payload: Any
) -> None:
    async with listening(server, store):
        await server.connected()
        for kind in ("interactive", "events_api", "slash_commands", "something_new"):
            assert await server.send(kind, payload) is not None
        await server.say([1, 2])
        await server.say({"no": "envelope"})
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


OUTAGES = [
    (200, {"ok": True}, {}),
    (200, {"ok": True, "url": 7}, {}),
    (200, {"ok": True, "url": "https://slack.example/"}, {}),
    (500, {}, {}),
    (503, {"ok": False, "error": "service_unavailable"}, {}),
    (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}),
    (200, {"ok": False, "error": "internal_error"}, {}),
]


@pytest.mark.parametrize("trouble", OUTAGES)
async def test_an_outage_is_said_and_over_as_soon_as_slack_is_back(
    server: SocketServer, store: Store, capsys: pytest.CaptureFixture[str], trouble: tuple[int, dict[str, Any], dict[str, str]]
) -> None:  # fmt: skip
    server.troubles = [trouble]
    async with listening(server, store):
        await server.connected(within_s=4.0)
        assert await server.send("interactive", click()) == {}
    said = capsys.readouterr()
    assert "slack_socket_away" in said.out + said.err
    assert "slack_socket_refused" not in said.out + said.err, "nobody has to mend a token"


async def test_a_socket_that_is_refused_gets_a_new_address(
    server: SocketServer, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    server.forbidden = 1
    async with listening(server, store):
        await server.connected(within_s=4.0)
    assert (server.tried, server.opened) == (2, 1)
    said = capsys.readouterr()
    assert "WSServerHandshakeError 403" in said.out + said.err
    assert "ticket" not in said.out + said.err


@pytest.mark.parametrize(
    "trouble", [*OUTAGES[:4], (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "600"})]
)
async def test_it_stops_at_once_whatever_slack_does(
    server: SocketServer, store: Store, trouble: tuple[int, dict[str, Any], dict[str, str]]
) -> None:
    server.troubles = [trouble] * 20
    async with listening(server, store):
        while server.tried < 1:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 1.0
    assert server.tried <= 2, "it waits longer each time"


async def test_socket_mode_that_was_turned_off_is_not_hammered(server: SocketServer, store: Store) -> None:
    async with listening(server, store):
        await server.connected()
        await server.disconnect("link_disabled")
        await asyncio.sleep(0.5)
        assert server.opened == 1
        await server.connected(2, within_s=4.0)


async def test_in_slack_too_people_do_what_their_role_lets_them(server: SocketServer, store: Store) -> None:
    people = People({
        "anna": Person("anna", "Anna", Role.OFFICER, "", slack="U04ANNA"),
        "vera": Person("vera", "Vera", Role.VIEWER, "", slack="U04VERA"),
    })  # fmt: skip
    listed = {"command": "/mythwatch", "text": "open"}
    async with listening(server, store, people=people) as shown:
        await server.connected()
        for stranger in ("U04VERA", "U04STRANGER"):
            for action in ("acknowledge", "ask_not_a_myth"):
                assert await server.send("interactive", {**click(action), "user": {"id": stranger}}) == {}
        assert await status(store) is Status.OPEN
        assert [form["title"]["text"] for form in shown.forms] == ["Not yours to do"] * 4
        assert "Sunscreen" in str(await server.send("slash_commands", {**listed, "user_id": "U04VERA"}))
        assert "Sunscreen" not in str(await server.send("slash_commands", {**listed, "user_id": "U04STRANGER"}))
        for person in ("U04STRANGER", "U04VERA"):
            event = {"type": "event_callback", "event": {"type": "app_home_opened", "user": person, "tab": "home"}}
            assert await server.send("events_api", event) == {}
            assert ("Sunscreen" in str(shown.last)) is (person == "U04VERA")
        assert await server.send("interactive", {**click(), "user": {"id": "U04ANNA"}}) == {}
        assert await status(store) is Status.ACKNOWLEDGED
