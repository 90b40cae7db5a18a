"""Cases merged and split by hand: posts move, later ones follow, everything is remembered and can be undone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.alert.cases import Action, Case, Channel, Decision, Destination, Status
from services.alert.due import DueRules
from services.alert.feedback_posts import naming
from services.alert.grouping import case_id
from services.alert.merging import Act, CannotMerge
from services.alert.store import Store
from services.stream import events_pb2 as events
from tests.integration.alert_postgres import Postgres
from tests.unit.alert.examples import DELETE, MYTH, NOW, OTHER, myth_record, verdict, wave

PLACES = (Destination(Channel.SLACK, "C1"),)
ACT = Act("officer", "console", "click-1", "the same story")
ONE, TWO = case_id(MYTH), case_id(OTHER)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite+aiosqlite:///{tmp_path}/a.db" if is_sqlite else request.getfixturevalue("server").new_database()
    opened = await Store.open(url, PLACES, due=DueRules(edit_interval_ms=0, email_interval_ms=0))
    await opened.set_myths([myth_record(), myth_record(OTHER, events.HARM_HIGH)], NOW)
    await opened.take([*wave(4), *wave(3, myth=OTHER)], NOW + 10)
    yield opened
    await opened.close()


async def found(store: Store, case: str) -> Case:
    view = await store.view(case, NOW + 1_000)
    assert view is not None
    return view.case


async def test_a_merged_case_hands_over_its_posts_and_those_that_come_later(store: Store) -> None:
    assert await store.merge(ONE, TWO, ACT, NOW + 20)
    await store.take(wave(2, start=5), NOW + 30)
    merged, into = await found(store, ONE), await found(store, TWO)
    assert (merged.status, merged.merged_into, merged.counts.posts) == (Status.MERGED, TWO, 0)
    assert (into.status, into.counts.posts) == (Status.OPEN, 9)
    assert (await store.history(TWO))[0].what == "another case was merged into it"


async def test_the_same_click_twice_merges_once(store: Store) -> None:
    assert await store.merge(ONE, TWO, ACT, NOW + 20)
    assert not await store.merge(ONE, TWO, ACT, NOW + 21)
    assert [entry.what for entry in await store.history(ONE)].count("merged into another case") == 1


async def test_an_undone_merge_gives_each_case_its_own_posts(store: Store) -> None:
    await store.merge(ONE, TWO, ACT, NOW + 20)
    await store.take(wave(2, start=5), NOW + 30)
    assert await store.unmerge(ONE, Act("officer", "console", "click-2"), NOW + 40)
    await store.take(wave(1, start=7), NOW + 50)
    one, two = await found(store, ONE), await found(store, TWO)
    assert (one.status, one.counts.posts, two.counts.posts) == (Status.OPEN, 7, 3)


async def test_a_merged_case_is_told_of_once_more_at_most_and_never_anew(store: Store) -> None:
    await store.merge(ONE, TWO, ACT, NOW + 20)
    await store.take(wave(30, start=5), NOW + 30)
    # Nobody had been told of it yet, so nobody is told that it was merged.
    assert [telling.state for telling in await store.tellings(ONE)] == []
    assert [telling.action for telling in await store.tellings(TWO)] == ["post"]


async def test_posts_split_off_and_later_copies_go_to_a_case_of_their_own(store: Store) -> None:
    text = "sunscreen is a plot of the swimming pool industry, wake up"
    copies = [verdict(f"x:{n}", text, author=f"c{n}", at_ms=NOW + 20) for n in range(3)]
    await store.take(copies, NOW + 20)
    new = await store.split(ONE, ["x:0", "x:1"], ACT, NOW + 30)
    assert new == await store.split(ONE, ["x:0", "x:1"], ACT, NOW + 31)
    later = verdict("x:9", text.upper() + "!!", author="c9", at_ms=NOW + 40)
    await store.take([later, *wave(1, start=5, at_ms=NOW + 40)], NOW + 40)
    split, rest = await found(store, new), await found(store, ONE)
    assert (split.counts.posts, rest.counts.posts) == (3, 6)
    assert (split.myth_id, split.generation) == (MYTH, 2)


async def test_a_deleted_post_leaves_the_case_that_it_was_moved_to(store: Store) -> None:
    await store.merge(ONE, TWO, ACT, NOW + 20)
    gone = verdict(f"bluesky:{MYTH}-1", action=DELETE, at_ms=NOW + 30)
    account = verdict("bluesky:x", author="", at_ms=NOW + 31, account_gone="author2")
    await store.take([gone, account], NOW + 40)
    left = {post.id for post in await store.posts(TWO)}
    assert not left & {f"bluesky:{MYTH}-1", f"bluesky:{MYTH}-2", f"bluesky:{OTHER}-2"}
    assert (await found(store, TWO)).counts.posts == 4


async def test_what_makes_no_sense_is_refused_in_words_and_changes_nothing(store: Store) -> None:
    for case, into in ((ONE, ONE), (ONE, "0" * 32), ("0" * 32, TWO)):
        with pytest.raises(CannotMerge):
            await store.merge(case, into, ACT, NOW + 20)
    everybody = [post.id for post in await store.posts(ONE)]
    for posts in ([], everybody, ["bluesky:none"]):
        with pytest.raises(CannotMerge, match="some of the posts, but not all"):
            await store.split(ONE, posts, ACT, NOW + 20)
    await store.merge(ONE, TWO, ACT, NOW + 30)
    with pytest.raises(CannotMerge, match="merged already"):
        await store.merge(TWO, ONE, Act("officer", "console", "click-3"), NOW + 40)
    assert (await found(store, TWO)).counts.posts == 7


async def test_copies_by_many_accounts_are_named_in_the_case(store: Store) -> None:
    text = "nobody tells you what sunscreen really does to your skin"
    await store.take([verdict(f"y:{n}", text, author=f"d{n}", at_ms=NOW + n * 1_000) for n in range(6)], NOW + 9_000)
    case = await found(store, ONE)
    assert case.counts.coordinated == "6 accounts posted the same words within 1 minute."
    assert any(entry.what == "looks coordinated" for entry in await store.history(ONE))


def act(name: str) -> Act:
    return Act("officer", "console", name)


async def test_merges_one_after_the_other_can_each_be_undone(store: Store) -> None:
    third = case_id("third-myth")
    await store.take(wave(2, myth="third-myth"), NOW + 15)
    await store.merge(ONE, TWO, act("a"), NOW + 20)
    await store.merge(TWO, third, act("b"), NOW + 30)
    assert await store.unmerge(ONE, act("c"), NOW + 40)
    assert ((await found(store, ONE)).counts.posts, (await found(store, third)).counts.posts) == (4, 5)
    assert await store.unmerge(TWO, act("d"), NOW + 50)
    assert not await store.unmerge(TWO, act("d"), NOW + 51), "the same click again is no mistake"
    assert ((await found(store, TWO)).counts.posts, (await found(store, third)).counts.posts) == (3, 2)


async def test_a_decision_on_a_merged_case_is_one_on_the_case_that_holds_its_posts(store: Store) -> None:
    await store.merge(ONE, TWO, ACT, NOW + 20)
    decision = Decision(ONE, Action.ACKNOWLEDGE, "anna", "e-mail", "an old link")
    for repeated in (False, True):
        decided = await store.decide(decision, NOW + 30)
        assert decided is not None
        assert (decided.case.id, decided.repeated) == (TWO, repeated)
    assert (await found(store, ONE)).status is Status.MERGED
    assert (await found(store, TWO)).status is Status.ACKNOWLEDGED
    assert await store.unmerge(ONE, act("undo"), NOW + 40)


async def test_a_deleted_post_leaves_the_decisions_on_the_case_that_it_was_in_before(store: Store) -> None:
    await store.decide(Decision(ONE, Action.ACKNOWLEDGE, "anna", "console", "seen"), NOW + 15)
    await store.merge(ONE, TWO, ACT, NOW + 20)
    post = f"bluesky:{MYTH}-1"
    async with store.database.reading() as connection:
        assert len(await naming(connection, [post])) == 2, "the decision and the merge"
    await store.take([verdict(post, action=DELETE, at_ms=NOW + 30)], NOW + 40)
    async with store.database.reading() as connection:
        assert await naming(connection, [post]) == []
        assert await naming(connection, [f"bluesky:{MYTH}-2"]) != [], "the others stay"
