"""What is held on a post or an author, shown and erased in the console, by the admin alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml

from services.alert.people import Role, hashed
from services.stream import events_pb2 as events
from tests.unit.alert.console_app import PASSWORD, Console, console, field
from tests.unit.alert.examples import MYTH, NOW, myth_record, wave

POST = f"bluesky:{MYTH}-1"


class Desk:
    """A console and the erasures that it handed on."""

    def __init__(self, console: Console, handed: list[events.SocialPost]) -> None:
        self.console, self.handed = console, handed

    async def enter(self, role: Role) -> None:
        self.console.client.cookies.clear()
        assert (await self.console.try_sign_in(role)).status_code == 303

    async def send(self, to: str, **form: str) -> httpx.Response:
        token = field(await self.console.get("/"), "csrf")
        return await self.console.client.post(f"/privacy/{to}", data={"csrf": token, **form})


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    handed: list[events.SocialPost] = []

    async def forget(event: events.SocialPost) -> None:
        handed.append(event)

    path = tmp_path / "people.yaml"
    path.write_text(yaml.safe_dump({str(one): {"role": str(one), "password": hashed(PASSWORD)} for one in Role}))
    async with console(tmp_path, people=path, console_password=None, forget=forget) as opened:
        await opened.store.set_myths([myth_record()], NOW)
        await opened.store.take(wave(3), NOW + 100)
        yield Desk(opened, handed)


@pytest.mark.parametrize(("what", "value"), [("post", POST), ("author", "author1")])
async def test_what_is_held_is_shown_and_erased(desk: Desk, what: str, value: str) -> None:
    await desk.enter(Role.ADMIN)
    assert 'href="/privacy"' in (await desk.console.get("/")).text
    held = (await desk.send("held", what=what, value=value)).text
    assert "1 post" in held
    assert "they lie about sunscreen 1" in held
    assert ("All of this author" in held) == (what == "post")
    assert "they lie about sunscreen 2" not in held
    unsure = await desk.send("erase", what=what, value=value)
    assert (unsure.status_code, desk.handed) == (400, [])
    done = await desk.send("erase", what=what, value=value, sure="yes")
    assert "has been asked to forget" in done.text
    (event,) = desk.handed
    assert event.action == events.POST_ACTION_DELETE
    assert (event.id, event.author_deleted) == (
        (POST, "") if what == "post" else ("bluesky:account:author1", "author1")
    )


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OFFICER, Role.CLINICIAN])
async def test_nobody_but_the_admin(desk: Desk, role: Role) -> None:
    await desk.enter(role)
    assert 'href="/privacy"' not in (await desk.console.get("/")).text
    refused = await desk.console.get("/privacy")
    assert (refused.status_code, "for the role admin" in refused.text) == (403, True)
    for to in ("held", "erase"):
        assert (await desk.send(to, what="post", value=POST, sure="yes")).status_code == 403
    assert desk.handed == []


@pytest.mark.parametrize(("what", "value"), [("post", ""), ("planet", "x"), ("post", "x" * 1_001), ("author", "a\0b")])
async def test_a_wish_that_makes_no_sense_is_refused(desk: Desk, what: str, value: str) -> None:
    await desk.enter(Role.ADMIN)
    assert (await desk.send("held", what=what, value=value)).status_code == 400


async def test_what_is_not_held_is_said_so_and_may_be_kept_out(desk: Desk) -> None:
    await desk.enter(Role.ADMIN)
    assert "0 posts" in (await desk.send("held", what="post", value="bluesky:never-seen")).text
    assert (await desk.send("erase", what="post", value="bluesky:never-seen", sure="yes")).status_code == 200
    assert [event.id for event in desk.handed] == ["bluesky:never-seen"]
