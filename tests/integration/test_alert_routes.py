"""Routes in force: who is told by the outbox, what is held back, and what a digest will list."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from services.alert import schema, upkeep
from services.alert.cases import Action, Channel, Decision
from services.alert.due import DueRules
from services.alert.grouping import case_id
from services.alert.routes import parse_routes, read_routes
from services.alert.routes_file import follow_routes
from services.alert.store import Store
from services.stream import events_pb2 as events
from services.stream import metrics
from tests.integration.alert_postgres import Postgres
from tests.unit.alert.examples import HOUR, MYTH, NOW, OTHER, myth_record, wave

ROUTES = """
people:
  night owl: {name: Night owl, email: owl@hospital.example, quiet hours: "00:00-23:59"}
  boss: {name: Boss, email: boss@hospital.example}
places:
  desk: {slack: C11}
rules:
- {name: grave, when: {harm: high}, tell: [desk, night owl], escalate: {after: 30 min, to: boss}}
- {name: sun, when: {topic: sun, harm: moderate}, tell: desk}
daily cap: {moderate: 0}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite+aiosqlite:///{tmp_path}/a.db" if is_sqlite else request.getfixturevalue("server").new_database()
    opened = await Store.open(url, (), due=DueRules(edit_interval_ms=0, email_interval_ms=0))
    await opened.set_myths([myth_record(), myth_record(OTHER, events.HARM_HIGH)], NOW)
    await opened.use_routes(parse_routes(ROUTES), NOW)
    yield opened
    await opened.close()


async def waiting(store: Store) -> dict[str, int]:
    """When each unfinished notification may go out, ms UTC, by recipient."""
    row = schema.notifications.c
    async with store.database.reading() as connection:
        found = await connection.execute(select(row.recipient, row.next_attempt_ms).where(row.state == "pending"))
        return {recipient: at_ms for recipient, at_ms in found}


async def send_all(store: Store, now_ms: int) -> list[str]:
    """Recipients told, as a sender would."""
    told = []
    for channel in (Channel.SLACK, Channel.EMAIL):
        while job := await store.outbox.claim(channel, now_ms):
            view = await store.view(job.case_id, now_ms)
            assert view is not None
            await store.outbox.sent(job, view, f"id-{job.id}", now_ms)
            told.append(job.recipient)
    return told


async def test_the_right_people_are_told_and_quiet_hours_hold_back_without_losing(store: Store) -> None:
    await store.take(wave(4, myth=OTHER), NOW)
    found = await waiting(store)
    assert found["C11"] <= NOW + 10
    assert found["owl@hospital.example"] > NOW + 60_000
    assert await send_all(store, NOW + 100) == ["C11"]
    assert "owl@hospital.example" in await send_all(store, found["owl@hospital.example"])


async def test_a_follow_up_that_falls_due_in_quiet_hours_waits_for_their_end(tmp_path: Path) -> None:
    evening = parse_routes(
        "time zone: UTC\n"
        'people: {owl: {name: Owl, email: owl@hospital.example, quiet hours: "14:20-22:00"}}\n'
        "rules: [{name: all, tell: owl}]"
    )
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db", (), due=DueRules(email_interval_ms=900_000))
    await store.set_myths([myth_record(OTHER)], NOW)
    await store.use_routes(evening, NOW)  # 14:13
    await store.take(wave(4, myth=OTHER), NOW)
    assert await send_all(store, NOW + 100) == ["owl@hospital.example"]
    # Recorded at 14:14, when nothing was quiet yet; due at 14:28.
    await store.take(wave(5, myth=OTHER, start=20, at_ms=NOW + 60_000), NOW + 60_000)
    due_ms = (await waiting(store))["owl@hospital.example"]
    await store.close()
    assert datetime.fromtimestamp(due_ms / 1000, UTC).strftime("%H:%M") == "22:00"


async def test_what_the_cap_holds_back_is_kept_for_the_digest(store: Store) -> None:
    await store.take(wave(4), NOW)
    assert await waiting(store) == {}
    async with store.database.reading() as connection:
        row = (await connection.execute(select(schema.held_back))).one()
    assert (row.case_id, row.recipient) == (case_id(MYTH), "C11")


