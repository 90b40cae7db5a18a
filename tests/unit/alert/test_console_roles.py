"""What each role finds on the console's pages, and what it is refused whatever it sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml

from services.alert.cases import Status
from services.alert.grouping import case_id
from services.alert.people import MAY, Act, Role, hashed
from tests.unit.alert.console_app import PASSWORD, Console, console, field
from tests.unit.alert.examples import MYTH, NOW, myth_record, wave

CASE = case_id(MYTH)
HASH = hashed(PASSWORD)
NEEDS = {
    "decisions": Act.DECIDE,
    "merge": Act.ARRANGE,
    "split": Act.ARRANGE,
    "unmerge": Act.ARRANGE,
    "answers": Act.PROPOSE,
}
FORMS = {
    "decisions": f'action="/cases/{CASE}/decisions"',
    "merge": f'action="/cases/{CASE}/merge"',
    "split": f'action="/cases/{CASE}/split"',
    "answers": f'action="/cases/{CASE}/answers"',
}
WRITE = {"language": "en", "place": "bluesky", "text": "Sunscreen does not cause cancer."}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    people = {name: {"role": name, "password": HASH} for name in Role} | {
        "berta": {"role": "clinician", "password": HASH}
    }
    path = tmp_path / "people.yaml"
    path.write_text(
        yaml.safe_dump({str(name): {key: str(value) for key, value in one.items()} for name, one in people.items()})
    )
    async with console(tmp_path, people=path, console_password=None) as opened:
        await opened.store.set_myths([myth_record()], NOW)
        await opened.store.take(wave(4), NOW + 100)
        yield opened


async def as_person(desk: Console, name: str) -> None:
    desk.client.cookies.clear()
    answer = await desk.try_sign_in(name)
    assert answer.status_code == 303, answer.text


async def sent(desk: Console, to: str, **more: str) -> httpx.Response:
    """A form sent by hand: with this session's token, whatever the page offers."""
    session = await desk.get("/")
    form = {"csrf": field(session, "csrf"), "act": f"act-{to}", **more}
    return await desk.client.post(f"/cases/{CASE}/{to}", data=form)


@pytest.mark.parametrize("role", list(Role))
async def test_a_page_offers_what_the_role_may_do_and_nothing_else(desk: Console, role: Role) -> None:
    await as_person(desk, role)
    page = (await desk.get(f"/cases/{CASE}")).text
    assert "Sunscreen causes cancer." in page, "everybody may look"
    for name, form in FORMS.items():
        assert (form in page) == (NEEDS[name] in MAY[role]), name


@pytest.mark.parametrize("role", list(Role))
async def test_a_form_sent_by_hand_is_refused_when_the_role_may_not(desk: Console, role: Role) -> None:
    await as_person(desk, role)
    for name, act in NEEDS.items():
        answer = await sent(desk, name, action="acknowledge")
        if act not in MAY[role]:
            assert answer.status_code == 403, name
            assert "Nothing was changed" in answer.text
            assert "for the role" in answer.text
        else:
            assert answer.status_code != 403, name
    view = await desk.store.view(CASE, desk.clock.now_ms)
    assert view is not None
    assert (view.case.status is Status.OPEN) == (Act.DECIDE not in MAY[role])


async def test_what_one_person_wrote_another_has_to_approve(desk: Console) -> None:
    await as_person(desk, "clinician")
    assert (await sent(desk, "answers", **WRITE)).status_code == 303
    [proposal] = await desk.store.responses(MYTH)
    own = await sent(desk, f"answers/{proposal.id}/approve")
    assert own.status_code == 403
    assert "somebody else has to approve" in own.text
    await as_person(desk, "officer")
    assert (await sent(desk, f"answers/{proposal.id}/approve")).status_code == 403
    assert [one.state.value for one in await desk.store.responses(MYTH)] == ["proposed"]
    await as_person(desk, "berta")
    assert (await sent(desk, f"answers/{proposal.id}/approve")).status_code == 303
    [approved] = await desk.store.responses(MYTH)
    assert (approved.state.value, approved.author, approved.approver) == ("approved", "clinician", "berta")


async def test_who_was_taken_out_of_the_file_is_out(desk: Console, tmp_path: Path) -> None:
    await as_person(desk, "officer")
    cookies = dict(desk.client.cookies)
    people = yaml.safe_load((tmp_path / "people.yaml").read_text())
    del people["officer"]
    (tmp_path / "people.yaml").write_text(yaml.safe_dump(people))
    (tmp_path / "again").mkdir()
    async with console(tmp_path / "again", people=tmp_path / "people.yaml", console_password=None) as later:
        later.client.cookies.update(cookies)
        assert (await later.get("/")).status_code == 303, "the cookie opens nothing any more"
        assert (await later.try_sign_in("officer")).status_code == 401


async def test_the_audit_names_the_person(desk: Console) -> None:
    await as_person(desk, "officer")
    assert (await sent(desk, "decisions", action="acknowledge")).status_code == 303
    view = await desk.store.view(CASE, desk.clock.now_ms)
    assert view is not None
    assert view.case.status is Status.ACKNOWLEDGED
    assert "officer" in (await desk.get(f"/cases/{CASE}")).text
