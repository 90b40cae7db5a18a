"""One decision about several cases, chosen in the inbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.alert.cases import Status
from services.alert.grouping import case_id
from tests.unit.alert.console_app import Console, console, field
from tests.unit.alert.examples import MYTH, NOW, myth_record, wave

MYTHS = (MYTH, "raw-milk-cures-asthma", "garlic-lowers-pressure")
CASES = [case_id(myth) for myth in MYTHS]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path) as opened:
        await opened.store.set_myths([myth_record()], NOW)
        for myth in MYTHS:
            await opened.store.take(wave(4, myth=myth), NOW + 100)
        await opened.sign_in()
        yield opened


async def send(desk: Console, cases: list[str], action: str, **more: str) -> httpx.Response:
    page = await desk.get("/")
    form = {"csrf": field(page, "csrf"), "act": field(page, "act"), "action": action, "mute": "24h", **more}
    return await desk.client.post("/decisions", data={**form, "case": cases})


async def statuses(desk: Console) -> list[Status]:
    views = [await desk.store.view(one, desk.clock.now_ms) for one in CASES]
    return [view.case.status for view in views if view]


async def test_the_chosen_cases_are_decided_on_and_the_others_are_not(desk: Console) -> None:
    answer = await send(desk, CASES[:2], "acknowledge", note="one campaign")
    assert answer.status_code == 303
    assert await statuses(desk) == [Status.ACKNOWLEDGED, Status.ACKNOWLEDGED, Status.OPEN]
    for one in CASES[:2]:
        latest = (await desk.store.history(one))[0]
        assert (latest.what, latest.why, latest.who) == ("acknowledged", "one campaign", "officer")
    assert "2 narratives acknowledged." in (await desk.get(answer.headers["Location"])).text


async def test_the_way_back_keeps_the_filter(desk: Console) -> None:
    answer = await send(desk, CASES[:1], "mute", triage="monitor", q="sunscreen")
    assert answer.headers["Location"] == "/?triage=monitor&q=sunscreen&did=mute&of=1"


async def test_the_same_form_twice_decides_once(desk: Console) -> None:
    page = await desk.get("/")
    form = {"csrf": field(page, "csrf"), "act": field(page, "act"), "action": "acknowledge", "case": CASES}
    for _ in range(2):
        assert (await desk.client.post("/decisions", data=form)).status_code == 303
    assert [entry.what for entry in await desk.store.history(CASES[0])].count("acknowledged") == 1


@pytest.mark.parametrize(
    ("cases", "action", "words"),
    [
        ([], "acknowledge", "choose the cases first"),
        (["../../etc"], "acknowledge", "at most 200 cases of the list"),
        ([f"{number:032x}" for number in range(201)], "acknowledge", "at most 200 cases of the list"),
        (CASES, "answered", "give the address"),
        (CASES, "respond", "case by case"),
        (CASES, "not_a_myth", "say why"),
        (CASES, "explode", "not complete"),
    ],
)
async def test_what_makes_no_sense_changes_nothing(desk: Console, cases: list[str], action: str, words: str) -> None:
    answer = await send(desk, cases, action)
    assert answer.status_code == 400
    assert words in answer.text
    assert await statuses(desk) == [Status.OPEN] * 3


async def test_the_news_says_nothing_that_an_address_brings_along(desk: Console) -> None:
    page = (await desk.get("/?did=<script>&of=2")).text + (await desk.get("/?did=mute&of=<b>")).text
    assert "notice done" not in page
