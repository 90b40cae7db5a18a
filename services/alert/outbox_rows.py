"""The outbox in the database: taking a notification, and recording how it ended. Only the holder of the sender's lock
writes here (services/alert/sender_lock.py), so a row found "sending" at start belongs to a process that died."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select

from services.alert import schema
from services.alert.cases import CaseView, Channel, Job
from services.alert.database import Database
from services.alert.reconsider import Rules, reconsider

# A point of urgency (notification_rows.urgency) is worth this much waiting: "respond" goes before "monitor" unless that has
# waited ten minutes longer. On a channel that can't keep up, the urgent go first and nobody waits for ever.
WORTH_MS = 60_000


class Outbox:
    """The senders' side of the store. Every method is one transaction and raises NotReady while the database is away."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules

    async def adopt(self, now_ms: int, settle_ms: int) -> int:
        """Rows a dead process left "sending": they may have arrived. Looked at once requests in flight have settled."""
        table = schema.notifications
        async with self._database.writing() as connection:
            result = await connection.execute(
                table.update()
                .where(table.c.state == "sending")
                .values(state="unsure", next_attempt_ms=now_ms + settle_ms)
            )
            return result.rowcount

    async def claim(self, channel: Channel, now_ms: int, resting: Collection[str] = ()) -> Job | None:
        """Take the most urgent due notification of a channel, but for recipients that are `resting`, and record that it is being
        sent; None when none is due."""
        table, message = schema.notifications, schema.messages
        due = (
            select(table, message.c.external_id.label("live_id"), message.c.thread_id)
            .join(
                message,
                (message.c.case_id == table.c.case_id)
                & (message.c.channel == table.c.channel)
                & (message.c.recipient == table.c.recipient),
            )
            .where(
                table.c.state.in_(("pending", "unsure")), table.c.channel == channel.value,
                table.c.next_attempt_ms <= now_ms, table.c.recipient.not_in(list(resting)),
            )
            .order_by(table.c.created_ms - table.c.urgency * WORTH_MS, table.c.next_attempt_ms, table.c.id)
            .limit(1)
        )  # fmt: skip
        async with self._database.reading() as connection:
            if (await connection.execute(due)).first() is None:
                return None
        async with self._database.writing() as connection:
            row = (await connection.execute(due)).first()
            if row is None:
                return None
            unsure = row.state == "unsure"
            first_ms = row.claimed_ms if unsure else now_ms
            await connection.execute(
                table.update()
                .where(table.c.id == row.id)
                .values(state="sending", attempts=row.attempts + 1, claimed_ms=first_ms)
            )
        return Job(
            row.id, row.case_id, Channel(row.channel), row.recipient, row.sequence, row.action, row.reason,
            row.attempts + 1, unsure, row.live_id, row.thread_id,
            row.cause_ms, first_ms, row.created_ms, row.trace,
        )  # fmt: skip

    async def sent(self, job: Job, view: CaseView, external_id: str, now_ms: int) -> None:
        """The channel confirmed: record what people see now, and what is due after that."""
        case = view.case
        quotes = {post.id: post.verdict_id for post in view.evidence} if job.channel is Channel.SLACK else {}
        table, message = schema.notifications, schema.messages
        async with self._database.writing() as connection:
            await connection.execute(
                table.update().where(table.c.id == job.id).values(
                    state="sent", sent_ms=now_ms, external_id=external_id, error="", case_version=case.version,
                    published=False,
                )
            )  # fmt: skip
            same = (
                (message.c.case_id == job.case_id)
                & (message.c.channel == job.channel.value)
                & (message.c.recipient == job.recipient)
            )
            await connection.execute(
                message.update().where(same).values(
                    told=True, external_id=external_id, thread_id=job.thread_id or external_id,
                    shown_version=case.version, shown_posts=case.counts.posts, shown_triage=case.triage.value,
                    shown_status=case.status.value, shown_decided_ms=case.decided_ms,
                    shown_muted_until_ms=case.muted_until_ms, shown_myth_digest=case.myth_digest, quotes=quotes,
                    sent_ms=now_ms,
                )
            )  # fmt: skip
            await reconsider(connection, self._database, self._rules, [job.case_id], now_ms)

    async def later(self, job: Job, error: str, next_attempt_ms: int, *, unsure: bool) -> None:
        """It did not arrive, or (`unsure`) may have: try again at `next_attempt_ms`."""
        state = "unsure" if unsure else "pending"
        await self._change(job.id, state=state, error=error[:500], next_attempt_ms=next_attempt_ms)

    async def given_up(self, job: Job, error: str) -> None:
        """It will never arrive; published as failed."""
        await self._change(job.id, state="failed", error=error[:500], published=False)

    async def gone(self, job: Job, error: str, now_ms: int) -> None:
        """The message that was to be edited is gone: tell the case anew, unless it is no longer worth telling."""
        table, message = schema.notifications, schema.messages
        async with self._database.writing() as connection:
            await connection.execute(
                table.update().where(table.c.id == job.id).values(
                    state="pending", action="post", error=error[:500], next_attempt_ms=now_ms, attempts=0
                )
            )  # fmt: skip
            same = (
                (message.c.case_id == job.case_id)
                & (message.c.channel == job.channel.value)
                & (message.c.recipient == job.recipient)
            )
            await connection.execute(message.update().where(same).values(told=False, external_id="", quotes={}))
            await reconsider(connection, self._database, self._rules, [job.case_id], now_ms)

    async def withdraw(self, job: Job) -> None:
        """Nothing to say any more."""
        table = schema.notifications
        async with self._database.writing() as connection:
            await connection.execute(table.delete().where(table.c.id == job.id))

    async def waiting(self, now_ms: int) -> dict[str, tuple[int, int]]:
        """By channel: notifications that are due or failing, and when the oldest of them was recorded (ms UTC)."""
        table = schema.notifications.c
        query = (
            select(table.channel, func.count(), func.min(table.created_ms))
            .where(
                table.state.in_(("pending", "sending", "unsure")),
                (table.next_attempt_ms <= now_ms) | (table.attempts > 0),
            )
            .group_by(table.channel)
        )
        async with self._database.reading() as connection:
            return {channel: (count, oldest) for channel, count, oldest in await connection.execute(query)}

    async def _change(self, notification_id: str, **values: Any) -> None:
        table = schema.notifications
        async with self._database.writing() as connection:
            await connection.execute(table.update().where(table.c.id == notification_id).values(**values))
