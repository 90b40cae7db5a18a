"""What changed here goes to Kafka: cases, feedback, notifications; marked as published only once confirmed.

The marks are in the rows themselves, so a restart between confirmation and mark publishes again, under the same ids.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, or_, select

from services.alert import schema
from services.alert.database import Database
from services.alert.store import Store
from services.stream import events_pb2 as events
from services.stream.codec import Record, new_trace
from services.stream.failures import NotReady
from services.stream.producer import ConfirmedProducer
from services.stream.readiness import Readiness
from services.stream.topics import CASES, FEEDBACK, MYTHS, NOTIFICATIONS

MOST = 500
IDLE_S = 1.0
_DELIVERY = {"sent": events.DELIVERY_SENT, "failed": events.DELIVERY_FAILED}


@dataclass
class Unpublished:
    """Records that Kafka has not confirmed, and the marks to set once it has."""

    records: list[Record] = field(default_factory=list)
    case_versions: dict[str, int] = field(default_factory=dict)
    feedback_ids: list[str] = field(default_factory=list)
    notification_states: dict[str, str] = field(default_factory=dict)
    myth_records: dict[str, bytes] = field(default_factory=dict)


async def unpublished(database: Database) -> Unpublished:
    """At most `MOST` of each kind."""
    found = Unpublished()
    async with database.reading() as connection:
        cases = schema.cases
        query = select(cases).where(cases.c.version > cases.c.published_version).limit(MOST)
        for row in await connection.execute(query):
            found.case_versions[row.id] = row.version
            found.records.append(
                Record(CASES, row.id, case_event(row), row.trace or new_trace(), f"{row.id}-{row.version}")
            )
        feedback = schema.feedback
        for row in await connection.execute(select(feedback).where(~feedback.c.published).limit(MOST)):
            found.feedback_ids.append(row.id)
            found.records.append(Record(FEEDBACK, row.case_id, feedback_event(row), new_trace()))
        told = schema.notifications
        query = select(told).where(~told.c.published, told.c.state.in_(_DELIVERY)).limit(MOST)
        for row in await connection.execute(query):
            found.notification_states[row.id] = row.state
            found.records.append(Record(NOTIFICATIONS, row.case_id, notification_event(row), row.trace or new_trace()))
        myths = schema.myths
        for row in await connection.execute(select(myths).where(~myths.c.published, ~myths.c.withdrawn).limit(MOST)):
            found.myth_records[row.id] = row.record
            found.records.append(Record(MYTHS, row.id, events.Myth.FromString(row.record), new_trace()))
    return found


async def mark_published(database: Database, found: Unpublished) -> None:
    """After Kafka confirmed; what changed meanwhile stays unpublished."""
    cases, feedback, told, myths = schema.cases, schema.feedback, schema.notifications, schema.myths
    async with database.writing() as connection:
        for myth_id, record in found.myth_records.items():
            as_sent = (myths.c.id == myth_id) & (myths.c.record == record)
            await connection.execute(myths.update().where(as_sent).values(published=True))
        for case_id, version in found.case_versions.items():
            await connection.execute(cases.update().where(cases.c.id == case_id).values(published_version=version))
        if found.feedback_ids:
            await connection.execute(
                feedback.update().where(feedback.c.id.in_(found.feedback_ids)).values(published=True)
            )
        if found.notification_states:
            same = [and_(told.c.id == key, told.c.state == state) for key, state in found.notification_states.items()]
            for start in range(0, len(same), 100):
                part = or_(*same[start : start + 100])
                await connection.execute(told.update().where(part).values(published=True))


async def publish_until(
    store: Store, producer: ConfirmedProducer, readiness: Readiness, stopping: asyncio.Event
) -> None:
    """Publish what changes until `stopping` is set, and once more then."""
    changed = store.subscribe()
    while True:
        last = stopping.is_set()
        try:
            found = await unpublished(store.database)
            await producer.write(found.records)
            if found.records:
                await mark_published(store.database, found)
            readiness.is_there("publishing")
            if len(found.records) >= MOST:
                continue
        except NotReady as away:
            readiness.wait_for("publishing", str(away))
        if last:
            return
        stopped = asyncio.create_task(stopping.wait())
        woken = asyncio.create_task(changed.wait())
        await asyncio.wait([stopped, woken], timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, woken):
            task.cancel()
        changed.clear()


def case_event(row: Any) -> events.MythCase:
    """A row of `cases` as its event."""
    return events.MythCase(
        id=row.id, myth_id=row.myth_id, claim=row.claim,
        status=f"CASE_STATUS_{row.status.upper()}",
        triage=f"TRIAGE_{row.triage.upper()}", triage_reason=row.triage_reason,
        harm="HARM_UNSPECIFIED" if row.harm == "unknown" else f"HARM_{row.harm.upper()}",
        posts=row.posts, authors=row.authors, posts_per_hour=float(row.last_hour), first_seen_ms=row.first_seen_ms,
        last_seen_ms=row.last_seen_ms, muted_until_ms=row.muted_until_ms, version=row.version,
        assigned_to=row.assigned_to, merged_into=row.merged_into, answered_ms=row.answered_ms, answer_url=row.answer_url,
        doubling_ms=row.doubling_ms, coordinated=row.coordinated,
    )  # fmt: skip


def feedback_event(row: Any) -> events.Feedback:
    """A row of `feedback` as its event."""
    return events.Feedback(
        id=row.id, case_id=row.case_id, myth_id=row.myth_id,
        action=f"FEEDBACK_ACTION_{row.action.upper()}", person=row.person, via=row.via,
        note=row.note, decided_ms=row.decided_ms, post_ids=row.post_ids, muted_until_ms=row.muted_until_ms,
        assignee=row.assignee, answer_url=row.answer_url, other_case_id=row.other_case_id,
    )  # fmt: skip


def notification_event(row: Any) -> events.Notification:
    """A row of `notifications` as its event."""
    return events.Notification(
        id=row.id, case_id=row.case_id, channel=f"CHANNEL_{row.channel.upper()}",
        recipient=row.recipient, reason=row.reason, delivery=_DELIVERY[row.state], attempts=row.attempts,
        external_id=row.external_id, error=row.error, created_ms=row.created_ms, sent_ms=row.sent_ms,
        case_version=row.case_version,
    )  # fmt: skip
