"""What pages and messages read of cases."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import (
    HOUR_MS,
    AuditEntry,
    Case,
    CaseView,
    Channel,
    Post,
    Status,
    Telling,
)  # fmt: skip
from services.alert.evidence import choose
from services.alert.response_rows import approved
from services.alert.rows import case_of, myth_of, post_of

HOURS = 24
# Of how many posts, most convincing first, the quotes are chosen.
CANDIDATES = 40


async def inbox(
    connection: AsyncConnection, statuses: Sequence[Status], search: str, limit: int, offset: int
) -> list[Case]:
    row = schema.cases.c
    query = select(schema.cases).order_by(row.urgency.desc(), row.last_seen_ms.desc(), row.id)
    if statuses:
        query = query.where(row.status.in_([status.value for status in statuses]))
    if search.strip():
        query = query.where(row.claim.icontains(search.strip(), autoescape=True))
    return [case_of(found) for found in await connection.execute(query.limit(limit).offset(offset))]


async def totals(connection: AsyncConnection) -> dict[Status, int]:
    query = select(schema.cases.c.status, func.count()).group_by(schema.cases.c.status)
    found = {Status(status): count for status, count in await connection.execute(query)}
    return {status: found.get(status, 0) for status in Status}


async def by_status_and_triage(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    row = schema.cases.c
    query = select(row.status, row.triage, func.count()).group_by(row.status, row.triage)
    return {(status, triage): count for status, triage, count in await connection.execute(query)}


async def view(connection: AsyncConnection, case_id: str, now_ms: int, evidence: int) -> CaseView | None:
    found = (await connection.execute(select(schema.cases).where(schema.cases.c.id == case_id))).first()
    if found is None:
        return None
    case = case_of(found)
    query = select(schema.myths.c.record).where(schema.myths.c.id == case.myth_id)
    record = (await connection.execute(query)).scalar()
    row = schema.posts.c
    best = (
        select(schema.posts)
        .where(row.case_id == case_id)
        .order_by(row.flag_score.desc(), row.seen_ms.desc(), row.id)
        .limit(CANDIDATES)
    )
    candidates = [post_of(post) for post in await connection.execute(best)]
    answers = (await approved(connection, [case.myth_id])).get(case.myth_id, [])
    return CaseView(
        case, myth_of(record) if record is not None else None, choose(candidates, evidence),
        await _hours(connection, case_id, now_ms), tuple(one for one in answers if now_ms < one.expires_ms),
    )  # fmt: skip


async def _hours(connection: AsyncConnection, case_id: str, now_ms: int) -> tuple[int, ...]:
    row = schema.posts.c
    # 0 is the hour that ends now.
    hour = ((now_ms - row.seen_ms) // HOUR_MS).label("hour")
    query = (
        select(hour, func.count())
        .where(row.case_id == case_id, row.seen_ms > now_ms - HOURS * HOUR_MS, row.seen_ms <= now_ms)
        .group_by(hour)
    )
    found = {int(ago): count for ago, count in await connection.execute(query)}
    return tuple(found.get(ago, 0) for ago in reversed(range(HOURS)))


async def posts_of(connection: AsyncConnection, case_id: str, limit: int, offset: int) -> list[Post]:
    row = schema.posts.c
    query = (
        select(schema.posts)
        .where(row.case_id == case_id)
        .order_by(row.seen_ms.desc(), row.id)
        .limit(limit)
        .offset(offset)
    )
    return [post_of(post) for post in await connection.execute(query)]


async def history(connection: AsyncConnection, case_id: str) -> list[AuditEntry]:
    row = schema.audit.c
    query = select(row.at_ms, row.who, row.via, row.what, row.why).where(row.case_id == case_id).order_by(row.id.desc())
    return [AuditEntry(*entry) for entry in await connection.execute(query)]


async def tellings(connection: AsyncConnection, case_id: str) -> list[Telling]:
    row = schema.notifications.c
    query = (
        select(
            row.id, row.channel, row.recipient, row.action, row.reason, row.state, row.attempts, row.error,
            row.created_ms, row.sent_ms,
        )
        .where(row.case_id == case_id)
        .order_by(row.created_ms.desc(), row.sequence.desc())
    )  # fmt: skip
    return [
        Telling(**{**found._mapping, "channel": Channel(found.channel)}) for found in await connection.execute(query)
    ]
