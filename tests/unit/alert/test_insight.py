"""What the insight page counts, and what its table leaves out."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.alert.cases import Action, Decision, Triage
from services.alert.grouping import case_id
from services.alert.insight import NO_TOPIC, Record, insight
from tests.unit.alert.console_app import HOUR, NOW, Console, console
from tests.unit.alert.examples import MYTH, OTHER, case, myth_record, verdict, wave

MINUTE = 60_000


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path) as opened:
        await opened.sign_in()
        yield opened


def record(told_ms: int = 0, decided_ms: int = 0, agreed: bool | None = None, **more: object) -> Record:
    return Record(case(**more), "sun", told_ms, decided_ms, agreed)


def test_nothing_told_is_no_time_and_no_precision() -> None:
    found = insight([record()])
    assert (found.told, found.waiting, found.median_ms, found.slow_ms) == (0, 0, None, None)


def test_times_are_the_middle_one_and_what_nine_in_ten_keep() -> None:
    told = [record(NOW, NOW + minutes * MINUTE, True) for minutes in range(1, 11)]
    found = insight([*told, record(NOW)])
    assert (found.told, found.decided, found.waiting) == (11, 10, 1)
    assert (found.median_ms, found.slow_ms) == (5 * MINUTE, 9 * MINUTE)


def test_precision_counts_what_people_were_told_of_and_judged() -> None:
    found = insight(
        [record(NOW, NOW + 1, True), record(NOW, NOW + 1, False), record(NOW, NOW + 1, None), record(0, NOW, True)]
    )
    assert (found.told, found.decided, found.agreed) == (3, 2, 1)


def test_topics_come_by_posts() -> None:
    records = [
        Record(case(triage=Triage.RESPOND), "sun", 0, 0, None),
        Record(case(), "flu", 0, 0, False),
        Record(case(), "flu", 0, 0, None),
    ]
    lines = insight(records).topics
    assert [(one.topic, one.cases, one.respond, one.posts, one.not_a_myth) for one in lines] == [
        ("flu", 2, 0, 10, 1),
        ("sun", 1, 1, 5, 0),
    ]


async def decide(desk: Console, myth: str, action: Action) -> None:
    decision = Decision(case_id(myth), action, "officer", "console", f"{myth}-{action}")
    assert await desk.store.decide(decision, desk.clock.now_ms) is not None


async def test_the_page_and_its_table(desk: Console) -> None:
    await desk.store.set_myths([myth_record(), myth_record(OTHER)], NOW)
    await desk.store.take([*wave(4), *wave(5, myth=OTHER)], NOW)
    await decide(desk, MYTH, Action.ACKNOWLEDGE)
    await decide(desk, OTHER, Action.NOT_A_MYTH)
    page = (await desk.get("/insight?days=7")).text
    assert "Last week" in page
    assert "<dt>answered</dt><dd>0</dd>" in page
    table = await desk.get("/insight.csv?days=7")
    assert table.headers["content-type"].startswith("text/csv")
    rows = {row["case"]: row for row in csv.DictReader(io.StringIO(table.text))}
    assert rows[case_id(MYTH)]["judged"] == "a myth"
    assert rows[case_id(OTHER)]["judged"] == "not a myth"
    assert rows[case_id(MYTH)]["topic"] == "sun"


async def test_the_table_holds_nothing_of_people_and_no_formula(desk: Console) -> None:
    evil = '=HYPERLINK("http://evil.example";"click")'
    event = verdict("bluesky:1", "my own words", author="pseudonym-1", myth="narrative-abc")
    await desk.store.take([event, *wave(4)], NOW)
    async with desk.store.database.writing() as connection:
        from services.alert import schema

        await connection.execute(schema.cases.update().values(claim=evil, decided_by="officer"))
    text = (await desk.get("/insight.csv")).text
    for personal in ("my own words", "pseudonym-1", "author1", "bluesky:1", "officer", "bsky.app"):
        assert personal not in text
    assert all(row["claim"].startswith("'=") for row in csv.DictReader(io.StringIO(text)))
    assert NO_TOPIC in text


async def test_what_is_older_than_the_time_is_left_out_and_a_wrong_time_is_the_usual_one(desk: Console) -> None:
    await desk.store.take(wave(4), NOW)
    desk.clock.now_s += 8 * 24 * HOUR / 1000
    await desk.sign_in()
    assert "No narrative began" in (await desk.get("/insight?days=7")).text
    for wrong in ("", "?days=8", "?days=-7", "?days=x", "?days=99999999999"):
        assert 'aria-current="page">Last four weeks' in (await desk.get(f"/insight{wrong}")).text


async def test_without_signing_in_there_is_nothing(tmp_path: Path) -> None:
    async with console(tmp_path) as stranger:
        for path in ("/insight", "/insight.csv"):
            answer = await stranger.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in")
