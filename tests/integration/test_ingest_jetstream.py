"""The Jetstream source against a local server true to the wire, and a real broker: nothing lost, whatever the host does."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.command.embedded_kafka import EmbeddedKafka
from services.stream import events_pb2 as events
from services.stream.topic_admin import create_topics
from tests.conftest import free_port
from tests.contracts.jetstream_server import Jetstream, account, jetstream, post
from tests.integration.ingest_running import AUTHOR_KEY, Written, environment, ingest, start_process, until, written

SECOND = 1_000_000
DID = "did:plc:aaa"


@pytest.fixture
async def server() -> AsyncIterator[Jetstream]:
    async with jetstream() as running:
        yield running


@pytest.fixture
def base_us() -> int:
    """Recent, and another for each test, so that ids never meet."""
    return (int(time.time()) - 3_600) * SECOND


def options(*servers: Jetstream, **more: str) -> dict[str, str]:
    return {"sources": "jetstream", "jetstream_hosts": ",".join(s.host for s in servers), **more}


def post_id(rkey: str, did: str = DID) -> str:
    return f"bluesky:at://{did}/app.bsky.feed.post/{rkey}"


def cursors(state: Path) -> dict[str, int]:
    return json.loads((state / "jetstream-cursors.json").read_text())


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"source": "jetstream", **labels}) or 0.0


def has(count: int):
    return lambda seen: len(set(seen.ids)) >= count


async def connected(server: Jetstream, times: int = 1) -> None:
    await until(lambda: len(server.subscriptions) >= times, 20)


async def test_posts_edits_deletes_and_accounts(kafka: str, server: Jetstream, tmp_path: Path, base_us: int) -> None:
    key = f"journey{base_us}"
    async with written(kafka) as seen, ingest(kafka, tmp_path, **options(server)):
        await connected(server)
        await server.add(
            post(base_us, key, "@jan.bsky.social says: tea cures all"),
            post(base_us + 1, key, "tea cures nothing", operation="update"),
            post(base_us + 2, key, operation="delete"),
            account(base_us + 3, "did:plc:gone", "deleted"),
            account(base_us + 4, "did:plc:back", None),
            {"did": DID, "time_us": base_us + 5, "kind": "identity", "identity": {"handle": "a"}},
            b"\xffno json",
            post(base_us + 6, key + "b", "", did="did:plc:bbb"),
        )
        await seen.until(lambda s: post_id(key + "b", "did:plc:bbb") in s.ids and s.letters)
    created, edited, deleted, gone = seen.posts[:4] if seen.posts[3].author_deleted else sorted_by_action(seen)
    pseudonym = hmac.new(AUTHOR_KEY.encode(), b"\x00\x07bluesky" + DID.encode(), hashlib.sha256).hexdigest()[:32]
    assert (created.id, created.text, created.author) == (post_id(key), "@USER says: tea cures all", pseudonym)
    assert created.url == f"https://bsky.app/profile/{DID}/post/{key}"
    assert created.source == f"jetstream:127.0.0.1:{server.port}"
    assert (edited.action, edited.text) == (events.POST_ACTION_UPDATE, "tea cures nothing")
    assert (deleted.action, deleted.text, deleted.id) == (events.POST_ACTION_DELETE, "", post_id(key))
    assert gone.action == events.POST_ACTION_DELETE
    assert gone.id == f"bluesky:account:{gone.author_deleted}"
    assert gone.author_deleted != ""
    assert not any("did:plc:back" in p.id for p in seen.posts)
    assert bytes(seen.letters[0].original) == b"\xffno json"
    assert seen.letters[0].reason.startswith("body: not UTF-8")


def sorted_by_action(seen: Written) -> list[events.SocialPost]:
    """Partitions are read in any order: create, update, delete of the post, then the account."""
    posts = [p for p in seen.posts if not p.author_deleted and "did:plc:aaa" in p.id]
    return [*sorted(posts, key=lambda p: p.action), *[p for p in seen.posts if p.author_deleted]]


async def test_a_stop_and_a_start_resume_inclusively_and_lose_nothing(
    kafka: str, server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    name = f"stop{base_us}"
    async with written(kafka) as seen:
        async with ingest(kafka, tmp_path, **options(server)):
            await connected(server)
            await server.add(*[post(base_us + i * SECOND, f"{name}{i}") for i in range(20)])
            await seen.until(has(20))
        assert cursors(tmp_path) == {server.host: base_us + 19 * SECOND}
        await server.add(*[post(base_us + (20 + i) * SECOND, f"{name}{20 + i}") for i in range(20)])
        async with ingest(kafka, tmp_path, **options(server)):
            await seen.until(has(40))
    # A second back, for events that came out of order.
    assert server.subscriptions[1].cursor == base_us + 18 * SECOND
    assert server.subscriptions[0].cursor is None
    assert server.subscriptions[1].collections == ["app.bsky.feed.post"]


async def test_sigkilled_in_mid_stream_again_and_again_nothing_is_lost(
    kafka: str, server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    name, count = f"kill{base_us}", 4_000
    variables = environment(kafka, tmp_path, **options(server))
    flowing = asyncio.create_task(_flow(server, base_us, name, count))
    async with written(kafka) as seen:
        for _ in range(3):
            process = await start_process(variables)
            before = len(seen.posts)
            try:
                await seen.until(lambda s, n=before: len(s.posts) > n + 150, 30)
            finally:
                process.kill()
                await process.communicate()
        async with ingest(kafka, tmp_path, **options(server)):
            await flowing
            await seen.until(
                lambda s: {post_id(f"{name}{i}") for i in range(first_seen(s, name), count)} <= set(s.ids), 30
            )
    # Twice is allowed, and shows that it was cut in the middle.
    assert len(seen.ids) > len(set(seen.ids))
    assert first_seen(seen, name) < 200


def first_seen(seen: Written, name: str) -> int:
    """Number of the first post: those before the very first connection were never ours."""
    return min(int(i.rsplit(name, 1)[1]) for i in seen.ids)


async def _flow(server: Jetstream, base_us: int, name: str, count: int) -> None:
    await connected(server)
    for i in range(count):
        await server.add(post(base_us + i * 100_000, f"{name}{i}"))
        if i % 10 == 0:
            await asyncio.sleep(0.03)


async def test_a_1006_drop_resumes_on_the_same_host(
    kafka: str, server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    name = f"drop{base_us}"
    before = metric("mythwatch_source_reconnects_total", why="closed")
    async with jetstream() as other, written(kafka) as seen, ingest(kafka, tmp_path, **options(server, other)):
        await connected(server)
        server.drop_after = 7
        await server.add(*[post(base_us + i * SECOND, f"{name}{i}") for i in range(30)])
        await seen.until(has(30))
        assert len(server.subscriptions) == 2
        assert other.subscriptions == []
        # A drop goes back no further than a second from what Kafka confirmed.
        assert server.subscriptions[1].cursor == base_us + 5 * SECOND
        await until(lambda: metric("mythwatch_source_connected") == 1)
    assert metric("mythwatch_source_reconnects_total", why="closed") == before + 1
    assert metric("mythwatch_source_connected") == 0


async def test_an_open_but_silent_host_is_left_for_the_next_with_a_rewind(
    kafka: str, server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    name = f"silent{base_us}"
    async with jetstream() as other, written(kafka) as seen:
        both = [post(base_us + i * SECOND, f"{name}{i}") for i in range(40)]
        await other.add(*both)
        more = options(server, other, jetstream_idle_s="0.6", jetstream_rewind_s="5")
        async with ingest(kafka, tmp_path, **more):
            await connected(server)
            await server.add(*both[:20])
            await seen.until(has(20))
            server.stalled = True
            await seen.until(has(40))
            assert other.subscriptions[0].cursor == base_us + 14 * SECOND
        # Cursors are a host's own.
        assert cursors(tmp_path) == {server.host: base_us + 19 * SECOND, other.host: base_us + 39 * SECOND}
    assert len(set(seen.ids)) == 40
    # What both hosts sent was dropped by id within the process.
    assert len(seen.ids) == 40


async def test_a_refusing_and_an_unreachable_host_are_passed_over(
    kafka: str, server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    async with jetstream() as refusing, written(kafka) as seen:
        refusing.refuse = True
        hosts = f"{refusing.host},ws://127.0.0.1:{free_port()},{server.host}"
        async with ingest(kafka, tmp_path, sources="jetstream", jetstream_hosts=hosts):
            await connected(server)
            await server.add(post(base_us, f"refused{base_us}"))
            await seen.until(has(1))


async def test_a_cursor_too_old_is_a_gap_that_is_said(
    kafka: str, server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    (tmp_path / "jetstream-cursors.json").write_text(json.dumps({server.host: base_us - 7_200 * SECOND}))
    server.oldest_us = base_us
    await server.add(*[post(base_us + i, f"gap{base_us}{i}") for i in range(3)])
    before = metric("mythwatch_source_gaps_total")
    with capture_logs() as logs:
        async with written(kafka) as seen, ingest(kafka, tmp_path, **options(server)):
            await seen.until(has(3))
    assert metric("mythwatch_source_gaps_total") == before + 1
    gap = next(entry for entry in logs if entry["action"] == "source_gap")
    assert gap["missing_s"] == pytest.approx(7_201, abs=1)


async def test_no_gap_is_said_where_there_is_none(kafka: str, server: Jetstream, tmp_path: Path, base_us: int) -> None:
    (tmp_path / "jetstream-cursors.json").write_text(json.dumps({server.host: base_us}))
    await server.add(*[post(base_us + i * SECOND, f"nogap{base_us}{i}") for i in range(3)])
    before = metric("mythwatch_source_gaps_total")
    async with written(kafka) as seen, ingest(kafka, tmp_path, **options(server)):
        await seen.until(has(3))
    assert metric("mythwatch_source_gaps_total") == before


async def test_a_cursor_in_the_future_does_not_skip(kafka: str, server: Jetstream, tmp_path: Path) -> None:
    now = int(time.time()) * SECOND
    (tmp_path / "jetstream-cursors.json").write_text(json.dumps({server.host: now + 86_400 * SECOND}))
    await server.add(post(now + 3 * SECOND, f"future{now}"))
    async with written(kafka) as seen, ingest(kafka, tmp_path, **options(server)):
        await seen.until(has(1))


async def test_an_unreadable_cursor_file_is_put_aside(
    kafka: str, server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    (tmp_path / "jetstream-cursors.json").write_text('{"half')
    async with written(kafka) as seen, ingest(kafka, tmp_path, **options(server)):
        await connected(server)
        await server.add(post(base_us, f"aside{base_us}"))
        await seen.until(has(1))
    assert (tmp_path / "jetstream-cursors.json.unreadable").read_text() == '{"half'


async def test_what_came_before_the_first_confirmation_is_owed_too(
    server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    embedded = EmbeddedKafka(tmp_path / "kafka", free_port(2))
    embedded.start()
    name = f"owed{base_us}"
    try:
        await create_topics(embedded.bootstrap, 1)
        embedded.stop()
        async with ingest(embedded.bootstrap, tmp_path, ready=False, **options(server)) as running:
            await connected(server)
            await server.add(*[post(base_us + i * SECOND, f"{name}{i}") for i in range(10)])
            await until(lambda: (tmp_path / "jetstream-cursors.json").exists())
            await running.kill()
        embedded.start()
        async with written(embedded.bootstrap) as seen, ingest(embedded.bootstrap, tmp_path, **options(server)):
            await seen.until(has(10))
    finally:
        embedded.stop(kill=True)


async def test_kafka_away_keeps_the_cursor_and_loses_nothing(server: Jetstream, tmp_path: Path, base_us: int) -> None:
    embedded = EmbeddedKafka(tmp_path / "kafka", free_port(2))
    embedded.start()
    name = f"away{base_us}"
    try:
        await create_topics(embedded.bootstrap, 1)
        async with (
            written(embedded.bootstrap) as seen,
            ingest(embedded.bootstrap, tmp_path, **options(server)) as running,
        ):
            await connected(server)
            await server.add(*[post(base_us + i * SECOND, f"{name}{i}") for i in range(10)])
            await seen.until(has(10))
            embedded.stop(kill=True)
            await server.add(*[post(base_us + i * SECOND, f"{name}{i}") for i in range(10, 3_000)])
            await until(lambda: "kafka" in running.readiness.awaited, 20)
            await server.drop()
            embedded.start()
            await seen.until(has(3_000), 60)
    finally:
        embedded.stop(kill=True)
    assert cursors(tmp_path) == {server.host: base_us + 2_999 * SECOND}


async def test_a_frame_too_large_to_be_a_post_is_stepped_over_and_said(
    kafka: str, server: Jetstream, tmp_path: Path, base_us: int
) -> None:
    name = f"large{base_us}"
    gaps = metric("mythwatch_source_gaps_total")
    huge = post(base_us + 4 * SECOND + SECOND // 2, f"{name}huge", text="x" * 2_100_000)
    with capture_logs() as logs:
        async with written(kafka) as seen, ingest(kafka, tmp_path, **options(server)):
            await connected(server)
            await server.add(*[post(base_us + i * SECOND, f"{name}{i}") for i in range(5)])
            await seen.until(has(5))
            await server.add(huge, *[post(base_us + i * SECOND, f"{name}{i}") for i in range(6, 20)])
            await seen.until(has(19))
    assert set(seen.ids) == {post_id(f"{name}{i}") for i in range(20) if i != 5}
    assert metric("mythwatch_source_gaps_total") == gaps + 1
    assert [line["log_level"] for line in logs if line.get("action") == "frame_too_large"] == ["error"]
