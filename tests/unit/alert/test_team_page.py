"""The page of who does what, and the mutes of whole topics and myths that begin and end in the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml

from services.alert.grouping import case_id
from services.alert.people import Role, hashed
from services.alert.routes import parse_routes
from tests.unit.alert.console_app import PASSWORD, Console, console, field
from tests.unit.alert.examples import MYTH, NOW, myth_record, wave

CASE = case_id(MYTH)
ROUTES = """
time zone: Europe/Amsterdam
people:
  anna: {name: Anna de Vries, email: anna@hospital.example, quiet hours: "21:30-07:00"}
  bram: {name: Bram Peeters, email: bram@hospital.example}
places:
  desk: {slack: C0000DESK}
rotas:
  skin: {people: [anna], from: 2026-01-05}
rules:
  - name: Skin
    when: {specialty: dermatology, harm: [moderate, high]}
    tell: [on call skin, desk]
    hours: 08:00-18:00
    days: [mon, tue]
    escalate: {after: 30 min, to: bram}
  - name: The rest
    tell: desk
"""


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    people = {str(role): {"name": f"The {role}", "role": str(role), "password": hashed(PASSWORD)} for role in Role}
    path = tmp_path / "people.yaml"
    path.write_text(yaml.safe_dump(people))
    async with console(tmp_path, people=path, console_password=None) as opened:
        await opened.store.set_myths([myth_record()], NOW)
        await opened.store.take(wave(4), NOW + 100)
        yield opened


async def enter(desk: Console, role: Role) -> None:
    desk.client.cookies.clear()
    assert (await desk.try_sign_in(role)).status_code == 303


async def mute(desk: Console, **more: str) -> httpx.Response:
    page = await desk.get(f"/cases/{CASE}")
    form = {"csrf": field(page, "csrf"), "act": "one click", "case": CASE, "what": "topic:sun", "mute": "24h"}
    return await desk.client.post("/mutes", data={**form, "note": "we know", **more})


async def test_the_team_page_says_who_is_told_in_words(desk: Console) -> None:
    await desk.store.use_routes(parse_routes(ROUTES), NOW)
    await enter(desk, Role.VIEWER)
    page = (await desk.get("/team")).text
    for words in (
        "specialty dermatology; harm moderate or grave", "on call skin, desk", "Mon, Tue, 08:00-18:00",
        "after 30 min without an answer also Bram Peeters", "every case", "Skin: <strong>Anna de Vries</strong>",
        "quiet 21:30-07:00 (Europe/Amsterdam)", "The clinician", "decides, writes and approves",
    ):  # fmt: skip
        assert words in page
    assert "anna@hospital.example" not in page
    assert "argon2" not in page


async def test_without_routes_it_says_so(desk: Console) -> None:
    await enter(desk, Role.VIEWER)
    assert "Slack: C0123456789" in (await desk.get("/team")).text


async def test_a_topic_is_muted_from_a_case_shown_there_and_ended(desk: Console) -> None:
    await enter(desk, Role.OFFICER)
    answer = await mute(desk)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/cases/{CASE}")
    page = (await desk.get(f"/cases/{CASE}")).text
    assert "Nobody is told anew: The officer muted the topic sun" in page
    assert 'id="mute-more"' not in page
    (standing,) = await desk.store.mute_desk.in_force(desk.clock.now_ms)
    team = await desk.get("/team")
    assert f"/mutes/{standing.id}/end" in team.text
    ended = await desk.client.post(f"/mutes/{standing.id}/end", data={"csrf": field(team, "csrf")})
    assert (ended.status_code, ended.headers["Location"]) == (303, "/team")
    assert await desk.store.mute_desk.in_force(desk.clock.now_ms) == []


async def test_a_viewer_sees_a_mute_and_may_not_touch_it(desk: Console) -> None:
    await enter(desk, Role.OFFICER)
    await mute(desk)
    (standing,) = await desk.store.mute_desk.in_force(desk.clock.now_ms)
    await enter(desk, Role.VIEWER)
    team = await desk.get("/team")
    assert "we know" in team.text
    assert "/end" not in team.text
    ended = await desk.client.post(f"/mutes/{standing.id}/end", data={"csrf": field(team, "csrf")})
    assert ended.status_code == 403
    assert (await mute(desk, act="again")).status_code == 403


@pytest.mark.parametrize(
    ("wish", "code", "words"),
    [
        ({"what": "topic:moon"}, 409, "there is no topic moon"),
        ({"what": "planet:sun"}, 400, "not complete"),
        ({"what": ""}, 400, "not complete"),
        ({"mute": "forever"}, 400, "1 hour, 24 hours or 7 days"),
        ({"note": " "}, 400, "say why"),
    ],
)
async def test_a_mute_that_makes_no_sense_is_refused(
    desk: Console, wish: dict[str, str], code: int, words: str
) -> None:
    await enter(desk, Role.OFFICER)
    answer = await mute(desk, **wish)
    assert (answer.status_code, words in answer.text) == (code, True)
    assert await desk.store.mute_desk.in_force(desk.clock.now_ms) == []
