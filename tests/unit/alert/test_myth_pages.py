"""Myths in the console: written by one, approved by another, shown in cases, handed to the topic, and safe to show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.alert import schema
from services.alert.grouping import case_id
from services.alert.myth_form import WrongMyth, form_of, record_of, slug
from services.alert.myth_rows import MythRecord
from services.alert.people import MAY, Act, Role, hashed
from services.stream import events_pb2 as events
from tests.unit.alert.console_app import NOW, PASSWORD, Console, console, field
from tests.unit.alert.examples import MYTH, myth_event, myth_record, wave

HASH = hashed(PASSWORD)
TODAY = date(2026, 11, 26)
FORM = {
    "claim_en": "Moonlight cures warts.", "fact_en": "Warts are caused by a virus and often go away by themselves.",
    "said_as": "the full moon took my warts\nput your hand out at full moon, warts gone", "near_misses": "warts often go away",
    "why_misleading": "Warts go away in time, whatever one does.", "harm": "low", "harm_reason": "People wait with treatment.",
    "topic": "sun and skin", "specialty": "dermatology", "sources": "NHS | Warts and verrucas | https://www.nhs.uk/conditions/warts",
}  # fmt: skip
EVIL = "\"'><script>alert(1)</script>{{ 7*7 }}"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    path = tmp_path / "people.yaml"
    people = {**{role.value: role.value for role in Role}, "berta": "clinician"}
    path.write_text(yaml.safe_dump({name: {"role": role, "password": HASH} for name, role in people.items()}))
    async with console(tmp_path, people=path, console_password=None) as opened:
        await opened.store.set_myths([myth_record()], NOW)
        yield opened


async def as_person(desk: Console, name: str) -> None:
    desk.client.cookies.clear()
    assert (await desk.try_sign_in(name)).status_code == 303


async def propose(desk: Console, to: str = "/myths", **more: str) -> str:
    """Where it leads."""
    token = field(await desk.get("/"), "csrf")
    answer = await desk.client.post(to, data={**FORM, "csrf": token, "act": "act-1", **more})
    return answer.headers.get("location", "") or f"{answer.status_code} {answer.text}"


async def settle(desk: Console, verb: str, myth_id: str = "moonlight-cures-warts") -> int:
    [version] = [one for one in await desk.store.myth_desk.versions(myth_id) if one.state.value == "proposed"]
    token = field(await desk.get("/"), "csrf")
    to = f"/myths/{myth_id}/versions/{version.id}/{verb}"
    return (await desk.client.post(to, data={"csrf": token})).status_code


def test_a_form_becomes_a_myth_and_back() -> None:
    myth = record_of(FORM, "", TODAY)
    assert (myth.id, myth.topic, myth.harm) == ("moonlight-cures-warts", "sun-and-skin", events.HARM_LOW)
    assert list(myth.said_as) == FORM["said_as"].split("\n")
    assert myth.sources[0].url == "https://www.nhs.uk/conditions/warts"
    assert record_of(form_of(myth), myth.id, TODAY) == myth


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("claim_en", " ", "claim in English"), ("fact_en", "", "fact in English"), ("said_as", "\n \n", "how people say it"),
        ("harm", "awful", "harm"), ("topic", "", "topic"), ("specialty", "a/b", "specialty"), ("sources", "", "sources"),
        ("sources", "NHS | javascript://x", "sources"), ("sources", "a | b | c", "sources"), ("why_misleading", "", "why it misleads"),
        ("claim_en", "x" * 301, "claim en"), ("said_as", "\n".join(str(n) for n in range(99)), "said as"), ("fact_nl", "\0", "fact nl"),
        ("claim_en", "Narrative therapy cures flu", "claim in English"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_field(name: str, value: str, told: str) -> None:
    with pytest.raises(WrongMyth, match=told):
        record_of({**FORM, name: value}, "", TODAY)


@given(st.text())
def test_an_id_is_always_kebab_case(claim: str) -> None:
    assert 0 < len(slug(claim)) <= 80
    assert slug(slug(claim)) == slug(claim)


async def test_a_new_myth_needs_a_second_person_and_then_goes_to_the_topic(desk: Console) -> None:
    await as_person(desk, "clinician")
    assert await propose(desk) == "/myths/moonlight-cures-warts#waiting"
    assert await propose(desk) == "/myths/moonlight-cures-warts#waiting", "the same click again"
    assert "Moonlight cures warts." in (await desk.get("/myths")).text
    assert await desk.store.myth_desk.record("moonlight-cures-warts") is None
    assert await settle(desk, "approve") == 403
    await as_person(desk, "officer")
    assert await settle(desk, "approve") == 403
    await as_person(desk, "berta")
    assert await settle(desk, "approve") == 303
    myth = await desk.store.myth_desk.record("moonlight-cures-warts")
    assert myth is not None
    assert myth.fact["en"] == FORM["fact_en"]
    async with desk.store.database.reading() as connection:
        row = (await connection.execute(schema.myths.select().where(schema.myths.c.id == myth.id))).one()
    assert not row.published, "the topic gets it, and with it every classifier"


async def test_a_change_shows_in_its_case_and_survives_what_the_topic_says(desk: Console) -> None:
    await desk.store.take(wave(4), NOW + 100)
    await as_person(desk, "officer")
    changed = {**form_of(myth_event()), "fact_en": "Sunscreen protects the skin.", "said_as": "sunscreen is poison"}
    await propose(desk, f"/myths/{MYTH}", **changed)
    page = (await desk.get(f"/myths/{MYTH}")).text
    assert "<ins>Sunscreen protects the skin.</ins>" in page
    await as_person(desk, "clinician")
    assert await settle(desk, "approve", MYTH) == 303
    # The built-in knowledge base is published again at every start.
    await desk.store.set_myths([MythRecord(MYTH, myth_event().SerializeToString())], NOW)
    assert "Sunscreen protects the skin." in (await desk.get(f"/cases/{case_id(MYTH)}")).text


async def test_a_proposal_can_be_withdrawn_and_a_second_one_replaces(desk: Console) -> None:
    await as_person(desk, "clinician")
    await propose(desk)
    assert await settle(desk, "withdraw") == 303
    assert [one.state.value for one in await desk.store.myth_desk.versions("moonlight-cures-warts")] == ["withdrawn"]
    for act, fact in (("a", "One."), ("b", "Two.")):
        await propose(desk, "/myths" if act == "a" else "/myths/moonlight-cures-warts", act=act, fact_en=fact)
        await as_person(desk, "berta")
        assert await settle(desk, "approve") == 303
        await as_person(desk, "clinician")
    myth = await desk.store.myth_desk.record("moonlight-cures-warts")
    assert myth is not None
    assert myth.fact["en"] == "Two."
    states = sorted(one.state.value for one in await desk.store.myth_desk.versions("moonlight-cures-warts"))
    assert states == ["approved", "replaced", "withdrawn"]


async def test_what_was_typed_is_not_lost_with_a_mistake(desk: Console) -> None:
    await as_person(desk, "officer")
    answer = await propose(desk, fact_en="", claim_en="A claim that took long to word.")
    assert answer.startswith("400")
    assert "fact in English" in answer
    assert "A claim that took long to word." in answer


async def test_a_claim_that_is_there_already_is_not_overwritten(desk: Console) -> None:
    await as_person(desk, "officer")
    answer = await propose(desk, claim_en="Sunscreen causes cancer")
    assert "sunscreen-causes-cancer already" in answer


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_sees_the_myths_and_changes_what_it_may(desk: Console, role: Role) -> None:
    await as_person(desk, role.value)
    page = (await desk.get(f"/myths/{MYTH}")).text
    assert "Sunscreen causes cancer." in page
    assert ("Propose</button>" in page) == (Act.PROPOSE in MAY[role])
    assert (await propose(desk)).startswith("403") == (Act.PROPOSE not in MAY[role])


async def test_markup_stays_text(desk: Console) -> None:
    await as_person(desk, "officer")
    to = await propose(desk, claim_en=EVIL, fact_en=EVIL, said_as=EVIL, sources=f"{EVIL} | {EVIL}")
    for path in (to.partition("#")[0], "/myths"):
        page = (await desk.get(path)).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


async def test_a_candidate_narrative_becomes_a_myth(desk: Console) -> None:
    await desk.store.take(wave(9, myth="narrative-abc", text="moonlight took my warts away honestly"), NOW + 100)
    await as_person(desk, "officer")
    case = case_id("narrative-abc")
    found = await desk.store.view(case, desk.clock.now_ms)
    assert found is not None
    assert found.case.claim in (await desk.get(f"/myths/new?case={case}")).text
    assert f"/myths/new?case={case}" in (await desk.get(f"/cases/{case}")).text
    assert (await desk.get(f"/myths/new?case={case}")).status_code == 200
    for missing in ("/myths/nothing", "/myths/new?case=../x"):
        assert (await desk.get(missing)).status_code in (200, 404)


async def test_nobody_learns_which_myths_there_are_without_signing_in(desk: Console) -> None:
    desk.client.cookies.clear()
    answers = [await desk.get(path) for path in ("/myths", f"/myths/{MYTH}", "/myths/nothing", "/myths/new")]
    assert {answer.status_code for answer in answers} == {303}


async def test_an_address_that_is_none_is_a_mistake_in_words(desk: Console) -> None:
    with pytest.raises(WrongMyth, match="not a web address"):
        record_of(FORM | {"sources": "WHO | http://[bad"}, "", TODAY)
