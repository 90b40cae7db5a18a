"""Digests: due by the routes, once for each place, by the real senders; what they say, and never a post's text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.alert.cases import Action, Channel, Decision
from services.alert.digest import due_digests
from services.alert.due import DueRules
from services.alert.email import EmailNotifier
from services.alert.grouping import case_id
from services.alert.outbox import send_until
from services.alert.routes import parse_routes
from services.alert.slack import SlackNotifier
from services.alert.store import Store
from services.command.local_mail import LocalMail, local_mail
from services.command.local_slack import LocalSlack, local_slack
from services.stream import events_pb2 as events
from tests.unit.alert.examples import MYTH, OTHER, myth_record, wave

ROUTES = """
time zone: Europe/Amsterdam
places:
  desk: {{slack: {channel}}}
  head: {{email: head@hospital.example}}
rules:
- {{name: all, tell: desk}}
daily cap: {{moderate: 0}}
digest: {{at: "{at}", days: [mon, tue, wed, thu, fri, sat, sun], weekly: {weekly}, to: [desk, head]}}
"""
ZONE = ZoneInfo("Europe/Amsterdam")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def test_a_digest_is_about_the_time_since_the_one_before() -> None:
    routes = parse_routes(
        ROUTES.format(channel="C11", at="08:00", weekly="mon").replace(
            "[mon, tue, wed, thu, fri, sat, sun]", "[mon, tue, fri]"
        )
    )
    tuesday, monday = due_digests(routes, ms("2026-11-24T09:00")), due_digests(routes, ms("2026-11-23T09:00"))
    assert {(one.since_ms, one.until_ms, one.weekly) for one in tuesday} == {
        (ms("2026-11-23T08:00"), ms("2026-11-24T08:00"), False)
    }
    assert {(one.until_ms - one.since_ms, one.weekly) for one in monday} == {(7 * 86_400_000, True)}
    assert len(tuesday) == 2
    assert due_digests(routes, ms("2026-11-24T21:00")) == []  # too late: left to the next


def test_a_digest_goes_to_who_was_on_call_when_it_was_due_even_after_the_handover() -> None:
    routes = parse_routes(
        """