async def test_nobody_acknowledging_calls_the_next_once(store: Store) -> None:
    await store.take(wave(12, myth=OTHER), NOW)
    assert await send_all(store, NOW + 100) == ["C11"]
    for minute in (10, 40, 45):
        await upkeep.step(store, NOW + minute * 60_000)
        assert await send_all(store, NOW + minute * 60_000) == (["boss@hospital.example"] if minute == 40 else [])


async def test_an_acknowledged_case_calls_nobody(store: Store) -> None:
    await store.take(wave(12, myth=OTHER), NOW)
    await send_all(store, NOW + 100)
    await store.decide(Decision(case_id(OTHER), Action.ACKNOWLEDGE, "anna", "console", "a1"), NOW + 1_000)
    await upkeep.step(store, NOW + HOUR)
    assert "boss@hospital.example" not in await waiting(store)


async def test_a_place_that_routes_no_longer_name_keeps_a_true_message_and_gets_no_new_one(store: Store) -> None:
    await store.take(wave(4, myth=OTHER), NOW)
    await send_all(store, NOW + 100)
    await store.use_routes(parse_routes("places: {other: {slack: C22}}\nrules: [{name: all, tell: other}]"), NOW + 200)
    assert set(await waiting(store)) == {"C22"}
    await store.take(wave(3, myth=OTHER, start=20, at_ms=NOW + 300), NOW + 300)
    assert {"C11", "C22"} <= set(await waiting(store))


async def test_a_mistake_in_the_file_leaves_the_old_routes_in_force(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.alert.routes_file.LOOK_EVERY_S", 0.05)
    path, stopping = tmp_path / "routes.yaml", asyncio.Event()
    path.write_text(ROUTES)
    following = asyncio.create_task(follow_routes(path, read_routes(path), store, stopping))
    await asyncio.sleep(0.2)
    kept = store.rules.routing.routes
    path.write_text("rules: nonsense\n")
    os.utime(path, ns=(1, 1))
    await asyncio.sleep(0.3)
    assert store.rules.routing.routes is kept
    assert metrics.ROUTES_BROKEN._value.get() == 1
    path.write_text("places: {other: {slack: C22}}\nrules: [{name: all, tell: other}]\n")
    await asyncio.sleep(0.5)
    assert store.rules.routing.routes is not kept
    assert metrics.ROUTES_BROKEN._value.get() == 0
    stopping.set()
    await following


CAPPED = """
people: {owl: {name: Owl, email: owl@hospital.example, quiet hours: "00:00-23:59"}}
rules: [{name: all, tell: owl}]
daily cap: {moderate: 1}
"""


async def held_back(store: Store) -> set[str]:
    async with store.database.reading() as connection:
        return set((await connection.execute(select(schema.held_back.c.case_id))).scalars())


async def test_a_case_that_waits_for_the_morning_is_not_capped_by_itself(store: Store) -> None:
    await store.use_routes(parse_routes(CAPPED), NOW)
    await store.take(wave(4), NOW)
    for more in range(5):
        assert len(await waiting(store)) == 1
        assert await held_back(store) == set()
        await store.take(wave(1, start=10 + more, at_ms=NOW + more), NOW + 10 + more)


async def test_the_cap_holds_within_one_batch_too(store: Store) -> None:
    await store.set_myths([myth_record(f"m{n}") for n in range(5)], NOW)
    await store.use_routes(parse_routes(CAPPED), NOW)
    await store.take([one for n in range(5) for one in wave(4, myth=f"m{n}")], NOW)
    assert len(await held_back(store)) == 4
    async with store.database.reading() as connection:
        assert len((await connection.execute(select(schema.notifications))).all()) == 1
    # A higher cap tells the rest, which then waits for no digest any more.
    await store.use_routes(parse_routes(CAPPED.replace("moderate: 1", "moderate: 9")), NOW + 10)
    assert await held_back(store) == set()
