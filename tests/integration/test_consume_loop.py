"""The three failure classes, graceful stop and a broker that goes away, on a real broker."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer

from services.command.embedded_kafka import EmbeddedKafka
from services.stream import events_pb2 as events
from services.stream.codec import Record, header_map, new_trace
from services.stream.consume import ConsumeLoop, Outcome, Received
from services.stream.failures import Fatal, NotReady
from services.stream.producer import ConfirmedProducer
from services.stream.readiness import Readiness
from services.stream.settings import StreamSettings, load
from services.stream.topic_admin import TopicsDiffer, check_topics, create_topics
from services.stream.topics import POSTS, VERDICTS
from tests.conftest import free_port

Process = object


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncIterator[EmbeddedKafka]:
    """A broker that the test may kill, empty but for the product's topics."""
    embedded = EmbeddedKafka(tmp_path, free_port(2))
    embedded.start()
    await create_topics(embedded.bootstrap, 1)
    yield embedded
    embedded.stop(kill=True)


def settings_for(bootstrap: str, **more: str) -> StreamSettings:
    return load(StreamSettings, {"MYTHWATCH_KAFKA_BOOTSTRAP": bootstrap, **more})


async def write_posts(bootstrap: str, ids: Sequence[str]) -> None:
    producer = ConfirmedProducer(bootstrap, "test")
    await producer.write([Record(POSTS, i, events.SocialPost(id=i, text=f"text of {i}"), new_trace()) for i in ids])
    await producer.stop()


