"""The way of every post, whichever door it came through: validate -> journey -> Kafka, confirmed; or a dead letter."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.ingest.duplicates import RecentPosts, content_of
from services.ingest.journey import Journey
from services.ingest.kafka_gate import KafkaGate
from services.ingest.post import TooLong, read_json, validate
from services.ingest.redact import PSEUDONYM_FIELD, redact
from services.ingest.settings import SERVICE
from services.ingest.source import Item, Stopped, Taken
from services.stream import metrics
from services.stream.codec import Record, new_trace, trace_id
from services.stream.dead_letters import DeadLetterLimit, dead_letter
from services.stream.failures import Invalid, NotReady
from services.stream.logs import log
from services.stream.producer import ConfirmedProducer
from services.stream.settings import StreamSettings
from services.stream.topics import POSTS

# Headers of a dead letter that came through a door: which door, where in it, and whether persons were taken out.
DOOR_HEADER, PLACE_HEADER, REDACTED_HEADER = "mythwatch-door", "mythwatch-place", "mythwatch-redacted"
# After so many posts the loop may answer others: about 20 ms of work.
YIELD_EVERY = 64
RETRY_S = (0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True)
class _Step:
    """An item after its journey and before Kafka."""

    taken: Taken
    record: Record | None = None
    content: str = ""


def now_ms() -> int:
    """The clock: milliseconds since 1970, UTC."""
    return int(time.time() * 1000)


class KafkaIntake:
    """Implements `source.Intake` on Kafka."""

    def __init__(
        self, journey: Journey, producer: ConfirmedProducer, gate: KafkaGate, settings: StreamSettings,
        clock: Callable[[], int] = now_ms,
    ) -> None:  # fmt: skip
        self._journey = journey
        self._producer = producer
        self._gate = gate
        self._settings = settings
        self._clock = clock
        self._recent = RecentPosts()
        self._limits: dict[str, DeadLetterLimit] = {}

    @property
    def is_open(self) -> bool:
        """See `source.Intake`."""
        return self._gate.is_open

    async def take(
        self, door: str, source: str, items: Sequence[Item], *, dead_letters: bool = True, trusted: bool = False
    ) -> list[Taken]:
        """See `source.Intake`. `trusted` items are our own dead letters: their pseudonyms are taken as such."""
        started = time.perf_counter()
        steps: list[_Step] = []
        fresh: dict[str, str] = {}
        for number, item in enumerate(items):
            steps.append(self._step(door, source, item, fresh, dead_letters=dead_letters, trusted=trusted))
            if number % YIELD_EVERY == YIELD_EVERY - 1:
                await asyncio.sleep(0)
        metrics.STAGE_SECONDS.labels(SERVICE, "process").observe(time.perf_counter() - started)
        started = time.perf_counter()
        try:
            await self._producer.write([step.record for step in steps if step.record is not None])
        except NotReady as away:
            self._gate.close(str(away))
            raise
        metrics.STAGE_SECONDS.labels(SERVICE, "confirm").observe(time.perf_counter() - started)
        for post_id, content in fresh.items():
            self._recent.remember(post_id, content)
        self._count(door, [step.taken for step in steps], dead_letters)
        return [step.taken for step in steps]

    async def take_all(self, door: str, source: str, items: Sequence[Item], *, trusted: bool = False) -> list[Taken]:
        """See `source.Intake`."""
        attempt = 0
        while await self._gate.wait_open():
            try:
                return await self.take(door, source, items, trusted=trusted)
            except NotReady:
                metrics.RETRIED.labels(SERVICE).inc()
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)] * random.uniform(0.8, 1.2))
                attempt += 1
        raise Stopped

    def _step(
        self, door: str, source: str, item: Item, fresh: dict[str, str], *, dead_letters: bool, trusted: bool
    ) -> _Step:
        trace = item.trace or new_trace()
        fields: Any = item.fields
        try:
            if item.problem:
                raise Invalid(item.problem)
            if fields is None:
                fields = read_json(item.raw)
            received_ms = self._clock()
            pseudonym = ""
            if trusted and isinstance(fields, dict) and isinstance(fields.get(PSEUDONYM_FIELD), str):
                pseudonym = fields[PSEUDONYM_FIELD]
                fields = {**fields, "author": pseudonym}
            post = self._journey.social_post(
                validate(fields, received_ms), door=door, source=source, received_ms=received_ms, pseudonym=pseudonym
            )
        except Invalid as invalid:
            return self._rejected(door, item, fields, invalid, trace, dead_letters, trusted)
        content = content_of(post)
        if fresh.get(post.id) == content or (post.id not in fresh and self._recent.has(post.id, content)):
            return _Step(Taken("duplicate", post.id))
        fresh[post.id] = content
        return _Step(Taken("accepted", post.id), Record(POSTS, post.id, post, trace))

    def _rejected(
        self, door: str, item: Item, fields: Any, invalid: Invalid, trace: str, dead_letters: bool, trusted: bool
    ) -> _Step:
        reason = str(invalid)
        taken = Taken("rejected", reason=reason, too_long=isinstance(invalid, TooLong))
        if not dead_letters:
            return _Step(taken)
        log.warning(
            "dead letter", action="dead_letter", source=door, place=item.place, reason=reason, trace_id=trace_id(trace)
        )
        headers = {DOOR_HEADER: door.encode(), PLACE_HEADER: item.place.encode(), "traceparent": trace.encode()}
        original = item.raw
        if isinstance(fields, dict):
            # A letter that fails again stays the letter it was, under the same id.
            original = item.raw if trusted else redact(fields, self._journey, door)
            headers[REDACTED_HEADER] = b"1"
        letter = dead_letter(
            topic=POSTS, value=original, key=None, headers=headers, partition=-1, offset=-1, reason=reason,
            service=SERVICE, trace=trace, now_ms=self._clock(),
        )  # fmt: skip
        return _Step(taken, letter)

    def _count(self, door: str, taken: Sequence[Taken], dead_letters: bool) -> None:
        metrics.SOURCE_LAST_EVENT.labels(door).set(self._clock() / 1000)
        for one in taken:
            metrics.SOURCE_EVENTS.labels(door, one.outcome).inc()
        if not dead_letters:
            return
        failed = sum(one.outcome == "rejected" for one in taken)
        metrics.DEAD_LETTERED.labels(SERVICE, POSTS.name).inc(failed)
        # One limit a door: rubbish through one must not stop the others.
        limit = self._limits.setdefault(
            door, DeadLetterLimit(self._settings.dead_letter_share, self._settings.dead_letter_window)
        )
        limit.count(good=len(taken) - failed, failed=failed)
