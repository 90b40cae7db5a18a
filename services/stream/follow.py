"""Follow topics from their beginning, without a group: for what every process needs whole, such as the myths."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.stream import header_names  # noqa: F401 changes how the consumer reads
from services.stream.failures import NotReady
from services.stream.readiness import Readiness
from services.stream.topics import Topic

RETRY_S = 2.0
Take = Callable[[list[Any]], Awaitable[None]]


async def follow(
    bootstrap: str, topics: Sequence[Topic], take: Take, readiness: Readiness, part: str, stopping: asyncio.Event
) -> None:
    """Hand every record of `topics` to `take`, in order within a partition, until `stopping`; from the start again when
    Kafka was away or `take` raises NotReady, so taking a record twice must change nothing.

    Readiness `part` is green once everything that was there at the start is taken.
    """
    while not stopping.is_set():
        try:
            await _read(bootstrap, topics, take, readiness, part, stopping)
        except (KafkaError, NotReady, OSError, TimeoutError) as error:
            names = ", ".join(topic.name for topic in topics)
            readiness.wait_for(part, f"the topic {names} cannot be read ({type(error).__name__})")
            try:
                async with asyncio.timeout(RETRY_S):
                    await stopping.wait()
            except TimeoutError:
                pass


async def _read(
    bootstrap: str, topics: Sequence[Topic], take: Take, readiness: Readiness, part: str, stopping: asyncio.Event
) -> None:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, request_timeout_ms=10_000
    )
    partitions = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
    try:
        await consumer.start()
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        caught_up = False
        while not stopping.is_set():
            batches = await consumer.getmany(*partitions, timeout_ms=300)
            if records := [record for batch in batches.values() for record in batch]:
                await take(records)
            if not caught_up:
                caught_up = all([await consumer.position(place) >= end for place, end in ends.items()])
            if caught_up:
                readiness.is_there(part)
    finally:
        await consumer.stop()
