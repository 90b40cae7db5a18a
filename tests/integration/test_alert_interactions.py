"""Slack's buttons over HTTP: signed clicks change the case once, forged, stale and replayed ones change nothing."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from pydantic import SecretStr

from services.alert.cases import Action, Channel, Decision, Destination, Status
from services.alert.due import DueRules
from services.alert.grouping import case_id
from services.alert.outbox import send_until
from services.alert.settings import AlertSettings
from services.alert.slack import SlackNotifier
from services.alert.store import Store
from services.alert.web import create_app, serve_web
from services.command.local_slack import LocalSlack, local_slack
from services.stream.ports import PortTaken
from tests.conftest import free_port
from tests.unit.alert.examples import MYTH, myth_record, wave


@dataclass
class Running:
    store: Store
    slack: LocalSlack
    url: str
    folder: Path

    async def until(self, condition: object) -> None:
        async with asyncio.timeout(10):
            while not condition():  # type: ignore[operator]
                await asyncio.sleep(0.02)

    def states(self) -> list[str]:
        with sqlite3.connect(self.folder / "alert.db") as database:
            return [state for (state,) in database.execute("SELECT state FROM notifications")]

    async def status(self) -> Status:
        view = await self.store.view(case_id(MYTH), now_ms())
        assert view is not None
        return view.case.status

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.post(self.url, content=body, headers=headers)).status_code

    def click(self, action: str = "acknowledge", user: str = "U04OFFICER1") -> dict[str, object]:
        """A click's payload as Slack sends it."""
        (message,) = self.slack.messages
        block = message.blocks[-1]
        element = next(element for element in block["elements"] if element["action_id"] == action)
        return self.slack.interactions.payload(message, element, block, user)


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Running]:
    """A told case, the web server, and the sender; with a people file where a test gives one."""
    people = tmp_path / "people.yaml"
    people.write_text(getattr(request, "param", ""))
    async with local_slack(posts_per_second=None) as slack:
        store = await Store.open(
            f"sqlite+aiosqlite:///{tmp_path}/alert.db",
            (Destination(Channel.SLACK, slack.channel),),
            due=DueRules(edit_interval_ms=0),
        )
        port = free_port()
        settings = AlertSettings(
            slack_signing_secret=SecretStr(slack.signing_secret), slack_token=SecretStr(slack.token),
            slack_base_url=slack.base_url, console_port=port, people=people if people.read_text() else None,
        )  # fmt: skip
        stopping = asyncio.Event()
        notifier = SlackNotifier(slack.token, slack.base_url, "http://console", "en", buttons=True)
        tasks = [
            asyncio.create_task(serve_web(create_app(store, settings), "127.0.0.1", port, stopping)),
            asyncio.create_task(send_until(store, [(notifier, 0)], stopping)),
        ]
        url = f"http://127.0.0.1:{port}/slack/interactions"
        slack.set_interactivity_url(url)
        await store.set_myths([myth_record()], now_ms())
        await store.take(wave(4, at_ms=now_ms() - 1000), now_ms())
        found = Running(store, slack, url, tmp_path)
        await found.until(lambda: slack.messages)
        yield found
        stopping.set()
        await asyncio.gather(*tasks)
        await store.close()


async def test_every_button_changes_the_case_and_the_message(running: Running) -> None:
    (message,) = running.slack.messages
    note = {"note": typed("It is the title of a film.")}
    hours = {"hours": {"value": {"type": "static_select", "selected_option": {"value": "24"}}}}
    colleague = {"person": {"value": {"type": "users_select", "selected_user": "U04DOCTOR01"}}}
    url = {"url": typed("https://hospital.example/answers/1")}
    for action, values, status, shown in (
        ("acknowledge", {}, Status.ACKNOWLEDGED, "Acknowledged by <@U04OFFICER1>"),
        ("ask_mute", hours, Status.MUTED, "Muted by <@U04OFFICER1> until"),
        ("reopen", {}, Status.OPEN, "I answer it"),
        ("ask_not_a_myth", note, Status.DISMISSED, "Judged not a myth by <@U04OFFICER1>"),
        ("reopen", {}, Status.OPEN, "I answer it"),
        ("ask_assign", colleague, Status.OPEN, "Assigned to <@U04DOCTOR01>"),
        ("respond", {}, Status.ACKNOWLEDGED, "assigned to <@U04OFFICER1>"),
        ("ask_answered", url, Status.ANSWERED, "<https://hospital.example/answers/1|the answer>"),
    ):
        before = message.updates
        answer = await running.slack.click(message.ts, action)
        assert answer["ok"], answer
        if values:
            answer = await running.slack.submit(running.slack.workspace.views[-1]["id"], values)
            assert (answer["ok"], answer["errors"]) == (True, {})
        assert answer["ms"] < 1_000
        assert await running.status() is status
        await running.until(lambda before=before: message.updates > before)
        assert shown in str(message.blocks), (action, message.blocks)
    assert len(running.slack.messages) == 1
    history = await running.store.history(case_id(MYTH))
    assert [entry.what for entry in history] == [
        "answered", "preparing an answer", "assigned to U04DOCTOR01", "reopened", "judged not a myth", "reopened", "muted",
        "acknowledged", "opened",
    ]  # fmt: skip
    assert history[4].why == "It is the title of a film."


