"""The Kafka door: 300 malformed records on `posts` and 100 on `verdicts`; no service ends, each is a dead letter with its reason."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from services.command.embedded_kafka import EmbeddedKafka
from services.command.local_mail import local_mail
from services.command.local_slack import local_slack
from services.command.publish_myths import publish_built_in_myths
from services.command.read_topics import read_to_end
from services.stream import events_pb2 as events
from services.stream.topic_admin import create_topics
from tests.conftest import free_port
from tests.integration.services_under_test import RunningServices

GOOD = 450  # so that the dead-letter limit, which is about shares, is not what is tested
Raw = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]


def malformed_post(rng: random.Random, number: int) -> Raw:
    now = int(time.time() * 1000)
    good = {"id": f"bad-{number}", "text": "tea cures all", "action": events.POST_ACTION_CREATE, "received_ms": now}
    kinds: list[Raw] = [
        (b"k", rng.randbytes(rng.randrange(1, 200)) + b"\xff", []),
        (b"k", None, []),
        (b"k", b"{json, not protobuf", []),
        (b"k", events.SocialPost(**good).SerializeToString()[:-3], []),
        (b"k", b"\x22\x04\xff\xfe\xfd\xfc", []),  # field 4, text: broken UTF-8
        (b"k", events.SocialPost(**good).SerializeToString(), [("ce_type", b"org.example.Unknown")]),
        (None, events.SocialPost(**{**good, "id": ""}).SerializeToString(), []),
        (b"k", events.SocialPost(**{**good, "text": ""}).SerializeToString(), []),
        (b"k", events.SocialPost(**{**good, "text": " \n "}).SerializeToString(), []),
        (b"k", events.SocialPost(**{**good, "text": "x" * 900_000}).SerializeToString(), []),
        (b"k", events.SocialPost(**{**good, "text": "tea\x00cures"}).SerializeToString(), []),
        (b"k", events.SocialPost(**{**good, "action": 0}).SerializeToString(), []),
        (b"k", events.SocialPost(**{**good, "action": 77}).SerializeToString(), []),
        (b"k", events.SocialPost(**{**good, "received_ms": now + 10**12}).SerializeToString(), []),
        (b"k", events.SocialPost(**{**good, "created_ms": now + 10**12}).SerializeToString(), []),
    ]
    return kinds[number % len(kinds)]


@pytest.mark.timeout(300)
async def test_no_malformed_record_ends_a_service(tmp_path: Path) -> None:
    rng = random.Random(7)
    broker = EmbeddedKafka(tmp_path / "kafka", free_port(2))
    broker.start()
    await create_topics(broker.bootstrap, 1)
    await publish_built_in_myths(broker.bootstrap)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, max_request_size=2_000_000)
    await producer.start()
    async with local_slack() as slack, local_mail() as mail:
        services = RunningServices(broker.bootstrap, tmp_path, slack, mail)
        try:
            services.start("classify", "alert")
            for number in range(max(GOOD, 300)):
                if number < 300:
                    key, value, headers = malformed_post(rng, number)
                    await producer.send("posts", value=value, key=key, headers=headers)
                if number < 100:
                    noise = rng.choice(
                        [
                            None,
                            rng.randbytes(40) + b"\xff",
                            b"",
                            events.ClaimVerdict(id="v", flag=True).SerializeToString(),
                        ]
                    )
                    await producer.send("verdicts", value=noise, key=b"k")
                good = events.SocialPost(
                    id=f"good-{number}", text=f"nice weather {number}", action=events.POST_ACTION_CREATE,
                    received_ms=int(time.time() * 1000), created_ms=int(time.time() * 1000),
                )  # fmt: skip
                await producer.send("posts", value=good.SerializeToString(), key=good.id.encode())
            await producer.flush()
            await services.ready("classify", "alert", timeout=150)
            letters = await until_letters(broker.bootstrap, "posts.dlq", 300)
            refused = await until_letters(broker.bootstrap, "verdicts.dlq", 100)
            await services.ready("classify", "alert")
            classified = await services.metrics("classify")
            assert "traceback" not in (services.log("classify") + services.log("alert")).lower()
            assert (services.terminate("classify"), services.terminate("alert")) == (0, 0)
        finally:
            services.stop()
            await producer.stop()
            broker.stop(kill=True)
    assert len({letter.id for letter in letters}) == 300
    for letter in [*letters, *refused]:
        field, _, fix = letter.reason.partition(":")
        assert field.replace("_", "").replace(".", "").isalnum(), letter.reason
        assert len(fix) > 10, letter.reason
    assert f'mythwatch_posts_classified_total{{outcome="passed"}} {GOOD}.0' in classified


async def until_letters(bootstrap: str, topic: str, count: int) -> list[events.DeadLetter]:
    deadline = time.monotonic() + 120
    while True:
        letters = [events.DeadLetter.FromString(value) for value in await read_to_end(bootstrap, [topic])]
        if len(letters) >= count:
            return letters
        assert time.monotonic() < deadline, f"{len(letters)} of {count} on {topic}"
        await asyncio.sleep(1)