time zone: Europe/Amsterdam
people: {a: {name: A, email: a@x.example}, b: {name: B, email: b@x.example}}
rotas: {week: {people: [a, b], from: 2026-11-17, handover: "09:00"}}
rules: [{name: all, tell: on call week}]
digest: {at: "08:00", to: [on call week]}
"""
    )
    told = [
        {one.destination.recipient for one in due_digests(routes, ms(at))}
        for at in ("2026-11-24T08:30", "2026-11-24T09:30")
    ]
    assert told == [{"a@x.example"}] * 2


async def test_what_a_digest_that_was_left_out_would_have_said_is_in_the_next(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db", due=DueRules())
    try:
        await store.use_routes(
            parse_routes(ROUTES.format(channel="C11", at="08:00", weekly="mon")), ms("2026-11-24T08:00")
        )
        await store.set_myths([myth_record()], ms("2026-11-24T08:00"))
        await store.take(wave(4, at_ms=ms("2026-11-24T07:00")), ms("2026-11-24T07:01"))
        await store.digests.record(ms("2026-11-24T08:01"))
        for channel in (Channel.SLACK, Channel.EMAIL):
            taken = await store.digests.claim(channel, ms("2026-11-24T08:02"))
            assert taken is not None
            await store.digests.sent(*taken, ms("2026-11-24T08:02"))
        # Down from Tuesday to Friday.
        await store.take(wave(4, start=9, at_ms=ms("2026-11-25T12:00")), ms("2026-11-27T08:01"))
        await store.digests.record(ms("2026-11-27T08:01"))
        taken = await store.digests.claim(Channel.EMAIL, ms("2026-11-27T08:02"))
        assert taken is not None
        assert (taken[0].due.since_ms, taken[1].posts) == (ms("2026-11-24T08:00"), 4)
    finally:
        await store.close()


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with local_slack(posts_per_second=None) as running:
        yield running


@pytest.fixture
async def mail() -> AsyncIterator[LocalMail]:
    async with local_mail() as running:
        yield running


async def sent(store: Store, slack: LocalSlack, mail: LocalMail, seconds: float = 1.5) -> None:
    """Run the real senders for a while."""
    stopping = asyncio.Event()
    notifiers = [
        (SlackNotifier(slack.token, slack.base_url, "http://console", "en", buttons=True), 0.0),
        (EmailNotifier("127.0.0.1", mail.port, "m@hospital.example", "http://console", "en", starttls=False), 0.0),
    ]
    sending = asyncio.create_task(send_until(store, notifiers, stopping))
    await asyncio.sleep(seconds)
    stopping.set()
    await sending


async def test_a_digest_lists_what_was_held_back_once_and_only_once(
    tmp_path: Path, slack: LocalSlack, mail: LocalMail
) -> None:
    now = int(datetime.now().timestamp() * 1000)
    at = datetime.fromtimestamp(now / 1000, ZONE).strftime("%H:%M")
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db", due=DueRules())
    weekly = "mon" if datetime.fromtimestamp(now / 1000, ZONE).weekday() else "tue"
    await store.set_myths([myth_record(), myth_record(OTHER, events.HARM_HIGH)], now)
    await store.use_routes(parse_routes(ROUTES.format(channel=slack.channel, at=at, weekly=weekly)), now)
    await store.take(
        [*wave(5, at_ms=now - 60_000, text="secret words of a post"), *wave(4, myth=OTHER, at_ms=now - 60_000)], now
    )
    await store.decide(
        Decision(case_id(OTHER), Action.ANSWERED, "anna", "console", "1", answer_url="https://h.example/"), now
    )
    for _ in range(3):
        await store.digests.record(now)
    await sent(store, slack, mail)
    digests = [message for message in slack.messages if "digest" in message.text]
    assert len(digests) == 1
    blocks = str(digests[0].blocks)
    assert "Not told one by one, because of the daily cap" in blocks
    assert case_id(MYTH) in blocks
    assert "Answered" in blocks
    assert "secret words" not in blocks
    (received,) = mail.mails
    assert received.subject.startswith("Mythwatch: Since the last digest: 2 new cases, 9 posts, 1 answered")
    assert received.header("List-Unsubscribe")
    assert "secret words" not in received.text + received.html
    assert case_id(OTHER) in received.html

    # Another process, and another look at the clock: nothing is sent twice, and what was told is held back no more.
    again = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db", due=DueRules())
    await again.use_routes(parse_routes(ROUTES.format(channel=slack.channel, at=at, weekly=weekly)), now)
    await again.digests.record(now)
    await sent(again, slack, mail, 0.8)
    assert len([message for message in slack.messages if "digest" in message.text]) == 1
    assert len(mail.mails) == 1
    for one in (store, again):
        await one.close()


async def test_a_digest_that_may_have_arrived_is_not_sent_again(
    tmp_path: Path, slack: LocalSlack, mail: LocalMail
) -> None:
    now = int(datetime.now().timestamp() * 1000)
    at = datetime.fromtimestamp(now / 1000, ZONE).strftime("%H:%M")
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db", due=DueRules())
    await store.set_myths([myth_record()], now)
    await store.use_routes(parse_routes(ROUTES.format(channel=slack.channel, at=at, weekly="null")), now)
    await store.take(wave(5, at_ms=now - 60_000), now)
    await store.digests.record(now)
    slack.fail_next("drop_after", 1, method="chat.postMessage")
    await sent(store, slack, mail, 1.0)
    taken = await store.digests.claim(Channel.SLACK, now + 600_000)
    assert taken is not None
    job, contents = taken
    assert job.unsure
    notifier = SlackNotifier(slack.token, slack.base_url, "http://console", "en", buttons=True)
    await notifier.send_digest(job, contents)
    await notifier.close()
    assert len(slack.messages) == 1
    await store.close()


async def test_nothing_to_say_is_no_message(tmp_path: Path, slack: LocalSlack, mail: LocalMail) -> None:
    now = int(datetime.now().timestamp() * 1000)
    at = datetime.fromtimestamp(now / 1000, ZONE).strftime("%H:%M")
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db", due=DueRules())
    await store.use_routes(parse_routes(ROUTES.format(channel=slack.channel, at=at, weekly="null")), now)
    await store.digests.record(now)
    await sent(store, slack, mail, 0.8)
    assert (slack.messages, mail.mails) == ([], [])
    await store.close()
