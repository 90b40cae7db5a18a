"""Verdicts come in: wrong ones are named, a myth that is not known yet is waited for, the rest goes to the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import cast

from services.alert.grouping import Taken, mistake
from services.alert.store import Store
from services.stream import events_pb2 as events
from services.stream import metrics
from services.stream.consume import Outcome, Received
from services.stream.failures import NotReady


class Intake:
    """What the consume loop calls with each batch of the topic `verdicts`."""

    def __init__(self, store: Store, myth_wait_s: float, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._myth_wait_s = myth_wait_s
        self._clock = clock
        # When a myth was first found missing; a case is opened without it once it was waited for long enough.
        self._missing: dict[str, float] = {}

    async def process(self, received: Sequence[Received]) -> Outcome:
        """Take a batch in. Raises NotReady while the database is away or a myth is waited for."""
        now_ms = int(self._clock() * 1000)
        outcome = Outcome()
        taken = []
        for item in received:
            verdict = cast(events.ClaimVerdict, item.message)
            if reason := mistake(verdict, now_ms):
                outcome.rejected.append((item, reason))
            else:
                taken.append(Taken(verdict, item.trace))
        await self._wait_for_myths({one.verdict.myth_id for one in taken if one.verdict.flag and one.verdict.myth_id})
        if taken:
            await self._store.take(taken, now_ms)
        for one in taken:
            age = now_ms - one.verdict.post.received_ms
            metrics.JOURNEY_SECONDS.labels("alert").observe(max(0, age) / 1000)
        return outcome

    async def _wait_for_myths(self, wanted: set[str]) -> None:
        now = self._clock()
        missing = await self._store.unknown_myths(wanted) if wanted else set()
        for myth_id in missing:
            self._missing.setdefault(myth_id, now)
        for myth_id in wanted - missing:
            self._missing.pop(myth_id, None)
        waited_for = sorted(myth for myth in missing if now - self._missing[myth] < self._myth_wait_s)
        if waited_for:
            raise NotReady(f"the topic myths has not given {waited_for[0]} yet")
