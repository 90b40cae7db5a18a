"""Access, erasure and retention: what is held on a person is shown whole, goes on request, and goes by itself in time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.alert import schema
from services.alert.cases import Action, Channel, Decision, Destination
from services.alert.due import DueRules
from services.alert.grouping import Taken, case_id
from services.alert.privacy import held_on
from services.alert.retention import Retention, enforce
from services.alert.store import Store
from services.stream import events_pb2 as events
from services.stream.erasure import erasure
from tests.integration.alert_postgres import Postgres
from tests.unit.alert.examples import HOUR, MYTH, NOW, myth_record, verdict, wave

SECRET = "sunscreen words that only one person wrote"
DAY = 24 * HOUR


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
    mine = [verdict(f"x:{n}", f"{SECRET} {n}", author="me", at_ms=NOW + n, flag_score=0.99) for n in range(2)]
    await opened.take([*wave(4), *mine], NOW + 10)
    job = await opened.outbox.claim(Channel.SLACK, NOW + 20)
    assert job is not None
    view = await opened.view(job.case_id, NOW + 20)
    assert view is not None
    await opened.outbox.sent(job, view, "1.1", NOW + 30)
    await opened.decide(Decision(case_id(MYTH), Action.ACKNOWLEDGE, "anna", "console", "a1"), NOW + 40)
    yield opened
    await opened.close()


async def everything(store: Store) -> str:
    found = []
    async with store.database.reading() as connection:
        for table in schema.metadata.sorted_tables:
            found += [str(tuple(row)) for row in await connection.execute(table.select())]
    return "\n".join(found)


@pytest.mark.parametrize("by", ["author", "post"])
async def test_what_is_held_is_shown_whole_and_gone_after_erasure(store: Store, by: str) -> None:
    author, post = ("me", "") if by == "author" else ("", "x:1")
    before = await held_on(store, author=author, post_id=post)
    assert {row["id"] for row in before["posts"]} == ({"x:0", "x:1"} if by == "author" else {"x:1"})
    assert SECRET in str(before["posts"])
    assert before["messages"]
    assert before["feedback"]

    event = erasure(author, "x", post, NOW + 1_000)
    await store.take([Taken(events.ClaimVerdict(id="gone", post=event))], NOW + 1_000)
    after = await held_on(store, author=author, post_id=post)
    assert (after["posts"], after["feedback"]) == ([], [])
    assert after["tombstones"]
    assert f"{SECRET} 1" not in await everything(store)
    # What was sent is edited: an update of the message is due at once.
    assert (await store.outbox.claim(Channel.SLACK, NOW + 1_001)) is not None


async def test_nobody_else_s_posts_go(store: Store) -> None:
    await store.take([Taken(events.ClaimVerdict(id="gone", post=erasure("me", "x", "", NOW + 1_000)))], NOW + 1_000)
    assert len(await store.posts(case_id(MYTH))) == 4


async def test_old_posts_and_records_go_and_counts_follow(store: Store) -> None:
    retention = Retention(posts_ms=DAY, records_ms=30 * DAY)
    await store.take(wave(1, start=50, at_ms=NOW + 2 * DAY), NOW + 2 * DAY)
    assert await enforce(store.database, store.rules, retention, NOW + 2 * DAY) == 6
    assert await enforce(store.database, store.rules, retention, NOW + 2 * DAY) == 0
    view = await store.view(case_id(MYTH), NOW + 2 * DAY)
    assert view is not None
    assert view.case.counts.posts == 1
    assert SECRET not in await everything(store)
    assert await store.history(case_id(MYTH))
    # Records go too in their time; a decision only once Kafka has it.
    await enforce(store.database, store.rules, retention, NOW + 60 * DAY)
    assert [entry.at_ms for entry in await store.history(case_id(MYTH)) if entry.at_ms < NOW + DAY] == []
    async with store.database.reading() as connection:
        assert len((await connection.execute(schema.feedback.select())).all()) == 1
