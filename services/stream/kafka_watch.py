"""Is Kafka there? At start and in mid-stream: wait with backoff, say so once, go on when it answers."""

from __future__ import annotations

import asyncio
import random

import faust
from aiokafka.errors import KafkaError

from services.stream.readiness import Readiness
from services.stream.settings import StreamSettings
from services.stream.topic_admin import TopicsDiffer, check_topics

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
PROBE_EVERY_S = 2.0
# A broker that restarts is back within a few probes; Faust recovers from those by itself.
PROBES_LOST = 3


async def wait_for_kafka(
    settings: StreamSettings, readiness: Readiness, stopping: asyncio.Event, *, first: bool = True
) -> bool:
    """Wait until Kafka answers and its topics are as declared; False when told to stop meanwhile.

    Raises TopicsDiffer when the broker's topics are not what this release expects, at the first time. Afterwards that
    is waited for too: a broker that comes back lists its topics a moment after it answers.
    """
    attempt = 0
    stopped = asyncio.create_task(stopping.wait())
    try:
        while not stopping.is_set():
            checking = asyncio.create_task(check_topics(settings.kafka_bootstrap))
            # A frozen broker answers nothing for many seconds: being told to stop doesn't wait for it.
            await asyncio.wait([checking, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not checking.done():
                checking.cancel()
                await asyncio.gather(checking, return_exceptions=True)
                return False
            try:
                checking.result()
            except (KafkaError, OSError, TimeoutError) as error:
                readiness.wait_for("kafka", f"{settings.kafka_bootstrap} does not answer ({type(error).__name__})")
            except TopicsDiffer as difference:
                if first:
                    raise
                readiness.wait_for("kafka", str(difference))
            else:
                readiness.is_there("kafka")
                return True
            delay = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)] * random.uniform(0.8, 1.2)
            attempt += 1
            await asyncio.wait([stopped], timeout=delay)
        return False
    finally:
        stopped.cancel()


async def watch_kafka(settings: StreamSettings, app: faust.App, readiness: Readiness) -> None:
    """Return when Kafka was away for several probes or Faust crashed: the caller starts a new session."""
    lost = 0
    while True:
        await asyncio.sleep(PROBE_EVERY_S)
        if app.crashed:
            readiness.wait_for("kafka", f"the consumer stopped ({type(app.crash_reason).__name__})")
            return
        if await _answers(settings.kafka_bootstrap):
            lost = 0
            readiness.is_there("kafka")
            continue
        lost += 1
        readiness.wait_for("kafka", f"{settings.kafka_bootstrap} does not answer")
        if lost >= PROBES_LOST:
            return


async def _answers(bootstrap: str) -> bool:
    """True when any of the brokers takes a connection."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            async with asyncio.timeout(1):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            return True
        except (OSError, TimeoutError, ValueError):
            continue
    return False
