"""THE consume loop: every service reads Kafka through it, and the three kinds of failure are answered here only.

    batch -> decode -> process -> outputs and dead letters confirmed by Kafka -> acknowledge

- Invalid record: dead letter, the rest of the batch goes on.
- NotReady (or Kafka away): the batch is kept and tried again with backoff; readiness is red meanwhile.
- Anything else: stop without acknowledging, exit non-zero; whoever restarts the service gets the batch again.

Faust carries the stream in its no-ack form: its ordinary forms acknowledge a batch even when its body raises, and its
own deserialiser commits past what it rejects, so bytes are taken raw. Delivery is at least once; writes are idempotent.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import faust
from aiokafka.errors import KafkaError
from google.protobuf.message import Message

from services.stream import (
    header_names,  # noqa: F401 changes how the consumer reads
    metrics,
)
from services.stream.codec import Record, decode, header_map, trace_id, trace_of
from services.stream.dead_letters import DeadLetterLimit, dead_letter
from services.stream.failures import Invalid, NotReady
from services.stream.kafka_watch import wait_for_kafka, watch_kafka
from services.stream.lag import report_lag
from services.stream.logs import log
from services.stream.producer import ConfirmedProducer
from services.stream.readiness import Readiness
from services.stream.settings import StreamSettings
from services.stream.topics import Topic

BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
# Together, with the producer's flush, within the 10 s that a service has to stop.
FINISH_WITHIN_S = 6.0
STOP_WITHIN_S = 2.0


@dataclass(frozen=True)
class Received:
    """A decoded record and where it was read."""

    message: Message
    key: bytes
    partition: int
    offset: int
    trace: str
    value: bytes | None = b""  # as it was read, for a dead letter
    headers: Mapping[str, bytes] = field(default_factory=dict)


@dataclass
class Outcome:
    """What became of a batch: records to write, and those that can never be processed with the reason."""

    writes: list[Record] = field(default_factory=list)
    rejected: list[tuple[Received, str]] = field(default_factory=list)


# Faust makes a folder for tables, of which there are none here; it must not appear where the service happens to run.
FAUST_FOLDER = Path(tempfile.gettempdir()) / "mythwatch-faust"

Process = Callable[[Sequence[Received]], Awaitable[Outcome]]


class ConsumeLoop:
    """Reads `topic` as consumer group `mythwatch-<service>` and hands batches, in partition order, to `process`."""

    def __init__(
        self, service: str, topic: Topic, settings: StreamSettings, process: Process, readiness: Readiness
    ) -> None:
        self._service = service
        self._topic = topic
        self._settings = settings
        self._process = process
        self._readiness = readiness
        self._producer = ConfirmedProducer(settings.kafka_bootstrap, service)
        self._limit = DeadLetterLimit(settings.dead_letter_share, settings.dead_letter_window)
        self._stopping = asyncio.Event()
        self._failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._busy = asyncio.Lock()
        self._gave_up = asyncio.Event()

    def stop(self) -> None:
        """Finish the batch in hand, acknowledge it, leave the group."""
        self._stopping.set()

    async def run(self) -> None:
        """Consume until `stop`; raises what stopped it otherwise."""
        first = True
        try:
            while not self._stopping.is_set():
                if not await wait_for_kafka(self._settings, self._readiness, self._stopping, first=first):
                    return
                first = False
                await self._one_session()
        finally:
            await self._producer.stop()

    async def _one_session(self) -> None:
        """One membership of the group: until stopped, failed, or Kafka went away."""
        app = self._faust_app()
        starting = asyncio.create_task(self._start_faust(app))
        lost = asyncio.create_task(watch_kafka(self._settings, app, self._readiness))
        stopping = asyncio.create_task(self._stopping.wait())
        lag = asyncio.create_task(report_lag(self._service, self._topic.name, app))
        try:
            ends: list[asyncio.Future[Any]] = [self._failure, lost, stopping]
            await asyncio.wait([starting, *ends], return_when=asyncio.FIRST_COMPLETED)
            if starting.done() and starting.result():
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not self._failure.done() and stopping.done():
                await self._finish_batch()
        finally:
            for task in (starting, lost, stopping, lag):
                task.cancel()
            await asyncio.gather(starting, lost, stopping, lag, return_exceptions=True)
            await _stop_faust(app)
        if self._failure.done():
            failure = self._failure.result()
            log.error("stopped without acknowledging", action="fatal", error=f"{type(failure).__name__}: {failure}")
            raise failure

    async def _start_faust(self, app: faust.App) -> bool:
        """False when Kafka went away between the check and the start: the session is begun anew."""
        try:
            await app.start()
        except (KafkaError, OSError, TimeoutError) as away:
            self._readiness.wait_for("kafka", f"the consumer could not start ({type(away).__name__})")
            return False
        return True

    async def _finish_batch(self) -> None:
        """Wait for the batch in hand, unless it is one that waits for something itself."""
        held = asyncio.create_task(self._busy.acquire())
        gave_up = asyncio.create_task(self._gave_up.wait())
        await asyncio.wait([held, gave_up], timeout=FINISH_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        if not held.done():
            log.warning("stopped in mid-batch; it will be read again", action="stop_unfinished")
        for task in (held, gave_up):
            task.cancel()

    def _faust_app(self) -> faust.App:
        app = faust.App(
            f"mythwatch-{self._service}",
            broker=[f"kafka://{host.strip()}" for host in self._settings.kafka_bootstrap.split(",")],
            store="memory://",
            datadir=FAUST_FOLDER,
            autodiscover=False,
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            consumer_auto_offset_reset="earliest",
            broker_session_timeout=self._settings.session_timeout_s,
            broker_request_timeout=max(20.0, self._settings.session_timeout_s + 10),
            broker_commit_interval=0.5,
            stream_wait_empty=False,
            key_serializer="raw",
            value_serializer="raw",
        )
        topic = app.topic(self._topic.name, key_type=bytes, value_type=bytes, allow_empty=True, internal=False)

        async def consume(stream: Any) -> None:
            wait = self._settings.batch_wait_ms / 1000
            async for batch in stream.noack_take(self._settings.batch_size, within=wait):
                async with self._busy:
                    try:
                        await self._handle(batch)
                    except asyncio.CancelledError:
                        raise
                    except BaseException as failure:
                        if not self._failure.done():
                            self._failure.set_result(failure)
                        # Faust would restart an agent that raises, and acknowledge: wait to be stopped instead.
                        await asyncio.Event().wait()
                    for event in batch:
                        await stream.ack(event)

        app.agent(topic, name=f"{self._service}-{self._topic.name}")(consume)
        return app

    async def _handle(self, batch: Sequence[Any]) -> None:
        received, letters = self._decode(batch)
        attempt = 0
        while True:
            try:
                failed = len(letters) + await self._carry_out(received, letters)
                break
            except NotReady as away:
                self._readiness.wait_for("work", str(away))
                metrics.RETRIED.labels(self._service).inc()
                await self._pause(attempt)
                attempt += 1
        self._readiness.is_there("work")
        metrics.CONSUMED.labels(self._service, self._topic.name).inc(len(batch))
        metrics.DEAD_LETTERED.labels(self._service, self._topic.name).inc(failed)
        self._limit.count(good=len(batch) - failed, failed=failed)

    async def _carry_out(self, received: Sequence[Received], letters: Sequence[Record]) -> int:
        """Process, write, wait for the confirmation; the number of `received` that were rejected."""
        started = time.perf_counter()
        outcome = await self._process(received) if received else Outcome()
        metrics.STAGE_SECONDS.labels(self._service, "process").observe(time.perf_counter() - started)
        rejected = [self._letter_for(item, reason) for item, reason in outcome.rejected]
        started = time.perf_counter()
        try:
            await self._producer.write([*outcome.writes, *letters, *rejected])
        except Invalid as invalid:
            return await self._without_the_invalid(received, letters, str(invalid))
        metrics.STAGE_SECONDS.labels(self._service, "confirm").observe(time.perf_counter() - started)
        return len(rejected)

    async def _without_the_invalid(self, received: Sequence[Received], letters: Sequence[Record], reason: str) -> int:
        """What came of one of `received` is more than Kafka takes: one by one, that one becomes a dead letter."""
        await self._producer.write(letters)
        if len(received) > 1:
            return sum([await self._carry_out([item], []) for item in received])
        await self._producer.write([self._letter_for(item, reason) for item in received])
        return len(received)

    def _decode(self, batch: Sequence[Any]) -> tuple[list[Received], list[Record]]:
        received, letters = [], []
        for event in batch:
            headers = header_map(event.headers)
            place = event.message
            trace = trace_of(headers)
            try:
                message = decode(self._topic, event.value, headers)
                received.append(
                    Received(message, event.key or b"", place.partition, place.offset, trace, event.value, headers)
                )
            except Invalid as invalid:
                # The place of an unreadable record is that of a readable one; its message is never looked at.
                unread = Received(
                    self._topic.message(), event.key or b"", place.partition, place.offset, trace, event.value, headers
                )
                letters.append(self._letter_for(unread, str(invalid)))
        return received, letters

    def _letter_for(self, item: Received, reason: str) -> Record:
        log.warning(
            "dead letter",
            action="dead_letter",
            topic=self._topic.name,
            partition=item.partition,
            offset=item.offset,
            reason=reason,
            trace_id=trace_id(item.trace),
        )
        return dead_letter(
            topic=self._topic,
            value=item.value,
            key=item.key,
            headers=item.headers,
            partition=item.partition,
            offset=item.offset,
            reason=reason,
            service=self._service,
            trace=item.trace,
            now_ms=_now_ms(),
        )

    async def _pause(self, attempt: int) -> None:
        delay = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)] * random.uniform(0.8, 1.2)
        try:
            async with asyncio.timeout(delay):
                await self._stopping.wait()
        except TimeoutError:
            return
        self._gave_up.set()
        await asyncio.Event().wait()  # stopping: leave the batch unacknowledged, to be cancelled with the session


async def _stop_faust(app: faust.App) -> None:
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await app.stop()
    except TimeoutError:
        log.warning("Faust did not stop in time; unacknowledged records will be read again", action="stop_slow")


def _now_ms() -> int:
    return int(time.time() * 1000)
