"""What is held on one author or one post: for whoever asks for it (GDPR, Article 15)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.alert import schema
from services.alert.grouping import author_key, post_key
from services.alert.store import Store


async def held_on(store: Store, *, author: str = "", post_id: str = "") -> dict[str, Any]:
    """Everything in the case store on a pseudonym or a post: posts as they are held, the live messages that quote them, decisions
    that were taken on them, and whether it is remembered that they went. Names tables, so that nothing is left out."""
    posts, messages, feedback, tombstones = schema.posts, schema.messages, schema.feedback, schema.tombstones
    mine = posts.c.author == author if author else posts.c.id == post_id
    key = author_key(author) if author else post_key(post_id)
    async with store.database.reading() as connection:
        held = [dict(row._mapping) for row in await connection.execute(select(posts).where(mine))]
        ids = {row["id"] for row in held}
        cases = sorted({row["case_id"] for row in held})
        live = await connection.execute(select(messages).where(messages.c.case_id.in_(cases)))
        quoting = [
            {"case_id": row.case_id, "channel": row.channel, "post_ids": sorted(ids & set(row.quotes))}
            for row in live
            if ids & set(row.quotes)
        ]
        said = await connection.execute(select(feedback).where(feedback.c.case_id.in_(cases)))
        decisions = [
            {"case_id": row.case_id, "action": row.action, "post_ids": sorted(ids & set(row.post_ids))}
            for row in said
            if ids & set(row.post_ids)
        ]
        gone = (await connection.execute(select(tombstones.c.kind).where(tombstones.c.key == key))).scalars().all()
    return {"posts": held, "messages": quoting, "feedback": decisions, "tombstones": list(gone)}