@asynccontextmanager
async def reading(bootstrap: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read_all(bootstrap: str, topic: str, quiet_s: float = 1.0) -> list:
    async with reading(bootstrap, topic) as consumer:
        records = []
        while batch := await consumer.getmany(timeout_ms=int(quiet_s * 1000)):
            records += [record for part in batch.values() for record in part]
        return records


async def until(condition, timeout: float = 30.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        await asyncio.sleep(0.05)


def verdicts_for(batch: Sequence[Received]) -> list[Record]:
    return [Record(VERDICTS, r.message.id, events.ClaimVerdict(id=r.message.id), r.trace) for r in batch]


async def test_invalid_bytes_are_dead_lettered_whole_and_the_rest_goes_on(own_kafka: EmbeddedKafka) -> None:
    from aiokafka import AIOKafkaProducer

    raw = AIOKafkaProducer(bootstrap_servers=own_kafka.bootstrap)
    await raw.start()
    rubbish = b"\xff\x00 not protobuf \xfe"
    await raw.send_and_wait(POSTS.name, rubbish, key=b"bad", headers=[("x-mark", b"kept")])
    await raw.send_and_wait(POSTS.name, None, key=b"bad2")
    await raw.send_and_wait(POSTS.name, b"", key=b"bad3", headers=[("ce_type", b"org.example.Other")])
    # Valid, but not as we would write it: its dead letter holds these very bytes.
    odd = events.SocialPost(text="odd").SerializeToString() + events.SocialPost(id="good-2").SerializeToString()
    await raw.send_and_wait(POSTS.name, odd, key=b"good-2", headers=[("ce_id", b"good-2"), ("x-mark", b"odd")])
    await raw.stop()
    await write_posts(own_kafka.bootstrap, ["good-1"])
    seen: list[str] = []

    async def process(batch: Sequence[Received]) -> Outcome:
        seen.extend(r.message.id for r in batch)
        bad = [r for r in batch if r.message.id == "good-2"]
        return Outcome(verdicts_for([r for r in batch if r not in bad]), [(r, "text: too odd; fix it") for r in bad])

    loop = ConsumeLoop("test", POSTS, settings_for(own_kafka.bootstrap), process, Readiness("test"))
    task = asyncio.create_task(loop.run())
    await until(lambda: len(seen) == 2)
    loop.stop()
    await task
    letters = [events.DeadLetter.FromString(r.value) for r in await read_all(own_kafka.bootstrap, "posts.dlq")]
    assert len(letters) == 4
    assert sorted(letter.reason.split(":")[0] for letter in letters) == ["ce_type", "text", "value", "value"]
    whole = next(letter for letter in letters if letter.original == rubbish)
    assert (whole.original_key, whole.topic, whole.service, whole.offset >= 0) == (b"bad", "posts", "test", True)
    assert whole.headers["x-mark"] == b"kept"
    refused = next(letter for letter in letters if letter.reason.startswith("text"))
    assert (refused.original, refused.headers["x-mark"], refused.headers["ce_id"]) == (odd, b"odd", b"good-2")
    assert [r.key for r in await read_all(own_kafka.bootstrap, "verdicts")] == [b"good-1"]


async def test_not_ready_keeps_the_batch_and_turns_readiness_red(own_kafka: EmbeddedKafka) -> None:
    await write_posts(own_kafka.bootstrap, ["a"])
    readiness = Readiness("test")
    away, tries = True, 0

    async def process(batch: Sequence[Received]) -> Outcome:
        nonlocal tries
        tries += 1
        if away:
            raise NotReady("the database is locked")
        return Outcome(verdicts_for(batch))

    loop = ConsumeLoop("test", POSTS, settings_for(own_kafka.bootstrap), process, readiness)
    task = asyncio.create_task(loop.run())
    await until(lambda: tries >= 3)
    assert readiness.awaited == {"work": "the database is locked"}
    away = False
    await until(lambda: readiness.ready)
    loop.stop()
    await task
    assert [r.key for r in await read_all(own_kafka.bootstrap, "verdicts")] == [b"a"]


async def test_an_output_that_kafka_does_not_take_is_its_own_posts_dead_letter(own_kafka: EmbeddedKafka) -> None:
    await write_posts(own_kafka.bootstrap, ["a", "large", "b"])
    done: list[str] = []

    async def process(batch: Sequence[Received]) -> Outcome:
        done.extend(r.message.id for r in batch)
        sizes = [(r, 1_000_001 if r.message.id == "large" else 1) for r in batch]
        return Outcome(
            [Record(VERDICTS, r.message.id, events.ClaimVerdict(id="x" * size), r.trace) for r, size in sizes]
        )

    settings = settings_for(own_kafka.bootstrap, MYTHWATCH_BATCH_WAIT_MS="1000")
    loop = ConsumeLoop("test", POSTS, settings, process, Readiness("test"))
    task = asyncio.create_task(loop.run())
    await until(lambda: {"a", "b", "large"} <= set(done))
    await asyncio.sleep(2)
    assert not task.done()
    loop.stop()
    await task
    assert {r.key for r in await read_all(own_kafka.bootstrap, "verdicts")} == {b"a", b"b"}
    (letter,) = [events.DeadLetter.FromString(r.value) for r in await read_all(own_kafka.bootstrap, "posts.dlq")]
    assert letter.original_key == b"large"
    assert "over 1,000,000" in letter.reason


async def test_stopping_does_not_wait_for_a_batch_that_waits_itself(own_kafka: EmbeddedKafka) -> None:
    await write_posts(own_kafka.bootstrap, ["a"])
    tries = 0

    async def process(batch: Sequence[Received]) -> Outcome:
        nonlocal tries
        tries += 1
        raise NotReady("the database is locked")

    loop = ConsumeLoop("test", POSTS, settings_for(own_kafka.bootstrap), process, Readiness("test"))
    task = asyncio.create_task(loop.run())
    await until(lambda: tries >= 2)
    started = time.monotonic()
    loop.stop()
    await task
    assert time.monotonic() - started < 4


async def test_kafka_may_go_between_the_check_and_the_start(
    own_kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.stream import consume

    await write_posts(own_kafka.bootstrap, ["a"])
    await asyncio.to_thread(own_kafka.stop, 20.0, True)
    really, asked = consume.wait_for_kafka, 0

    async def there_at_first(*given, **named) -> bool:
        nonlocal asked
        asked += 1
        return True if asked == 1 else await really(*given, **named)

    monkeypatch.setattr(consume, "wait_for_kafka", there_at_first)
    seen: list[str] = []

    async def process(batch: Sequence[Received]) -> Outcome:
        seen.extend(r.message.id for r in batch)
        return Outcome()

    loop = ConsumeLoop("test", POSTS, settings_for(own_kafka.bootstrap), process, Readiness("test"))
    task = asyncio.create_task(loop.run())
    await until(lambda: asked >= 2)
    await asyncio.to_thread(own_kafka.start)
    await until(lambda: seen == ["a"])
    loop.stop()
    await task


async def test_a_header_name_that_is_not_utf8_stops_nothing(own_kafka: EmbeddedKafka) -> None:
    # The fast encoder of aiokafka takes text only: a process without it writes what other clients may.
    wrong = (
        "import asyncio, sys; from aiokafka import AIOKafkaProducer\n"
        "class Name(str):\n    def encode(self, *_): return bytes([255, 254])\n"
        "async def main():\n    producer = AIOKafkaProducer(bootstrap_servers=sys.argv[1]); await producer.start()\n"
        "    await producer.send_and_wait('posts', b'rubbish', key=b'k', partition=0, headers=[(Name('ab'), b'v'), ('x', b'y')])\n"
        "    await producer.stop()\n"
        "asyncio.run(main())"
    )
    environment = {**os.environ, "AIOKAFKA_NO_EXTENSIONS": "1"}
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", wrong, own_kafka.bootstrap, env=environment)
    assert await writer.wait() == 0
    await write_posts(own_kafka.bootstrap, [f"p{i}" for i in range(40)])
    seen: list[str] = []

    async def process(batch: Sequence[Received]) -> Outcome:
        seen.extend(r.message.id for r in batch)
        return Outcome()

    loop = ConsumeLoop("test", POSTS, settings_for(own_kafka.bootstrap), process, Readiness("test"))
    task = asyncio.create_task(loop.run())
    await until(lambda: len(seen) == 40)
    # Its partition may be the last to be read.
    letters: list[events.DeadLetter] = []
    deadline = time.monotonic() + 20
    while not letters and time.monotonic() < deadline:
        letters = [events.DeadLetter.FromString(r.value) for r in await read_all(own_kafka.bootstrap, "posts.dlq")]
    loop.stop()
    await task
    (letter,) = letters
    assert letter.original == b"rubbish"
    assert dict(letter.headers) == {"\ufffd\ufffd": b"v", "x": b"y"}


async def test_a_bug_stops_the_loop_and_the_batch_is_read_again(own_kafka: EmbeddedKafka) -> None:
    ids = [f"p{i}" for i in range(50)]
    await write_posts(own_kafka.bootstrap, ids)

    async def broken(batch: Sequence[Received]) -> Outcome:
        raise ZeroDivisionError("a bug")

    first = ConsumeLoop("test", POSTS, settings_for(own_kafka.bootstrap), broken, Readiness("test"))
    with pytest.raises(ZeroDivisionError):
        await first.run()
    seen: list[str] = []

    async def mended(batch: Sequence[Received]) -> Outcome:
        seen.extend(r.message.id for r in batch)
        return Outcome(verdicts_for(batch))

    second = ConsumeLoop("test", POSTS, settings_for(own_kafka.bootstrap), mended, Readiness("test"))
    task = asyncio.create_task(second.run())
    await until(lambda: len(seen) >= 50, 60)
    second.stop()
    await task
    assert sorted(seen) == sorted(ids)
    again: list[str] = []

    async def remember(batch: Sequence[Received]) -> Outcome:
        again.extend(r.message.id for r in batch)
        return Outcome()

    third = ConsumeLoop("test", POSTS, settings_for(own_kafka.bootstrap), remember, Readiness("test"))
    task = asyncio.create_task(third.run())
    await asyncio.sleep(3)
    third.stop()
    await task
    assert again == [], "what was acknowledged before a graceful stop is not read again"


async def test_a_broker_that_goes_away_loses_nothing(own_kafka: EmbeddedKafka) -> None:
    settings = settings_for(own_kafka.bootstrap, MYTHWATCH_SESSION_TIMEOUT_S="6")
    readiness = Readiness("test")
    seen: set[str] = set()
    red = False

    async def process(batch: Sequence[Received]) -> Outcome:
        seen.update(r.message.id for r in batch)
        await asyncio.sleep(0.05)
        return Outcome(verdicts_for(batch))

    loop = ConsumeLoop("test", POSTS, settings, process, readiness)
    task = asyncio.create_task(loop.run())
    await write_posts(own_kafka.bootstrap, [f"before-{i}" for i in range(300)])
    await until(lambda: len(seen) > 50)
    await asyncio.to_thread(own_kafka.stop, 20.0, True)
    deadline = time.monotonic() + 9
    while time.monotonic() < deadline:
        red = red or not readiness.ready
        await asyncio.sleep(0.1)
    await asyncio.to_thread(own_kafka.start)
    await write_posts(own_kafka.bootstrap, [f"after-{i}" for i in range(300)])
    await until(lambda: len(seen) == 600, 60)
    loop.stop()
    await task
    assert red, "readiness was red while Kafka was away"
    keys = {r.key.decode() for r in await read_all(own_kafka.bootstrap, "verdicts")}
    assert keys == seen


async def test_a_flood_of_failures_stops_instead_of_emptying_the_stream(own_kafka: EmbeddedKafka) -> None:
    await write_posts(own_kafka.bootstrap, [f"p{i}" for i in range(400)])
    settings = settings_for(own_kafka.bootstrap, MYTHWATCH_DEAD_LETTER_WINDOW="100", MYTHWATCH_BATCH_SIZE="50")

    async def reject(batch: Sequence[Received]) -> Outcome:
        return Outcome([], [(r, "text: never good") for r in batch])

    with pytest.raises(Fatal, match="of the last 100 records were dead-lettered"):
        await ConsumeLoop("test", POSTS, settings, reject, Readiness("test")).run()
    assert len(await read_all(own_kafka.bootstrap, "posts.dlq")) < 400


async def test_records_carry_cloudevents_headers_and_the_trace(own_kafka: EmbeddedKafka) -> None:
    trace = new_trace()
    producer = ConfirmedProducer(own_kafka.bootstrap, "test")
    await producer.write([Record(POSTS, "p", events.SocialPost(id="p"), trace)])
    await producer.stop()
    (record,) = await read_all(own_kafka.bootstrap, "posts")
    headers = header_map(record.headers)
    assert headers["ce_type"] == b"org.mythwatch.v1.SocialPost"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_id"] == b"p"
    assert headers["ce_source"] == b"/mythwatch/test"
    assert headers["content-type"] == b"application/protobuf"
    assert headers["traceparent"] == trace.encode()
    assert headers["ce_time"]


async def test_a_topic_that_differs_is_named(own_kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.stream import topics

    monkeypatch.setitem(topics.TOPICS, "posts", replace(POSTS, partitions=5))
    monkeypatch.setitem(topics.TOPICS, "extra", replace(POSTS, name="extra"))
    with pytest.raises(TopicsDiffer, match=r"topic posts has 8 partitions, expected 5; topic extra is missing"):
        await check_topics(own_kafka.bootstrap)
