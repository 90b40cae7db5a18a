"""What time alone changes: mutes end, rates fall, tombstones are forgotten; and the gauges of cases and outbox."""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import false, or_, select

from services.alert import case_reads, schema
from services.alert.cases import Channel, Status, Triage
from services.alert.reconsider import reconsider
from services.alert.retention import Retention, enforce
from services.alert.routing import escalates
from services.alert.store import Store
from services.stream import metrics
from services.stream.failures import NotReady
from services.stream.logs import log

EVERY_S = 2.0
# Rates are counted again this often while there are any.
RATE_AGE_MS = 60_000
ESCALATION_AGE_MS = 15_000
RETENTION_EVERY_MS = 600_000
MOST = 500


async def keep_up(store: Store, retention: Retention, stopping: asyncio.Event) -> None:
    """Until `stopping` is set."""
    looked_ms = 0
    while not stopping.is_set():
        try:
            now_ms = int(time.time() * 1000)
            await step(store, now_ms)
            if now_ms - looked_ms >= RETENTION_EVERY_MS:
                forgotten = await enforce(store.database, store.rules, retention, now_ms)
                store.to_forget |= forgotten > 0
                # While there is more, the next round goes on.
                looked_ms = 0 if forgotten else now_ms
        except NotReady as away:
            log.warning("upkeep waits", action="upkeep_away", why=str(away))
        try:
            async with asyncio.timeout(EVERY_S):
                await stopping.wait()
        except TimeoutError:
            pass


async def step(store: Store, now_ms: int) -> None:
    """One round. Raises NotReady while the database is away."""
    if await _pass_of_time(store, now_ms) or await store.mute_desk.let_end(now_ms):
        store.changed()
    await store.digests.record(now_ms)
    if store.to_forget and await store.database.forget_deleted():
        store.to_forget = False
    await _gauges(store, now_ms)


async def _pass_of_time(store: Store, now_ms: int) -> bool:
    case, tombstone = schema.cases.c, schema.tombstones
    routes = store.rules.routing.routes
    # Nobody may have acknowledged these in time, which the routes may have somebody else told of.
    waiting = (case.status == Status.OPEN.value) & (case.triage == Triage.RESPOND.value)
    waiting &= case.updated_ms <= now_ms - ESCALATION_AGE_MS
    stale = (
        select(case.id)
        .where(
            or_(
                waiting if routes is not None and escalates(routes) else false(),
                (case.status == Status.MUTED.value) & (case.muted_until_ms <= now_ms),
                ((case.last_hour > 0) | (case.hour_before > 0)) & (case.updated_ms <= now_ms - RATE_AGE_MS),
            )
        )
        .order_by(case.updated_ms)
        .limit(MOST)
    )
    old = select(tombstone.c.key).where(tombstone.c.forget_ms <= now_ms).limit(MOST * 20)
    async with store.database.reading() as connection:
        case_ids = list((await connection.execute(stale)).scalars())
        keys = list((await connection.execute(old)).scalars())
    if not case_ids and not keys:
        return False
    async with store.database.writing() as connection:
        if keys:
            await connection.execute(tombstone.delete().where(tombstone.c.key.in_(keys)))
        if case_ids:
            await reconsider(connection, store.database, store.rules, case_ids, now_ms)
            # Counted just now, whether or not that changed anything.
            await connection.execute(schema.cases.update().where(case.id.in_(case_ids)).values(updated_ms=now_ms))
    return bool(case_ids)


async def _gauges(store: Store, now_ms: int) -> None:
    async with store.database.reading() as connection:
        counts = await case_reads.by_status_and_triage(connection)
    for status in Status:
        for triage in Triage:
            metrics.CASES_OPEN.labels(status.value, triage.value).set(counts.get((status.value, triage.value), 0))
    waiting = await store.outbox.waiting(now_ms)
    for place in {destination.channel for destination in store.rules.routing.always} | {
        Channel(name) for name in waiting
    }:
        count, oldest_ms = waiting.get(place.value, (0, now_ms))
        metrics.OUTBOX_WAITING.labels(place.value).set(count)
        metrics.OUTBOX_OLDEST.labels(place.value).set(max(0, now_ms - oldest_ms) / 1000)
