"""Writing to Kafka: `write` returns only when the broker has confirmed every record (acks=all, idempotent)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from services.stream import metrics
from services.stream.codec import Record, encode
from services.stream.failures import Invalid, NotReady

CONFIRM_TIMEOUT_S = 10.0
CLOSE_WITHIN_S = 1.5

Encoded = tuple[str, bytes, bytes | None, list[tuple[str, bytes]]]


class ConfirmedProducer:
    """One aiokafka producer that is rebuilt after a failure: an idempotent producer cannot go on after a lost sequence."""

    def __init__(self, bootstrap: str, service: str) -> None:
        self._bootstrap = bootstrap
        self._service = service
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()

    async def write(self, records: Sequence[Record]) -> None:
        """Send all and wait for the confirmation of all.

        Raises NotReady when Kafka is away (some records may have arrived: write them again, ids make it harmless)
        and Invalid when a record is too large.
        """
        now_ms = int(time.time() * 1000)
        await self.write_raw([(record.topic.name, *encode(record, self._service, now_ms)) for record in records])

    async def write_raw(self, encoded: Sequence[Encoded]) -> None:
        """The same for records that are bytes already: (topic, key, value, headers) each."""
        if not encoded:
            return
        try:
            async with asyncio.timeout(CONFIRM_TIMEOUT_S):
                producer = await self._started()
                pending = [
                    await producer.send(topic, value=value, key=key, headers=headers)
                    for topic, key, value, headers in encoded
                ]
                await asyncio.gather(*pending)
        except MessageSizeTooLargeError as error:
            raise Invalid(f"record is too large for Kafka ({error}); shorten the text") from None
        except (KafkaError, OSError, TimeoutError) as error:
            await self._discard()
            raise NotReady(f"Kafka did not confirm ({type(error).__name__})") from error
        for topic, *_ in encoded:
            metrics.WRITTEN.labels(self._service, topic).inc()

    async def stop(self) -> None:
        """Close within a second or so: there is nothing to flush, as `write` returns only once all is confirmed."""
        await self._discard()
        if self._stopping:
            _, late = await asyncio.wait(self._stopping, timeout=CLOSE_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=5,
                    max_request_size=4_000_000,
                    request_timeout_ms=8_000,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # Its stop waits for the broker: in the background, so that the batch can be tried again meanwhile.
            task = asyncio.create_task(_stop_quietly(producer))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)


async def _stop_quietly(producer: AIOKafkaProducer) -> None:
    try:
        await producer.stop()
    except (KafkaError, OSError, TimeoutError):
        pass
