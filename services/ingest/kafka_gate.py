"""Is Kafka there? Doors ask before they take anything in; the answer is kept up to date in the background."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaError

from services.stream.kafka_watch import wait_for_kafka
from services.stream.readiness import Readiness
from services.stream.settings import StreamSettings
from services.stream.topic_admin import TopicsDiffer

PROBE_EVERY_S = 1.0
# One lost probe may be a full accept queue; two in a row are an absence.
PROBES_LOST = 2


class KafkaGate:
    """Open while Kafka answers with the topics that this release expects."""

    def __init__(self, settings: StreamSettings, readiness: Readiness, stopping: asyncio.Event) -> None:
        self._settings = settings
        self._readiness = readiness
        self._stopping = stopping
        self._open = asyncio.Event()
        self._lost = asyncio.Event()
        self._was_open = False

    @property
    def is_open(self) -> bool:
        return self._open.is_set()

    def close(self, why: str) -> None:
        """A write was not confirmed: shut until Kafka has answered anew."""
        self._readiness.wait_for("kafka", why)
        self._open.clear()
        self._lost.set()

    async def wait_open(self) -> bool:
        """Wait until Kafka is there; False when told to stop first."""
        if self.is_open:
            return True
        opened = asyncio.create_task(self._open.wait())
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([opened, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
            stopped.cancel()
        return self.is_open

    async def keep_watch(self) -> None:
        """Run until told to stop; raises TopicsDiffer when, at start, the broker's topics are not as expected."""
        while not self._stopping.is_set():
            try:
                if not await wait_for_kafka(self._settings, self._readiness, self._stopping):
                    return
            except TopicsDiffer as differ:
                if not self._was_open:
                    raise
                # A broker that has just come back may not know its topics yet.
                self._readiness.wait_for("kafka", str(differ))
                await self._pause(PROBE_EVERY_S)
                continue
            self._was_open = True
            self._lost.clear()
            self._open.set()
            await self._until_lost()
            self._open.clear()

    async def _until_lost(self) -> None:
        missed = 0
        while not self._stopping.is_set() and not self._lost.is_set():
            await self._pause(PROBE_EVERY_S)
            missed = 0 if await self._answers() else missed + 1
            if missed >= PROBES_LOST:
                self._readiness.wait_for("kafka", f"{self._settings.kafka_bootstrap} does not answer")
                return

    async def _pause(self, seconds: float) -> None:
        lost = asyncio.create_task(self._lost.wait())
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([lost, stopped], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()
            stopped.cancel()

    async def _answers(self) -> bool:
        for address in self._settings.kafka_bootstrap.split(","):
            host, _, port = address.strip().rpartition(":")
            try:
                async with asyncio.timeout(2):
                    _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
                writer.close()
                return True
            except (OSError, TimeoutError, ValueError, KafkaError):
                continue
        return False
