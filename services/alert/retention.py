"""What is kept for how long: older posts, and the records of what was told and decided, are deleted in small batches."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from services.alert import schema
from services.alert.database import Database
from services.alert.feedback_posts import forget_in_feedback
from services.alert.reconsider import Rules, reconsider
from services.stream import metrics

MOST = 1_000
FINISHED = ("sent", "failed")
# Zero from the start, so that a rate can be told from the first time on.
for _table in (schema.posts, schema.audit, schema.feedback, schema.notifications):
    metrics.FORGOTTEN.labels(_table.name)


@dataclass(frozen=True)
class Retention:
    """How long posts, and the records of tellings, decisions and changes, are kept, ms."""

    posts_ms: int
    records_ms: int


async def enforce(database: Database, rules: Rules, retention: Retention, now_ms: int) -> int:
    """Delete at most MOST rows of each kind that are older; the number. Cases count what is left, and messages lose their quotes."""
    posts = schema.posts
    old = select(posts.c.id, posts.c.case_id).where(posts.c.seen_ms < now_ms - retention.posts_ms).limit(MOST)
    records = (
        (schema.audit, schema.audit.c.id, schema.audit.c.at_ms > 0, schema.audit.c.at_ms),
        (schema.feedback, schema.feedback.c.id, schema.feedback.c.published, schema.feedback.c.decided_ms),
        (schema.notifications, schema.notifications.c.id, schema.notifications.c.state.in_(FINISHED), schema.notifications.c.created_ms),
    )  # fmt: skip
    async with database.reading() as connection:
        gone = [tuple(row) for row in await connection.execute(old)]
        keys = []
        for _, key, settled, at_ms in records:
            query = select(key).where(settled, at_ms < now_ms - retention.records_ms).limit(MOST)
            keys.append(list((await connection.execute(query)).scalars()))
    if not gone and not any(keys):
        return 0
    async with database.writing() as connection:
        if gone:
            ids = [post_id for post_id, _ in gone]
            await connection.execute(posts.delete().where(posts.c.id.in_(ids)))
            await forget_in_feedback(connection, ids)
            touched = sorted({case_id for _, case_id in gone})
            await reconsider(connection, database, rules, touched, now_ms)
            metrics.FORGOTTEN.labels(posts.name).inc(len(gone))
        for (table, key, _, _), found in zip(records, keys, strict=True):
            if found:
                await connection.execute(table.delete().where(key.in_(found)))
                metrics.FORGOTTEN.labels(table.name).inc(len(found))
    return len(gone) + sum(len(found) for found in keys)
