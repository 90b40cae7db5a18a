"""Links in e-mails: only the ones we signed, only for their time, and opening one changes nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from services.alert.cases import Action, Status
from services.alert.email_message import compose
from services.alert.grouping import case_id
from services.alert.mail_links import ACTS, LIFETIME_S, MailAct, MailLinks
from services.alert.people import one_account, signing_key
from tests.unit.alert.console_app import NOW, PASSWORD, Console, console
from tests.unit.alert.examples import MYTH, myth_record, view, wave
from tests.unit.alert.test_email_message import job, part

CASE = case_id(MYTH)
WHO = "officer@hospital.example"


def links() -> MailLinks:
    return MailLinks(signing_key(one_account("officer", PASSWORD), PASSWORD), "http://127.0.0.1:8080")


def paths() -> dict[str, str]:
    """Words and paths of the links of a mail made now."""
    return {words: url.removeprefix("http://127.0.0.1:8080") for words, url in links().offered(CASE, WHO, NOW)}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path) as opened:
        await opened.store.set_myths([myth_record()], NOW)
        await opened.store.take(wave(4), NOW + 100)
        yield opened


async def status(desk: Console) -> Status:
    found = await desk.store.view(CASE, desk.clock.now_ms)
    assert found is not None
    return found.case.status


def test_a_link_says_what_it_was_made_for_until_it_expires() -> None:
    act = MailAct(CASE, Action.MUTE, WHO, 1_000)
    token = links().seal(act)
    assert links().open(token, 999) == act
    assert links().open(token, 1_000) is None


def test_nothing_of_a_link_can_be_changed() -> None:
    token = links().seal(MailAct(CASE, Action.MUTE, WHO, 2**40))
    for at in range(len(token)):
        other = "A" if token[at] != "A" else "B"
        assert links().open(token[:at] + other + token[at + 1 :], 0) is None
    assert MailLinks(b"another key", "").open(token, 0) is None
    for rubbish in ("", ".", "a.b", "é." + "0" * 64, "x" * 5_000):
        assert links().open(rubbish, 0) is None


def test_a_mail_offers_them_while_nobody_has_decided_and_is_the_same_each_time() -> None:
    message = compose(job(), view(), "m@hospital.example", "http://console", "en", links())
    for kind in ("plain", "html"):
        found = re.findall(r"http://127\.0\.0\.1:8080/act/[\w.-]+", unescape(part(message, kind)))
        assert len(found) == len(ACTS)
    again = compose(job(), view(), "m@hospital.example", "http://console", "en", links())
    assert part(again, "html") == part(message, "html")
    decided = compose(job(), view(case={"status": Status.ACKNOWLEDGED}), "m@x.example", "http://console", "en", links())
    assert "/act/" not in part(decided, "html")


async def test_opening_a_link_changes_nothing_and_its_button_does_once(desk: Console) -> None:
    path = paths()["Acknowledge"]
    for _ in range(3):
        page = await desk.get(path)
        assert page.status_code == 200
        assert "Sunscreen causes cancer." in page.text
    assert await status(desk) is Status.OPEN
    assert "Done" in (await desk.client.post(path, data={"x": "y"})).text
    assert await status(desk) is Status.ACKNOWLEDGED
    assert (await desk.client.post(path, data={"x": "y"})).status_code == 200
    history = await desk.store.history(CASE)
    assert [(one.who, one.via) for one in history if "cknowledged" in one.what] == [(WHO, "e-mail")]


async def test_not_a_myth_needs_its_reason(desk: Console) -> None:
    path = paths()["Not a myth…"]
    refused = await desk.client.post(path, data={"note": "  "})
    assert refused.status_code == 400
    assert await status(desk) is Status.OPEN
    assert (await desk.client.post(path, data={"note": "a film title"})).status_code == 200
    assert await status(desk) is Status.DISMISSED
    assert "a film title" in str(await desk.store.history(CASE))


async def test_muting_by_mail_ends_after_a_day(desk: Console) -> None:
    await desk.client.post(paths()["Mute for 24 hours"], data={"x": "y"})
    found = await desk.store.view(CASE, desk.clock.now_ms)
    assert found is not None
    assert found.case.muted_until_ms == desk.clock.now_ms + 24 * 3_600_000


async def test_a_link_that_is_old_forged_or_of_a_case_that_is_gone_changes_nothing(desk: Console) -> None:
    path = paths()["Acknowledge"]
    forged = path[:-1] + ("0" if path[-1] != "0" else "1")
    nobody = "/act/" + links().seal(MailAct("f" * 32, Action.ACKNOWLEDGE, WHO, 2**40))
    assert (await desk.client.post(forged, data={"x": "y"})).status_code == 403
    assert (await desk.client.post(nobody, data={"x": "y"})).status_code == 404
    desk.clock.now_s += LIFETIME_S
    late = await desk.client.post(path, data={"x": "y"})
    assert late.status_code == 403
    assert "older than a week" in late.text
    assert await status(desk) is Status.OPEN
