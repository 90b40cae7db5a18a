"""Digests in the database: recorded once for each place and time, taken, made from the cases as they stand, and settled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import DAY_MS, Channel, Destination, Status, Triage
from services.alert.database import Database
from services.alert.digest import CaseLine, Contents, DueDigest, due_digests
from services.alert.reconsider import Rules
from services.alert.retry import SETTLE_S
from services.alert.schema_digests import digests
from services.stream.codec import content_id

MOST_BACK_MS = 14 * DAY_MS


@dataclass(frozen=True)
class DigestJob:
    """A digest to send; `unsure`: an earlier attempt, begun at `first_ms` (ms UTC), may have arrived."""

    id: str
    due: DueDigest
    attempts: int
    unsure: bool
    first_ms: int


class Digests:
    """Digests' side of the store. Every method is one transaction and raises NotReady while the database is away."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database, self._rules = database, rules

    async def record(self, now_ms: int) -> None:
        """Record those that are due by the routes in force; each once."""
        routes = self._rules.routing.routes
        found = due_digests(routes, now_ms) if routes is not None else []
        if not found:
            return
        rows = [_row(one, now_ms) for one in found]
        known = select(digests.c.id).where(digests.c.id.in_([row["id"] for row in rows]))
        async with self._database.reading() as connection:
            there = set((await connection.execute(known)).scalars())
        new = [row for row in rows if row["id"] not in there]
        if new:
            async with self._database.writing() as connection:
                for row in new:
                    row["since_ms"] = min(row["since_ms"], await _told_until(connection, row) or row["since_ms"])
                await connection.execute(self._database.upsert(digests).on_conflict_do_nothing(), new)

    async def adopt(self, now_ms: int) -> None:
        """What a dead process left "sending" may have arrived."""
        values = {"state": "unsure", "next_attempt_ms": now_ms + int(SETTLE_S * 1000)}
        async with self._database.writing() as connection:
            await connection.execute(digests.update().where(digests.c.state == "sending").values(values))

    async def claim(
        self, channel: Channel, now_ms: int, resting: Collection[str] = ()
    ) -> tuple[DigestJob, Contents] | None:
        """Take a due one with what it says, but for recipients that are `resting`; None when none is due. An empty one is settled
        without being sent."""
        due = (
            select(digests)
            .where(
                digests.c.state.in_(("pending", "unsure")), digests.c.channel == channel.value,
                digests.c.next_attempt_ms <= now_ms, digests.c.recipient.not_in(list(resting)),
            )
            .order_by(digests.c.until_ms, digests.c.id)
            .limit(1)
        )  # fmt: skip
        async with self._database.reading() as connection:
            row = (await connection.execute(due)).first()
            contents = await _contents(connection, row) if row is not None else None
        if row is None or contents is None:
            return None
        unsure = row.state == "unsure"
        first_ms = row.claimed_ms if unsure else now_ms
        state = "empty" if contents.is_empty else "sending"
        await self._change(row.id, state=state, attempts=row.attempts + 1, claimed_ms=first_ms)
        if contents.is_empty:
            return None
        due_one = DueDigest(row.weekly, Destination(channel, row.recipient), row.since_ms, row.until_ms)
        return DigestJob(row.id, due_one, row.attempts + 1, unsure, first_ms), contents

    async def sent(self, job: DigestJob, contents: Contents, now_ms: int) -> None:
        """It arrived: what was held back has been told now."""
        held, place = schema.held_back, job.due.destination
        told = held.c.case_id.in_([line.id for line in contents.held_back])
        own = (held.c.channel == place.channel.value) & (held.c.recipient == place.recipient)
        async with self._database.writing() as connection:
            await connection.execute(
                digests.update().where(digests.c.id == job.id).values(state="sent", sent_ms=now_ms, error="")
            )
            await connection.execute(held.delete().where(told & own))

    async def later(self, job: DigestJob, error: str, next_attempt_ms: int, *, unsure: bool) -> None:
        """It did not arrive, or (`unsure`) may have."""
        state = "unsure" if unsure else "pending"
        await self._change(job.id, state=state, error=error[:500], next_attempt_ms=next_attempt_ms)

    async def given_up(self, job: DigestJob, error: str) -> None:
        """It will never arrive."""
        await self._change(job.id, state="failed", error=error[:500])

    async def _change(self, digest_id: str, **values: Any) -> None:
        async with self._database.writing() as connection:
            await connection.execute(digests.update().where(digests.c.id == digest_id).values(**values))


async def _told_until(connection: AsyncConnection, new: dict[str, Any]) -> int:
    """Until when a place was told by digests; 0 when it never was. One that was left out makes the next one reach further back."""
    own = (digests.c.channel == new["channel"]) & (digests.c.recipient == new["recipient"])
    settled = digests.c.state.in_(("sent", "empty")) & (digests.c.until_ms < new["until_ms"])
    latest = (await connection.execute(select(func.max(digests.c.until_ms)).where(own & settled))).scalar() or 0
    return max(int(latest), new["until_ms"] - MOST_BACK_MS) if latest else 0


def _row(one: DueDigest, now_ms: int) -> dict[str, Any]:
    place = one.destination
    return {
        "id": content_id("digest", place.channel, place.recipient, one.until_ms), "weekly": one.weekly,
        "channel": place.channel.value, "recipient": place.recipient, "since_ms": one.since_ms, "until_ms": one.until_ms,
        "state": "pending", "next_attempt_ms": now_ms,
    }  # fmt: skip


async def _contents(connection: AsyncConnection, digest: Any) -> Contents:
    case, held, post, said = schema.cases.c, schema.held_back.c, schema.posts.c, schema.feedback.c
    columns = (case.id, case.claim, case.triage, case.status, case.posts)
    own = (held.channel == digest.channel) & (held.recipient == digest.recipient)
    capped = select(*columns, held.why).join(schema.held_back, held.case_id == case.id).where(own)
    waiting = select(*columns).where(
        case.status == Status.OPEN.value, case.triage != Triage.IGNORE.value, case.last_seen_ms > digest.since_ms
    )
    answered = select(*columns).where(case.answered_ms > digest.since_ms)

    async def lines(query: Any) -> tuple[CaseLine, ...]:
        rows = await connection.execute(query.order_by(case.urgency.desc(), case.posts.desc(), case.id))
        return tuple(
            CaseLine(row.id, row.claim, Triage(row.triage), Status(row.status), row.posts, getattr(row, "why", ""))
            for row in rows
        )

    async def number(query: Any) -> int:
        return int((await connection.execute(query)).scalar_one())

    return Contents(
        await lines(capped), await lines(waiting), await lines(answered),
        await number(select(func.count()).where(post.seen_ms > digest.since_ms)),
        await number(select(func.count()).where(case.created_ms > digest.since_ms)),
        await number(select(func.count()).where(said.action == "not_a_myth", said.decided_ms > digest.since_ms)),
    )  # fmt: skip
