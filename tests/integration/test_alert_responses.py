"""Answers: proposed, approved, shown in the message, carried by their myth's record to the topic."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.alert.cases import Channel, Destination
from services.alert.due import DueRules
from services.alert.grouping import case_id
from services.alert.publish import mark_published, unpublished
from services.alert.response_rows import CannotRespond, OwnWords, Proposal
from services.alert.responses import EXPIRES_AFTER_MS, ResponseState
from services.alert.slack_blocks import message
from services.alert.store import Store
from services.stream import events_pb2 as events
from services.stream.topics import MYTHS
from tests.integration.alert_postgres import Postgres
from tests.unit.alert.examples import MYTH, NOW, myth_record, wave

WORDS = "Sunscreen protects you. That it causes cancer is a myth."


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite+aiosqlite:///{tmp_path}/a.db" if is_sqlite else request.getfixturevalue("server").new_database()
    opened = await Store.open(url, (Destination(Channel.SLACK, "C1"),), due=DueRules(edit_interval_ms=0))
    await opened.set_myths([myth_record()], NOW)
    await opened.take(wave(4), NOW + 10)
    yield opened
    await opened.close()


def proposal(text: str = WORDS, act: str = "click-1", place: str = "long") -> Proposal:
    return Proposal(MYTH, "en", place, text, "anna", act)


async def published(store: Store) -> list[events.Myth]:
    """Myths that wait for Kafka; confirmed then."""
    found = await unpublished(store.database)
    await mark_published(store.database, found)
    return [record.message for record in found.records if record.topic is MYTHS]  # type: ignore[misc]


async def shown(store: Store, now_ms: int = NOW + 100) -> str:
    view = await store.view(case_id(MYTH), now_ms)
    assert view is not None
    return str(message(view, "http://console", "en", buttons=True))


async def test_nothing_is_in_force_before_somebody_approves(store: Store) -> None:
    await published(store)
    await store.propose(proposal(), NOW + 20)
    assert WORDS not in await shown(store)
    assert await published(store) == []


async def test_an_approved_answer_is_shown_and_goes_to_the_topic_once(store: Store) -> None:
    found = await store.propose(proposal(), NOW + 20)
    await store.approve(found.id, MYTH, "dr. bram", NOW + 30)
    assert WORDS in await shown(store)
    assert "Approved answer* (by dr. bram)" in await shown(store)
    (myth,) = await published(store)
    (response,) = myth.responses
    assert (response.text, response.approver, response.version) == (WORDS, "dr. bram", 1)
    assert await published(store) == []


async def test_what_comes_back_from_the_topic_changes_nothing_and_an_older_record_is_put_right(store: Store) -> None:
    found = await store.propose(proposal(), NOW + 20)
    await store.approve(found.id, MYTH, "dr. bram", NOW + 30)
    (myth,) = await published(store)
    from services.alert.myth_rows import MythRecord

    await store.set_myths([MythRecord(MYTH, myth.SerializeToString())], NOW + 40)
    assert await published(store) == []
    await store.set_myths([myth_record()], NOW + 50)
    assert [list(one.responses) for one in await published(store)] == [list(myth.responses)]


async def test_a_later_version_replaces_and_withdrawing_leaves_the_draft(store: Store) -> None:
    first = await store.propose(proposal(), NOW + 20)
    await store.approve(first.id, MYTH, "b", NOW + 30)
    second = await store.propose(proposal("Better words.", "click-2"), NOW + 40)
    await store.approve(second.id, MYTH, "b", NOW + 50)
    assert [(one.version, one.state) for one in await store.responses(MYTH)] == [
        (2, ResponseState.APPROVED), (1, ResponseState.REPLACED)
    ]  # fmt: skip
    assert "Better words." in await shown(store)
    await store.withdraw(second.id, MYTH, NOW + 60)
    assert "a draft: check and adapt it" in await shown(store)
    assert [list(one.responses) for one in await published(store)] == [[]]


async def test_the_same_click_proposes_once(store: Store) -> None:
    assert await store.propose(proposal(), NOW + 20) == await store.propose(proposal(), NOW + 21)
    assert len(await store.responses(MYTH)) == 1


async def test_an_expired_answer_is_a_draft_again(store: Store) -> None:
    found = await store.propose(proposal(), NOW + 20)
    await store.approve(found.id, MYTH, "b", NOW + 30)
    assert WORDS not in await shown(store, NOW + 31 + EXPIRES_AFTER_MS)


async def test_what_cannot_be_taken_names_the_field(store: Store) -> None:
    with pytest.raises(CannotRespond, match="at most 280"):
        await store.propose(proposal("a" * 300, place="x"), NOW)
    with pytest.raises(CannotRespond, match="not in the knowledge base"):
        await store.propose(Proposal("unknown", "en", "long", WORDS, "anna", "1"), NOW)
    with pytest.raises(CannotRespond, match="no such proposal"):
        await store.approve("0" * 32, MYTH, "b", NOW)
    withdrawn = await store.propose(proposal(), NOW)
    await store.withdraw(withdrawn.id, MYTH, NOW)
    with pytest.raises(CannotRespond, match="no such proposal"):
        await store.approve(withdrawn.id, MYTH, "b", NOW)


async def test_nobody_approves_their_own_words_or_those_for_another_myth(store: Store) -> None:
    found = await store.propose(proposal(), NOW + 20)
    with pytest.raises(OwnWords):
        await store.approve(found.id, MYTH, "anna", NOW + 30)
    with pytest.raises(CannotRespond, match="no such proposal"):
        await store.approve(found.id, "another-myth", "bram", NOW + 30)
    with pytest.raises(CannotRespond, match="no such answer"):
        await store.withdraw(found.id, "another-myth", NOW + 30)
    assert [one.state for one in await store.responses(MYTH)] == [ResponseState.PROPOSED]
    await store.approve(found.id, MYTH, "anna", NOW + 40, alone=True)  # the one account for all
    assert [one.state for one in await store.responses(MYTH)] == [ResponseState.APPROVED]


async def test_what_is_approved_stays_to_be_published_whatever_happens_meanwhile(store: Store) -> None:
    found, other = await store.propose(proposal(), NOW + 20), await store.propose(proposal(act="other"), NOW + 21)
    await store.approve(found.id, MYTH, "bram", NOW + 30)
    await store.approve(found.id, MYTH, "bram", NOW + 31)  # the same click again
    await store.withdraw(other.id, MYTH, NOW + 32)
    (myth,) = await published(store)
    assert [response.text for response in myth.responses] == [WORDS]
    assert await published(store) == []