@pytest.mark.parametrize(
    "running", ["vera: {role: viewer, slack: U04VERA}\nanna: {role: officer, slack: U04ANNA}"], indirect=True
)
async def test_a_people_file_with_slack_ids_says_who_may_click(running: Running) -> None:
    (message,) = running.slack.messages
    for stranger in ("U04VERA", "U04OFFICER1"):
        assert (await running.slack.click(message.ts, "acknowledge", stranger))["ok"]
        assert await running.status() is Status.OPEN
        assert running.slack.workspace.views[-1]["title"]["text"] == "Not yours to do"
    assert (await running.slack.click(message.ts, "acknowledge", "U04ANNA"))["ok"]
    assert await running.status() is Status.ACKNOWLEDGED


def typed(text: str) -> dict[str, object]:
    return {"value": {"type": "plain_text_input", "value": text}}


async def test_a_form_that_lacks_something_stays_open_and_says_what(running: Running) -> None:
    (message,) = running.slack.messages
    for action, values, block in (
        ("ask_not_a_myth", {"note": typed("  ")}, "note"),
        ("ask_assign", {"person": {"value": {"type": "users_select", "selected_user": None}}}, "person"),
        ("ask_mute", {"hours": {"value": {"type": "static_select", "selected_option": {"value": "9999"}}}}, "hours"),
    ):
        await running.slack.click(message.ts, action)
        answer = await running.slack.submit(running.slack.workspace.views[-1]["id"], values)
        assert list(answer["errors"]) == [block]
    assert await running.status() is Status.OPEN


async def test_an_answer_needs_a_web_address(running: Running) -> None:
    (message,) = running.slack.messages
    before = message.updates
    await running.slack.click(message.ts, "respond")
    await running.until(lambda: message.updates > before)
    await running.slack.click(message.ts, "ask_answered")
    view = running.slack.workspace.views[-1]["id"]
    for wrong in ("javascript:alert(1)", "hospital.example", "https://", "https://x.example/<b>", ""):
        assert list((await running.slack.submit(view, {"url": typed(wrong)}))["errors"]) == ["url"], wrong
    assert await running.status() is Status.ACKNOWLEDGED


async def test_the_same_form_sent_twice_decides_once(running: Running) -> None:
    (message,) = running.slack.messages
    await running.slack.click(message.ts, "ask_not_a_myth")
    view = running.slack.workspace.views[-1]
    values = {"note": typed("a joke")}
    await running.slack.submit(view["id"], values)
    await running.store.decide(_reopen(), now_ms())
    view["closed"] = False
    assert (await running.slack.submit(view["id"], values))["ok"]
    assert await running.status() is Status.OPEN


async def test_a_form_that_slack_does_not_show_changes_nothing_and_stops_nothing(running: Running) -> None:
    (message,) = running.slack.messages
    running.slack.fail_next("server_error", 1, method="views.open")
    assert (await running.slack.click(message.ts, "ask_mute"))["ok"]
    assert await running.status() is Status.OPEN
    assert (await running.slack.click(message.ts, "acknowledge"))["ok"]
    assert await running.status() is Status.ACKNOWLEDGED


async def test_the_link_button_decides_nothing(running: Running) -> None:
    body, headers = running.slack.interactions.signed(running.click("open"))
    assert await running.post(body, headers) == 200
    assert await running.status() is Status.OPEN


