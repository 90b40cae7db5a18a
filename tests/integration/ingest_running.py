"""Running ingest beside a test, in its loop or as a process, and reading what it wrote."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.ingest.settings import IngestSettings
from services.ingest.wiring import run_service_body
from services.stream import events_pb2 as events
from services.stream.codec import Headers, header_map
from services.stream.readiness import Readiness
from services.stream.settings import StreamSettings, load
from services.stream.topics import POSTS, dead_letter_topic
from tests.conftest import free_port

API_KEY = "api key of the tests"
AUTHOR_KEY = "author key of the tests"
LETTERS = dead_letter_topic(POSTS.name)


def environment(bootstrap: str, state: Path, **more: str) -> dict[str, str]:
    """Variables of an ingest service on free ports; `more` without its MYTHWATCH_INGEST_ prefix."""
    return {
        "MYTHWATCH_KAFKA_BOOTSTRAP": bootstrap,
        "MYTHWATCH_INGEST_AUTHOR_KEY": AUTHOR_KEY,
        "MYTHWATCH_INGEST_API_KEY": API_KEY,
        "MYTHWATCH_INGEST_HTTP_PORT": str(free_port()),
        "MYTHWATCH_INGEST_METRICS_PORT": str(free_port(2) + 1),
        "MYTHWATCH_INGEST_STATE_DIR": str(state),
        **{f"MYTHWATCH_INGEST_{name.upper()}": value for name, value in more.items()},
    }


class Running:
    """The service in this loop."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.settings = load(IngestSettings, variables)
        self.stream = load(StreamSettings, {k: v for k, v in variables.items() if "INGEST" not in k})
        self.readiness = Readiness("ingest", ("kafka",))
        self.stopping = asyncio.Event()
        self.url = f"http://127.0.0.1:{self.settings.http_port}"
        self.task = asyncio.create_task(run_service_body(self.stream, self.settings, self.readiness, self.stopping))

    async def stop(self) -> float:
        """Stop gracefully; returns the seconds it took."""
        started = time.monotonic()
        self.stopping.set()
        await self.task
        return time.monotonic() - started

    async def kill(self) -> None:
        """As far as one process allows it, like SIGKILL: nothing is finished and nothing saved any more."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def until_ready(self) -> None:
        await until(lambda: self.readiness.ready, 20)


@asynccontextmanager
async def ingest(bootstrap: str, state: Path, *, ready: bool = True, **more: str) -> AsyncIterator[Running]:
    """A running service, stopped at the end."""
    running = Running(environment(bootstrap, state, **more))
    try:
        if ready:
            await running.until_ready()
        if "http" in running.settings.sources:
            await until_open(running.settings.http_port)
        yield running
    finally:
        if not running.task.done():
            await running.stop()


@asynccontextmanager
async def client(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with httpx.AsyncClient(base_url=running.url, headers=headers, timeout=30) as http:
        yield http


class Written:
    """What came onto `posts` and its dead-letter topic since it was opened."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.posts: list[events.SocialPost] = []
        self.headers: list[Headers] = []
        self.keys: list[bytes] = []
        self.letters: list[events.DeadLetter] = []

    async def until(self, enough: Callable[[Written], Any], within_s: float = 20.0) -> None:
        """Read until `enough`; fails after `within_s`."""
        deadline = time.monotonic() + within_s
        while not enough(self):
            assert time.monotonic() < deadline, (
                f"{len(self.posts)} posts and {len(self.letters)} letters in {within_s} s"
            )
            await self.read(200)

    async def read(self, wait_ms: int = 1_000) -> None:
        """Read what there is."""
        batches = await self._consumer.getmany(timeout_ms=wait_ms)
        for partition, records in batches.items():
            for record in records:
                if partition.topic == LETTERS.name:
                    self.letters.append(events.DeadLetter.FromString(record.value))
                else:
                    self.posts.append(events.SocialPost.FromString(record.value))
                    self.headers.append(header_map(record.headers))
                    self.keys.append(record.key)

    @property
    def ids(self) -> list[str]:
        return [post.id for post in self.posts]


@asynccontextmanager
async def written(bootstrap: str) -> AsyncIterator[Written]:
    """Open before writing: only what comes later is seen."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="latest")
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic.name, number) for topic in (POSTS, LETTERS) for number in range(topic.partitions)
        ]
        consumer.assign(partitions)
        for partition, end in (await consumer.end_offsets(partitions)).items():
            consumer.seek(partition, end)
        yield Written(consumer)
    finally:
        await consumer.stop()


async def until(condition: Callable[[], Any], within_s: float = 10.0) -> None:
    """Wait for `condition`; fails after `within_s`."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        await asyncio.sleep(0.02)


async def until_open(port: int, within_s: float = 20.0) -> None:
    """Wait until something listens on `port`."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nothing listens on {port}"
            await asyncio.sleep(0.05)


async def start_process(variables: dict[str, str]) -> asyncio.subprocess.Process:
    """`python -m services.ingest` with pipes for its output."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MYTHWATCH_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.ingest", env={**plain, **variables},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def reached(moment_ms: float) -> None:
    """Wait until the clock shows `moment_ms`."""
    await asyncio.sleep(max(0.0, moment_ms / 1000 - time.time()))
