"""`mythwatch bench alert`: how fast verdicts are taken in, pages are served from a full store, and a case reaches Slack."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import structlog
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.alert import schema
from services.alert.cases import Channel, Destination
from services.alert.due import DueRules
from services.alert.grouping import Taken, case_id
from services.alert.myth_rows import MythRecord
from services.alert.outbox import send_until
from services.alert.settings import AlertSettings
from services.alert.slack import SlackNotifier
from services.alert.store import Store
from services.alert.web import create_app, serve_web
from services.command.local_slack import local_slack
from services.command.machine import machine
from services.stream import events_pb2 as events
from services.stream.codec import content_id
from services.stream.settings import load

MYTHS = 200
BATCH = 256
"""As the service takes them (MYTHWATCH_BATCH_SIZE)."""
PASSWORD = "only for this run"  # noqa: S105
SEED = 7
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


def bench_alert(quick: bool, server: str = "") -> dict[str, Any]:
    """All figures; `quick` takes fewer verdicts and a smaller store, and says so. `server`: address of a PostgreSQL server, where
    each part makes a database of its own and drops it; empty: SQLite.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return asyncio.run(_bench(quick, server))


async def _bench(quick: bool, server: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = server or f"sqlite+aiosqlite:///{folder}"
        intake = await _intake(place, 4_000 if quick else 20_000, 150 if quick else 600)
        slack = await _to_slack(place, 20 if quick else 100)
        pages = await _pages(place, *((100_000, 1_000) if quick else (1_000_000, 10_000)))
    store = "PostgreSQL" if server else "SQLite"
    return {
        "machine": machine(),
        "store": {"database": store},
        "intake": intake,
        "verdict_to_slack": slack,
        "pages": pages,
    }


async def _intake(place: str, verdicts: int, one_by_one: int) -> dict[str, Any]:
    """Verdicts a second in batches, as the service takes them, and with a commit for each."""
    stream = _verdicts(verdicts + one_by_one)
    async with _store(place, "intake") as store:
        started = time.perf_counter()
        for start in range(0, verdicts, BATCH):
            await store.take(stream[start : start + BATCH], _now_ms())
        batched = verdicts / (time.perf_counter() - started)
        started = time.perf_counter()
        for one in stream[verdicts:]:
            await store.take([one], _now_ms())
        alone = one_by_one / (time.perf_counter() - started)
    return {
        "verdicts": verdicts, "per_second": round(batched), "per_second_one_commit_each": round(alone, 1),
        "ratio": round(batched / alone, 1),
    }  # fmt: skip


def _verdicts(count: int) -> list[Taken]:
    """A stream of verdicts: most flagged and new, some again, some edited, some deleted; popular myths more than others."""
    draw = random.Random(SEED)
    now_ms, found = _now_ms(), []
    for number in range(count):
        again = draw.random() < 0.1 and number > 100
        post = draw.randrange(number) if again else number
        kind = draw.random()
        action = (
            events.POST_ACTION_DELETE
            if kind < 0.05
            else events.POST_ACTION_UPDATE
            if kind < 0.1
            else events.POST_ACTION_CREATE
        )
        found.append(_verdict(post, int(MYTHS * draw.random() ** 2), action, now_ms - count + number))
    return found


def _verdict(number: int, myth: int, action: Any, at_ms: int) -> Taken:
    gone = action == events.POST_ACTION_DELETE
    post = events.SocialPost(
        id=f"bench:{number}", action=action, platform="bluesky", text="" if gone else f"they hide what myth {myth} does {number}",
        language="en", author="" if gone else content_id("author", str(number % 5_000)), created_ms=at_ms, received_ms=at_ms,
    )  # fmt: skip
    verdict = events.ClaimVerdict(
        id=content_id("verdict", number, action, at_ms), post=post, kind=events.POST_KIND_CLAIM, stance=events.STANCE_ENDORSE,
        flag=not gone, flag_score=0.9, reasons=["Repeats the myth."], classified_ms=at_ms + 5, myth_id="" if gone else f"myth-{myth}",
        candidates=[] if gone else [events.Candidate(myth_id=f"myth-{myth}", score=0.9)],
    )  # fmt: skip
    return Taken(verdict)


async def _to_slack(place: str, cases: int) -> dict[str, Any]:
    """From a verdict that makes a case worth answering to the message in Slack, one case after the other."""
    async with local_slack(posts_per_second=None) as slack:
        places = (Destination(Channel.SLACK, slack.channel),)
        async with _store(place, "slack", places) as store:
            stopping = asyncio.Event()
            notifier = SlackNotifier(slack.token, slack.base_url, "http://console", "en", buttons=True)
            sending = asyncio.create_task(send_until(store, [(notifier, 0.0)], stopping))
            took = []
            for myth in range(cases):
                posts = [_verdict(10_000 * myth + n, myth, events.POST_ACTION_CREATE, _now_ms()) for n in range(12)]
                known, started = len(slack.messages), time.perf_counter()
                await store.take(posts, _now_ms())
                while len(slack.messages) == known:
                    await asyncio.sleep(0.002)
                took.append(time.perf_counter() - started)
            stopping.set()
            await sending
    return {
        "cases": cases,
        "p50_ms": round(1000 * statistics.median(took)),
        "p99_ms": round(1000 * _quantile(took, 0.99)),
    }


async def _pages(place: str, posts: int, cases: int) -> dict[str, Any]:
    """Pages of the running console, signed in, over HTTP, from a store with that many posts and cases."""
    settings = load(AlertSettings, {"MYTHWATCH_ALERT_CONSOLE_PASSWORD": PASSWORD})
    async with _store(place, "pages") as store:
        started = time.perf_counter()
        await _fill(store, posts, cases)
        if not place.startswith("sqlite"):  # as its autovacuum does by and by
            async with store.database.writing() as connection:
                await connection.execute(text("ANALYZE"))
        filled_s = time.perf_counter() - started
        port, stopping = _free_port(), asyncio.Event()
        serving = asyncio.create_task(serve_web(create_app(store, settings), "127.0.0.1", port, stopping))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            await _signed_in(client)
            some = [_case(number) for number in random.Random(SEED).sample(range(cases), 30)]
            inbox = [await _ms(client, "/") for _ in range(30)]
            page = [await _ms(client, f"/cases/{one}") for one in some]
            largest = [await _ms(client, f"/cases/{_case(0)}") for _ in range(10)]
        stopping.set()
        await serving
    return {
        "posts": posts, "cases": cases, "seconds_to_fill": round(filled_s), "inbox_median_ms": round(statistics.median(inbox)),
        "case_page_median_ms": round(statistics.median(page)), "largest_case_median_ms": round(statistics.median(largest)),
    }  # fmt: skip


async def _fill(store: Store, posts: int, cases: int) -> None:
    """Rows as intake would have left them; a few cases are large."""
    draw, now_ms = random.Random(SEED), _now_ms()
    counts = [0] * cases
    for _ in range(posts):
        counts[min(cases - 1, int(cases * draw.random() ** 3))] += 1
    rows = [
        {
            "id": _case(number), "myth_id": f"big-{number}", "generation": 1, "claim": f"Claim number {number}.", "status": "open",
            "triage": "monitor", "urgency": 12, "harm": "moderate", "posts": count, "authors": count, "platforms": {"bluesky": count},
            "languages": {"en": count}, "first_seen_ms": now_ms - 86_400_000, "last_seen_ms": now_ms, "created_ms": now_ms,
            "updated_ms": now_ms, "version": 1, "published_version": 1,
        }
        for number, count in enumerate(counts)
    ]  # fmt: skip
    async with store.database.writing() as connection:
        await connection.execute(schema.cases.insert(), rows)
    batch: list[dict[str, Any]] = []
    number = 0
    for place, count in enumerate(counts):
        for _ in range(count):
            at_ms = now_ms - draw.randrange(86_400_000)
            number += 1
            batch.append(
                {
                    "id": f"big:{number}", "case_id": _case(place), "verdict_id": content_id(number), "subject": f"big-{place}",
                    "text": f"they hide what claim {place} does, and nobody says so {number}", "language": "en", "platform": "bluesky",
                    "author": content_id("author", str(number % 50_000)), "created_ms": at_ms, "received_ms": at_ms, "seen_ms": at_ms,
                    "flag_score": 0.9, "reasons": ["Repeats the myth."], "classified_ms": at_ms,
                }
            )  # fmt: skip
        if len(batch) >= 20_000 or place == cases - 1:
            async with store.database.writing() as connection:
                await connection.execute(schema.posts.insert(), batch)
            batch = []


async def _signed_in(client: httpx.AsyncClient) -> None:
    for _ in range(100):
        try:
            page = await client.get("/sign-in")
            break
        except httpx.ConnectError:
            await asyncio.sleep(0.05)
    found = _CSRF.search(page.text)
    assert found is not None
    form = {"csrf": found[1], "user": "officer", "password": PASSWORD, "next": "/"}
    answer = await client.post("/sign-in", data=form)
    assert answer.status_code == 303, answer.status_code


async def _ms(client: httpx.AsyncClient, path: str) -> float:
    started = time.perf_counter()
    answer = await client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return 1000 * (time.perf_counter() - started)


@asynccontextmanager
async def _store(place: str, name: str, places: tuple[Destination, ...] = ()) -> AsyncIterator[Store]:
    async with _database(place, f"mythwatch_bench_{name}") as url, _opened(url, places) as store:
        yield store


@asynccontextmanager
async def _database(place: str, name: str) -> AsyncIterator[str]:
    """Address of an empty database in a folder (SQLite) or on a server, where it is dropped afterwards."""
    if place.startswith("sqlite"):
        yield f"{place}/{name}.db"
        return
    server = create_async_engine(place, isolation_level="AUTOCOMMIT")
    try:
        async with server.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(place).set(database=name).render_as_string(hide_password=False)
        finally:
            async with server.connect() as connection:
                await connection.execute(text(f"DROP DATABASE {name}"))
    finally:
        await server.dispose()


@asynccontextmanager
async def _opened(url: str, places: tuple[Destination, ...]) -> AsyncIterator[Store]:
    store = await Store.open(url, places, due=DueRules(edit_interval_ms=0))
    records = [
        MythRecord(f"myth-{n}", events.Myth(id=f"myth-{n}", claim={"en": f"Myth number {n}."}, harm=events.HARM_HIGH).SerializeToString())
        for n in range(MYTHS)
    ]  # fmt: skip
    await store.set_myths(records, _now_ms())
    try:
        yield store
    finally:
        await store.close()


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _case(number: int) -> str:
    return case_id(f"big-{number}")


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _now_ms() -> int:
    return int(time.time() * 1000)
