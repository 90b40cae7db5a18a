"""What comes in over Kafka: wrong verdicts are named, unknown myths are waited for, the topic `myths` is followed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.alert.grouping import case_id
from services.alert.intake import Intake
from services.alert.myth_reader import MythReader, myth_record
from services.alert.store import Store
from services.stream.codec import Record, new_trace
from services.stream.consume import Received
from services.stream.failures import Invalid, NotReady
from services.stream.producer import ConfirmedProducer
from services.stream.readiness import Readiness
from services.stream.topics import MYTHS
from tests.unit.alert.examples import MYTH, NOW, myth_event, verdict
from tests.unit.alert.examples import myth_record as known


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/alert.db")
    yield opened
    await opened.close()


def received(*verdicts: object) -> list[Received]:
    return [Received(one.verdict, b"", 0, n, one.trace) for n, one in enumerate(verdicts)]  # type: ignore[attr-defined]


async def test_wrong_verdicts_are_rejected_and_the_rest_goes_on(store: Store) -> None:
    await store.set_myths([known()], NOW)
    wrong = verdict("b:2")
    wrong.verdict.post.text = ""
    outcome = await Intake(store, 0, lambda: NOW / 1000).process(
        received(verdict("b:1"), wrong, verdict("b:3", author="a3"))
    )
    ((item, reason),) = outcome.rejected
    assert item.offset == 1
    assert reason.startswith("post.text")
    assert len(await store.posts(case_id(MYTH))) == 2


async def test_an_unknown_myth_is_waited_for_and_then_the_case_opened_without_it(store: Store) -> None:
    clock = NOW / 1000
    intake = Intake(store, 15, lambda: clock)
    for _ in range(3):
        with pytest.raises(NotReady, match=MYTH):
            await intake.process(received(verdict()))
        clock += 4
    await store.set_myths([known()], NOW)
    await intake.process(received(verdict()))
    with pytest.raises(NotReady):
        await intake.process(received(verdict("b:9", myth="unheard-of")))
    clock += 16
    await intake.process(received(verdict("b:9", myth="unheard-of")))
    view = await store.view(case_id("unheard-of"), NOW)
    assert view is not None
    assert view.case.claim == "unheard-of"


async def test_the_topic_is_followed(kafka: str, store: Store) -> None:
    producer, stopping, readiness = ConfirmedProducer(kafka, "test"), asyncio.Event(), Readiness("alert", ("myths",))
    ids = {"follow-1", "follow-2"}
    await producer.write([Record(MYTHS, one, myth_event(one), new_trace()) for one in ids])
    reading = asyncio.create_task(MythReader(kafka, store, producer, readiness, stopping).run())

    async def until(wanted: set[str]) -> None:
        async with asyncio.timeout(20):
            while {myth.id for myth in await store.myths()} & (ids | {"follow-3"}) != wanted or not readiness.ready:
                await asyncio.sleep(0.05)

    await until(ids)
    bad = Record(MYTHS, "follow-bad", myth_event("another-id"), new_trace())
    await producer.write([bad, Record(MYTHS, "follow-3", myth_event("follow-3"), new_trace())])
    await producer.write([Record(MYTHS, "follow-1", None, new_trace())])
    await until({"follow-2", "follow-3"})
    stopping.set()
    started = time.monotonic()
    await reading
    assert time.monotonic() - started < 3
    await producer.stop()


def test_a_record_that_is_no_myth_names_the_fix() -> None:
    for key, value in (
        (b"", b"x"),
        (b"k" * 201, b"x"),
        (b"a", b"\xff\xff"),
        (b"a", myth_event("b").SerializeToString()),
    ):
        with pytest.raises(Invalid):
            myth_record(key, value, {})
    assert myth_record(b"a", None, {}).record is None
    assert myth_record(b"a", b"", {}).record is None
