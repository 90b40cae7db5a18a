"""Keeps the `myths` table as the compacted topic `myths` is: read from its beginning at every start, then followed.

No consumer group: every alert process needs all myths. Writing one again changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from services.alert.myth_rows import MythRecord
from services.alert.store import Store
from services.stream.codec import decode, header_map, trace_id, trace_of
from services.stream.dead_letters import dead_letter
from services.stream.failures import Invalid
from services.stream.follow import follow
from services.stream.logs import log
from services.stream.producer import ConfirmedProducer
from services.stream.readiness import Readiness
from services.stream.topics import MYTHS


class MythReader:
    """Reads until `stopping`; readiness `myths` is green once everything that was there at start is known."""

    def __init__(
        self, bootstrap: str, store: Store, producer: ConfirmedProducer, readiness: Readiness, stopping: asyncio.Event
    ) -> None:
        self._bootstrap, self._store, self._producer = bootstrap, store, producer
        self._readiness, self._stopping = readiness, stopping

    async def run(self) -> None:
        await follow(self._bootstrap, [MYTHS], self._keep, self._readiness, "myths", self._stopping)

    async def _keep(self, records: list[Any]) -> None:
        myths, letters = [], []
        for record in records:
            headers = header_map(record.headers)
            try:
                myths.append(myth_record(record.key, record.value, headers))
            except Invalid as invalid:
                trace = trace_of(headers)
                log.warning(
                    "dead letter", action="dead_letter", topic=MYTHS.name, partition=record.partition,
                    offset=record.offset, reason=str(invalid), trace_id=trace_id(trace),
                )  # fmt: skip
                letters.append(
                    dead_letter(
                        topic=MYTHS, value=record.value, key=record.key, headers=headers, partition=record.partition,
                        offset=record.offset, reason=str(invalid), service="alert", trace=trace,
                        now_ms=int(time.time() * 1000),
                    )
                )  # fmt: skip
        await self._producer.write(letters)
        if myths:
            await self._store.set_myths(myths, int(time.time() * 1000))


def myth_record(key: bytes | None, value: bytes | None, headers: dict[str, bytes]) -> MythRecord:
    """A record of the topic as the store keeps it; raises Invalid naming the field and the fix."""
    myth_id = (key or b"").decode("utf-8", "replace")
    if not myth_id or len(myth_id) > 200 or "\0" in myth_id:
        raise Invalid("key: the id of the myth, 1 to 200 characters")
    if not value:
        return MythRecord(myth_id, None)
    myth: Any = decode(MYTHS, value, headers)
    if myth.id != myth_id:
        raise Invalid(f"id: {myth.id[:80]!r} is not the key {myth_id[:80]!r}; write the myth under its id")
    return MythRecord(myth_id, value)