async def test_a_replayed_click_is_refused_and_the_same_act_signed_anew_changes_nothing(running: Running) -> None:
    payload = running.click("acknowledge")
    body, headers = running.slack.interactions.signed(payload)
    assert await running.post(body, headers) == 200
    await running.store.decide(_reopen(), now_ms())
    assert await running.post(body, headers) == 401
    again, later = running.slack.interactions.signed({**payload, "trigger_id": "another"})
    assert await running.post(again, later) == 200
    assert await running.status() is Status.OPEN
    with sqlite3.connect(running.folder / "alert.db") as database:
        assert database.execute("SELECT count(*) FROM feedback WHERE action = 'acknowledge'").fetchone() == (1,)


def _reopen() -> Decision:
    return Decision(case_id(MYTH), Action.REOPEN, "someone", "console", "1")


async def test_forged_and_stale_requests_are_refused(running: Running) -> None:
    body, headers = running.slack.interactions.signed(running.click())
    for change in (
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=ü"},
        {"X-Slack-Request-Timestamp": str(int(time.time()) - 301)},
        {"X-Slack-Request-Timestamp": str(int(time.time()) + 400)},
        {"X-Slack-Request-Timestamp": "soon"},
        {"X-Slack-Request-Timestamp": "1" * 400},
        {"X-Slack-Request-Timestamp": "-5"},
    ):
        encoded = {name: value.encode("latin-1") for name, value in {**headers, **change}.items()}
        assert await running.post(body, encoded) == 401, change  # type: ignore[arg-type]
    assert await running.status() is Status.OPEN


async def test_a_stale_request_with_a_right_signature_is_refused(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload, real = running.click(), time.time
    monkeypatch.setattr("services.command.local_slack.interactions.time.time", lambda: real() - 301)
    body, headers = running.slack.interactions.signed(payload)
    monkeypatch.undo()
    assert await running.post(body, headers) == 401


async def test_a_changed_body_is_refused(running: Running) -> None:
    body, headers = running.slack.interactions.signed(running.click())
    assert await running.post(body.replace(b"acknowledge", b"respond"), headers) == 401


async def test_odd_payloads_never_crash_and_decide_nothing(running: Running) -> None:
    known = {"type": "block_actions", "user": {"id": "U1"}}
    for payload in (
        [],
        "x",
        {"type": "view_submission"},
        {"type": "block_actions"},
        known | {"actions": [1]},
        known | {"actions": None},
        known | {"user": {"id": "<@U1>"}, "actions": []},
        known | {"actions": [{"action_id": "acknowledge", "value": "../../x"}]},
        known | {"actions": [{"action_id": "acknowledge", "value": "0" * 32}]},
    ):
        body, headers = running.slack.interactions.signed(payload)  # type: ignore[arg-type]
        assert await running.post(body, headers) in (200, 400), payload
    assert await running.status() is Status.OPEN


async def test_no_payload_and_a_huge_one(running: Running) -> None:
    for raw in (b"", b"payload=", b"payload=%ff%fe", urlencode({"payload": json.dumps({"a": 1})[:-1]}).encode()):
        _, headers = running.slack.interactions.signed({})
        stamp = headers["X-Slack-Request-Timestamp"]
        assert await running.post(raw, _signed(running.slack.signing_secret, stamp, raw)) in (200, 400), raw
    assert await running.post(b"x" * 1_100_000, {}) == 413


def _signed(secret: str, stamp: str, body: bytes) -> dict[str, str]:
    import hashlib
    import hmac

    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


async def test_a_click_while_the_database_is_away_is_not_taken_and_may_be_repeated(running: Running) -> None:
    body, headers = running.slack.interactions.signed(running.click())
    await running.until(lambda: running.states() == ["sent"])
    locker = sqlite3.connect(running.folder / "alert.db", isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    assert await running.post(body, headers) == 503
    assert time.monotonic() - started < 3
    locker.execute("ROLLBACK")
    locker.close()
    async with asyncio.timeout(10):
        while await running.post(body, headers) != 200:
            await asyncio.sleep(0.1)
    assert await running.status() is Status.ACKNOWLEDGED


async def test_a_taken_port_is_named_with_its_setting(running: Running) -> None:
    port = int(running.url.split(":")[2].split("/")[0])
    with pytest.raises(PortTaken, match="MYTHWATCH_ALERT_CONSOLE_PORT"):
        await serve_web(create_app(running.store, AlertSettings()), "127.0.0.1", port, asyncio.Event())
