"""The case store, the same suite on SQLite and on a real PostgreSQL: every history ends in the right state."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from services.alert import schema, upkeep
from services.alert.cases import Action, Case, Channel, Decision, Destination, Harm, Status, Triage
from services.alert.due import DueRules
from services.alert.grouping import Taken, case_id
from services.alert.mute_desk import CannotMute, MuteWish
from services.alert.mutes import Scope
from services.alert.myth_rows import MythRecord
from services.alert.publish import mark_published, unpublished
from services.alert.sender_lock import SenderLock
from services.alert.store import Store
from services.stream import events_pb2 as events
from services.stream.failures import NotReady
from services.stream.settings import SettingsError
from tests.integration.alert_postgres import Postgres
from tests.unit.alert.examples import CREATE, DELETE, HOUR, MYTH, NOW, OTHER, UPDATE, myth_record, verdict, wave

PLACES = (Destination(Channel.SLACK, "C1"), Destination(Channel.EMAIL, "a@hospital.example"))


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/alert.db"
    return request.getfixturevalue("server").new_database()  # type: ignore[no-any-return]


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url, PLACES, due=DueRules(edit_interval_ms=0, email_interval_ms=0))
    await opened.set_myths([myth_record(), myth_record(OTHER, events.HARM_HIGH)], NOW)
    yield opened
    await opened.close()


async def the_case(store: Store, myth: str = MYTH) -> Case:
    view = await store.view(case_id(myth), NOW + 1_000)
    assert view is not None
    return view.case


async def posts(store: Store, myth: str = MYTH) -> dict[str, str]:
    return {post.id: post.text for post in await store.posts(case_id(myth), limit=1_000)}


async def everything(store: Store) -> str:
    """All that the database holds, as text."""
    found = []
    async with store.database.reading() as connection:
        for table in schema.metadata.sorted_tables:
            found += [str(tuple(row)) for row in await connection.execute(table.select())]
    return "\n".join(found)


async def test_posts_that_repeat_a_myth_are_one_case(store: Store) -> None:
    await store.take(
        [*wave(3), *wave(2, myth=OTHER), verdict("mastodon:9", "x", author="author1", language="nl", reposts=4)], NOW
    )
    case = await the_case(store)
    assert (case.counts.posts, case.counts.authors, case.counts.shares) == (4, 3, 4)
    assert case.counts.languages == {"en": 3, "nl": 1}
    assert case.claim == "Sunscreen causes cancer."
    assert case.harm is Harm.MODERATE
    assert [found.myth_id for found in await store.inbox()] == [OTHER, MYTH]  # grave harm first
    assert await store.totals() == dict.fromkeys(Status, 0) | {Status.OPEN: 2}


async def test_the_same_batch_again_changes_nothing(store: Store) -> None:
    batch = [*wave(4), verdict(f"bluesky:{MYTH}-1", action=DELETE, at_ms=NOW + 10)]
    await store.take(batch, NOW + 20)
    before = await everything(store)
    for _ in range(2):
        await store.take(batch, NOW + 20)
        await store.take([*batch, *batch], NOW + 20)
    assert await everything(store) == before
    assert len(await store.tellings(case_id(MYTH))) == 2  # one a channel


async def test_rates_and_hours(store: Store) -> None:
    await store.take([verdict(f"b:{n}", author=f"a{n}", at_ms=NOW - n * HOUR // 2) for n in range(6)], NOW)
    view = await store.view(case_id(MYTH), NOW)
    assert view is not None
    assert (view.case.counts.last_hour, view.case.counts.hour_before) == (2, 2)
    assert view.hours[-3:] == (2, 2, 2)
    assert sum(view.hours) == 6
    await upkeep.step(store, NOW + 2 * HOUR)
    assert (await the_case(store)).counts.last_hour == 0


async def test_an_edit_into_something_harmless_takes_the_post_out(store: Store) -> None:
    await store.take(wave(3), NOW)
    await store.take([verdict(f"bluesky:{MYTH}-1", "I was wrong", action=UPDATE, flag=False, at_ms=NOW + 50)], NOW + 60)
    assert (await the_case(store)).counts.posts == 2
    await store.take(wave(3), NOW + 70)  # the creation comes again
    assert (await the_case(store)).counts.posts == 2
    await store.take([verdict(f"bluesky:{MYTH}-1", "No I was right", action=UPDATE, at_ms=NOW + 80)], NOW + 90)
    assert "No I was right" in (await posts(store)).values()


async def test_an_edit_may_move_a_post_to_another_case(store: Store) -> None:
    await store.take(wave(3), NOW)
    await store.take([verdict(f"bluesky:{MYTH}-1", "garlic!", action=UPDATE, myth=OTHER, at_ms=NOW + 50)], NOW + 60)
    assert len(await posts(store)) == 2
    assert list((await posts(store, OTHER)).values()) == ["garlic!"]
    await store.take(wave(3), NOW + 70)
    assert len(await posts(store)) == 2


async def test_a_delete_that_comes_before_its_post_keeps_it_out(store: Store) -> None:
    await store.take([verdict("b:1", action=DELETE, at_ms=NOW + 100)], NOW + 100)
    await store.take([verdict("b:1", at_ms=NOW), verdict("b:2", at_ms=NOW)], NOW + 200)
    # Received again by a source that went back: still the post that was deleted.
    await store.take([verdict("b:1", at_ms=NOW + 300, created_ms=NOW - 5)], NOW + 300)
    assert list(await posts(store)) == ["b:2"]
    # A post written after the delete, under the same id, is another one.
    await store.take([verdict("b:1", at_ms=NOW + 400, created_ms=NOW + 350)], NOW + 400)
    assert sorted(await posts(store)) == ["b:1", "b:2"]


async def test_a_deleted_account_takes_all_its_posts_along(store: Store) -> None:
    await store.take([*wave(3), verdict("b:x", author="author1", myth=OTHER)], NOW)
    await store.take([verdict("bluesky:account", action=DELETE, account_gone="author1", at_ms=NOW + 50)], NOW + 60)
    assert sorted(await posts(store)) == [f"bluesky:{MYTH}-2", f"bluesky:{MYTH}-3"]
    assert await posts(store, OTHER) == {}
    await store.take([*wave(3), verdict("b:late", author="author1", at_ms=NOW + 40)], NOW + 90)
    assert len(await posts(store)) == 2
    assert "author1'" not in await everything(store)


async def test_account_and_posts_in_one_batch(store: Store) -> None:
    gone = verdict("bluesky:account", action=DELETE, account_gone="author2", at_ms=NOW + 50)
    again = verdict("b:new", author="author2", at_ms=NOW + 80, created_ms=NOW + 70)
    await store.take([*wave(3), gone, again], NOW + 90)
    assert sorted(await posts(store)) == ["b:new", f"bluesky:{MYTH}-1", f"bluesky:{MYTH}-3"]


async def test_no_deleted_text_anywhere(store: Store, tmp_path: Path) -> None:
    secret = "zebra-words-that-must-go"
    await store.take([verdict(f"b:{n}", f"{secret} {n} " + "pad " * 300, author=f"a{n}") for n in range(40)], NOW)
    await store.decide(Decision(case_id(MYTH), Action.ACKNOWLEDGE, "U1", "slack", "1"), NOW + 1)
    view = await store.view(case_id(MYTH), NOW)
    job = await store.outbox.claim(Channel.SLACK, NOW + 5)
    assert view is not None
    assert job is None or await store.outbox.sent(job, view, "1.1", NOW + 5) is None
    await store.take([verdict("b:0", "harmless", author="a0", action=UPDATE, at_ms=NOW + 9, flag=False)], NOW + 9)
    await store.take([verdict("b:1", "another text", author="a1", action=UPDATE, at_ms=NOW + 9)], NOW + 9)
    await store.take([verdict(f"b:{n}", action=DELETE, at_ms=NOW + 10) for n in range(2, 40)], NOW + 10)
    held = await everything(store)
    assert secret not in held
    assert "b:7'" not in held.replace("quotes", "")
    await upkeep.step(store, NOW + 20)
    if store.database.is_sqlite:
        for file in tmp_path.iterdir():
            assert secret.encode() not in file.read_bytes(), file


async def test_decisions_are_recorded_once_and_told(store: Store) -> None:
    await store.take(wave(3), NOW)
    act = Decision(case_id(MYTH), Action.MUTE, "U1", "slack", "17.5", mute_ms=HOUR)
    first = await store.decide(act, NOW + 1)
    again = await store.decide(act, NOW + 2)
    assert first is not None
    assert again is not None
    assert (first.repeated, again.repeated) == (False, True)
    assert first.case.status is Status.MUTED
    assert first.case.muted_until_ms == NOW + 1 + HOUR
    assert [entry.what for entry in await store.history(case_id(MYTH))] == ["muted", "opened"]
    assert await store.decide(Decision("0" * 32, Action.MUTE, "U1", "slack", "1"), NOW) is None
    await upkeep.step(store, NOW + HOUR + 2)
    case = await the_case(store)
    assert case.status is Status.OPEN
    assert (await store.history(case_id(MYTH)))[0].what == "mute ended"


async def test_a_dismissed_case_stays_dismissed_for_new_posts(store: Store) -> None:
    await store.take(wave(3), NOW)
    await store.decide(Decision(case_id(MYTH), Action.NOT_A_MYTH, "U1", "slack", "1"), NOW + 1)
    await store.take(wave(30), NOW + 2)
    case = await the_case(store)
    assert case.status is Status.DISMISSED
    assert case.counts.posts == 30
    assert await store.tellings(case_id(MYTH)) == []  # was due, and was called off before it went out


async def test_a_niche_case_tells_nobody(store: Store) -> None:
    await store.take([verdict(f"b:{n}", author="one voice") for n in range(20)], NOW)
    assert (await the_case(store)).triage is Triage.IGNORE
    assert await store.tellings(case_id(MYTH)) == []


async def test_a_myth_that_comes_late_or_changes_reaches_its_cases(store: Store) -> None:
    await store.take(wave(3, myth="unheard-of"), NOW)
    assert (await the_case(store, "unheard-of")).claim == "unheard-of"
    assert await store.unknown_myths({MYTH, "unheard-of"}) == {"unheard-of"}
    await store.set_myths([myth_record("unheard-of", events.HARM_HIGH)], NOW + 1)
    case = await the_case(store, "unheard-of")
    assert (case.claim, case.harm, case.triage) == ("Sunscreen causes cancer.", Harm.HIGH, Triage.RESPOND)
    await store.set_myths([MythRecord("unheard-of", None)], NOW + 2)
    assert (await the_case(store, "unheard-of")).claim == "Sunscreen causes cancer."
    assert "unheard-of" not in [myth.id for myth in await store.myths()]


async def test_what_changed_is_published_until_confirmed(store: Store) -> None:
    await store.take(wave(3), NOW)
    await store.decide(Decision(case_id(MYTH), Action.ACKNOWLEDGE, "U1", "slack", "1", note="mine"), NOW + 1)
    found = await unpublished(store.database)
    assert sorted(record.topic.name for record in found.records) == ["cases", "feedback"]
    await store.take(wave(4), NOW + 2)  # changes before Kafka confirmed
    await mark_published(store.database, found)
    found = await unpublished(store.database)
    (record,) = found.records
    assert record.message.posts == 4  # type: ignore[union-attr]
    await mark_published(store.database, found)
    assert (await unpublished(store.database)).records == []


async def test_concurrent_writers_count_right(url: str) -> None:
    one, two = [await Store.open(url, PLACES) for _ in range(2)]
    batches = [wave(20, start=1 + 20 * n) + wave(20, start=1 + 20 * n, myth=OTHER) for n in range(6)]

    async def take(store: Store, batch: list[object]) -> None:
        while True:
            try:
                await store.take(batch, NOW)  # type: ignore[arg-type]
                return
            except NotReady:
                await asyncio.sleep(0.01)

    await asyncio.gather(*(take((one, two)[n % 2], batch) for n, batch in enumerate(batches)))
    for myth in (MYTH, OTHER):
        assert (await the_case(one, myth)).counts.posts == 120
        assert len(await one.tellings(case_id(myth))) == 2
    await one.close()
    await two.close()


async def test_one_process_at_a_time_sends(url: str) -> None:
    one, two = [await Store.open(url, PLACES) for _ in range(2)]
    first, second, never = SenderLock(one.database), SenderLock(two.database), asyncio.Event()
    assert await first.acquire(never)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire(never), 1.5)
    assert await first.held()
    await first.release()
    assert not await first.held()
    assert await asyncio.wait_for(second.acquire(never), 5)
    await second.release()
    await one.close()
    await two.close()


async def test_search_takes_its_words_literally(store: Store) -> None:
    await store.take(wave(3), NOW)
    assert len(await store.inbox(search="sunSCREEN")) == 1
    assert await store.inbox(search="100%_") == []


async def test_hostile_numbers_do_not_stop_the_stream(store: Store) -> None:
    bad = verdict("b:1", reposts=2**63 - 1)
    bad.verdict.flag_score = float("nan")
    bad.verdict.kind = 99  # type: ignore[assignment]
    more = verdict("b:2", author="a2", reposts=2**63 - 1)
    await store.take([bad, more], NOW)
    assert (await the_case(store)).counts.shares == 2 * 10**12


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_any_history_ends_the_same(url: str, seed: int) -> None:
    """Deliveries doubled and shuffled over restarts end as one clean delivery, up to the last event of each post."""
    rng = random.Random(seed)
    history = []
    for n in range(12):
        at = NOW + n
        name = f"b:{n % 8}"
        history.append(
            verdict(name, f"text {n}", author=f"a{n % 8}", at_ms=at, created_ms=NOW, action=CREATE if n < 8 else UPDATE)
        )
    for n in rng.sample(range(8), 4):
        history.append(verdict(f"b:{n}", action=DELETE, at_ms=NOW + 100 + n))
    history.append(verdict("acc", action=DELETE, account_gone="a7", at_ms=NOW + 200))
    clean = await Store.open(url, PLACES)
    await clean.take(history, NOW + 300)
    expected, case = await posts(clean), await the_case(clean)
    shuffled = history * 2
    rng.shuffle(shuffled)
    for start in range(0, len(shuffled), 5):
        await clean.take(shuffled[start : start + 5], NOW + 300)
    assert await posts(clean) == expected
    assert (await the_case(clean)).counts == case.counts
    await clean.close()


async def test_away_is_not_ready_and_a_wrong_address_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(NotReady):
        await Store.open("postgresql+psycopg://u:hunter2@127.0.0.1:1/x")
    for wrong in ("nonsense", "mysql://x/y", "sqlite+aiosqlite://"):
        with pytest.raises(SettingsError, match="MYTHWATCH_ALERT_DATABASE_URL"):
            await Store.open(wrong)
    store = await Store.open(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    with sqlite3.connect(tmp_path / "a.db", isolation_level=None) as locker:
        locker.execute("BEGIN IMMEDIATE")
        with pytest.raises(NotReady, match="locked"):
            await store.take(wave(1), NOW)
        locker.execute("ROLLBACK")
    locker.close()
    await store.take(wave(1), NOW)
    await store.close()


async def test_secrets_are_not_in_errors(tmp_path: Path) -> None:
    with pytest.raises(NotReady) as caught:
        await Store.open("postgresql+psycopg://someone:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in str(caught.value)


async def test_migrations_make_the_tables_of_the_schema(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    async with store.database.writing() as connection:
        difference = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), schema.metadata)
        )
        assert difference == []
        await connection.execute(text("SELECT 1"))


def unexplained(number: int, narrative: str = "narrative-ab12cd34", **more: object) -> Taken:
    taken = verdict(f"bluesky:new-{number}", f"moonlit water {number}", author=f"author{number}", flag=False, **more)  # type: ignore[arg-type]
    taken.verdict.narrative_id = narrative
    return taken


async def test_a_narrative_that_no_myth_explains_is_shown_when_it_grows_and_never_says_respond(store: Store) -> None:
    narrative = "narrative-ab12cd34"
    await store.take([unexplained(number) for number in range(7)] + [unexplained(0)], NOW)
    case = await the_case(store, narrative)
    assert (case.counts.posts, case.triage, case.claim) == (7, Triage.IGNORE, "Possible new narrative ab12cd34")
    assert await store.outbox.claim(Channel.SLACK, NOW + 10) is None
    await store.take([unexplained(number) for number in range(7, 200)], NOW + 20)
    case = await the_case(store, narrative)
    assert (case.counts.posts, case.triage) == (200, Triage.MONITOR)
    job = await store.outbox.claim(Channel.SLACK, NOW + 30)
    assert job is not None
    assert job.case_id == case_id(narrative)
    # A deleted post leaves the case, and its words the whole database.
    await store.take([verdict("bluesky:new-7", action=DELETE, at_ms=NOW + 40)], NOW + 40)
    assert (await the_case(store, narrative)).counts.posts == 199
    assert "moonlit water 7'" not in await everything(store)


async def test_a_post_that_turns_out_to_spread_a_known_myth_moves_to_its_case(store: Store) -> None:
    await store.take([unexplained(1)], NOW)
    await store.take([verdict("bluesky:new-1", "moonlit water 1", at_ms=NOW + 5, action=UPDATE)], NOW + 5)
    assert (await the_case(store, "narrative-ab12cd34")).counts.posts == 0
    assert await posts(store) == {"bluesky:new-1": "moonlit water 1"}


def quiet_for(hours: int, scope: Scope = Scope.TOPIC, value: str = "sun", act: str = "click") -> MuteWish:
    return MuteWish(scope, value, hours * HOUR, "anna", "console", "we know", act)


@pytest.mark.parametrize("wish", [quiet_for(2), quiet_for(2, Scope.MYTH, MYTH)])
async def test_nobody_is_told_anew_of_a_muted_topic_or_myth_until_it_ends(store: Store, wish: MuteWish) -> None:
    await store.take(wave(1), NOW)  # too few to tell anybody
    await store.mute_desk.begin(wish, NOW + 1)
    await store.take(wave(6), NOW + 2)
    assert (await the_case(store)).counts.posts == 6, "it is counted all the same"
    assert await store.tellings(case_id(MYTH)) == []
    await upkeep.step(store, NOW + HOUR)
    assert await store.tellings(case_id(MYTH)) == []
    await upkeep.step(store, NOW + 2 * HOUR + 2)
    assert {telling.channel for telling in await store.tellings(case_id(MYTH))} == {Channel.SLACK, Channel.EMAIL}
    assert await store.mute_desk.in_force(NOW + 2 * HOUR + 2) == []


async def test_a_mute_calls_off_what_waits_and_ending_it_tells_people(store: Store) -> None:
    await store.take(wave(6), NOW)
    assert len(await store.tellings(case_id(MYTH))) == 2
    mute = await store.mute_desk.begin(quiet_for(24), NOW + 1)
    assert await store.tellings(case_id(MYTH)) == []
    assert await store.mute_desk.end(mute.id, "bram", NOW + 2)
    assert len(await store.tellings(case_id(MYTH))) == 2
    assert not await store.mute_desk.end("ff" * 16, "bram", NOW + 3)


async def test_what_people_see_stays_true_under_a_mute(store: Store) -> None:
    await store.take(wave(6), NOW)
    job = await store.outbox.claim(Channel.SLACK, NOW + 5)
    view = await store.view(case_id(MYTH), NOW + 5)
    assert job is not None
    assert view is not None
    await store.outbox.sent(job, view, "1.1", NOW + 6)
    await store.mute_desk.begin(quiet_for(24), NOW + 7)
    await store.take([verdict(f"bluesky:{MYTH}-1", action=DELETE, at_ms=NOW + 10)], NOW + 20)
    job = await store.outbox.claim(Channel.SLACK, NOW + 30)
    assert job is not None
    assert job.action == "update", "the message is edited, which interrupts nobody"


async def test_one_click_mutes_once_and_the_next_changes_until_when(store: Store) -> None:
    first = await store.mute_desk.begin(quiet_for(1), NOW)
    assert await store.mute_desk.begin(quiet_for(1), NOW + 10) == first
    longer = await store.mute_desk.begin(quiet_for(24, act="another click"), NOW + 20)
    assert await store.mute_desk.in_force(NOW + 30) == [longer]
    with pytest.raises(CannotMute, match="there is no topic moon"):
        await store.mute_desk.begin(quiet_for(1, value="moon"), NOW + 40)
