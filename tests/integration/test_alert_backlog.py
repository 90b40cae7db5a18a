"""Ten thousand notifications due at once on a Slack that takes one a second: the urgent first, nobody for ever last, none lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.alert.outbox import Sender, send_until
from services.alert.store import Store
from services.command.local_slack import LocalSlack, local_slack
from services.stream import events_pb2 as events
from tests.integration.test_alert_outbox import in_slack, now_ms, opened, slack_notifier
from tests.unit.alert.examples import myth_record, wave

DUE = 10_000
GRAVE_EVERY = 500
"""One myth in so many could do grave harm; the others little."""


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    # Slack's limit, but for its length: what is a second there is a tenth here.
    async with local_slack(posts_per_second=10, burst=5) as server:
        yield server


def name(number: int) -> str:
    return f"{'grave' if number % GRAVE_EVERY == 0 else 'slight'}-{number}"


def counts(folder: Path) -> dict[str, int]:
    with sqlite3.connect(folder / "alert.db") as database:
        return dict(database.execute("SELECT state, count(*) FROM notifications GROUP BY state").fetchall())


async def filled(store: Store) -> None:
    """DUE cases, each with a message due; grave ones among them anywhere."""
    harm = {"grave": events.HARM_HIGH, "slight": events.HARM_LOW}
    names = [name(number) for number in range(DUE)]
    for start in range(0, DUE, 1_000):
        part = names[start : start + 1_000]
        await store.set_myths([myth_record(one, harm[one.split("-")[0]]) for one in part], now_ms())
        await store.take([taken for one in part for taken in wave(4, myth=one, at_ms=now_ms() - 1_000)], now_ms())


async def sent_for(store: Store, slack: LocalSlack, messages: int) -> list[str]:
    """The service's own senders, until Slack has `messages`; what it was told, in order."""
    stopping = asyncio.Event()
    running = asyncio.create_task(send_until(store, [(slack_notifier(slack), 0.0)], stopping))
    async with asyncio.timeout(60):
        while len(slack.messages) < messages:
            await asyncio.sleep(0.02)
    stopping.set()
    await running
    return [str(message.blocks) for message in slack.messages]


async def test_ten_thousand_due_at_once_go_out_by_urgency_and_survive_restarts(
    tmp_path: Path, slack: LocalSlack
) -> None:
    grave = DUE // GRAVE_EVERY
    async with opened(tmp_path, in_slack(slack)) as store:
        await filled(store)
        assert counts(tmp_path) == {"pending": DUE}
        await sent_for(store, slack, grave // 2)
    async with opened(tmp_path, in_slack(slack)) as store:
        told = await sent_for(store, slack, grave + 5)
    assert all("grave harm" in text.lower() for text in told[:grave]), "the urgent first, across the restart"
    assert not any("grave harm" in text.lower() for text in told[grave:])
    left = counts(tmp_path)
    assert left.pop("sent") == len(slack.messages)
    assert sum(left.values()) == DUE - len(slack.messages), "the others still wait"
    assert len({message.ts for message in slack.messages}) == len(set(told)), "no case was told twice"


async def test_what_has_waited_long_goes_before_what_is_new_and_urgent(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.set_myths(
            [myth_record("grave-0", events.HARM_HIGH), myth_record("slight-1", events.HARM_LOW)], now_ms()
        )
        await store.take(wave(4, myth="slight-1", at_ms=now_ms() - 1_000), now_ms())
        with sqlite3.connect(tmp_path / "alert.db") as database:
            database.execute("UPDATE notifications SET created_ms = created_ms - 3600000")
        await store.take(wave(4, myth="grave-0", at_ms=now_ms() - 1_000), now_ms())
        sender = Sender(store, slack_notifier(slack), 0, asyncio.Event())
        assert await sender.step()
        assert await sender.step()
    first, second = [str(message.blocks).lower() for message in slack.messages]
    assert "grave harm" not in first
    assert "grave harm" in second
