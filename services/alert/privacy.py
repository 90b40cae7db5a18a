"""What is held on one author or one post: for whoever asks for it (GDPR, Article 15)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from services.alert import schema
from services.alert.feedback_posts import naming
from services.alert.grouping import author_key, post_key
from services.alert.store import Store


async def held_on(store: Store, *, author: str = "", post_id: str = "") -> dict[str, Any]:
    """Everything in the case store on a pseudonym or a post: posts as they are held, the live messages that quote them, decisions
    that were taken on them, and whether it is remembered that they went. Names tables, so that nothing is left out."""
    posts, messages, tombstones = schema.posts, schema.messages, schema.tombstones
    mine = posts.c.author == author if author else posts.c.id == post_id
    key = author_key(author) if author else post_key(post_id)
    async with store.database.reading() as connection:
        held = [dict(row._mapping) for row in await connection.execute(select(posts).where(mine))]
        # A post that is gone may still be named by a message that is about to be edited.
        ids = {row["id"] for row in held} | ({post_id} - {""})
        live = await connection.execute(select(messages).where(messages.c.told))
        quoting = [
            {"case_id": row.case_id, "channel": row.channel, "post_ids": sorted(ids & set(row.quotes))}
            for row in live
            if ids & set(row.quotes)
        ]
        decisions = [
            {"case_id": row.case_id, "action": row.action, "post_ids": sorted(ids & set(row.post_ids))}
            for row in await naming(connection, ids)
        ]
        gone = (await connection.execute(select(tombstones.c.kind).where(tombstones.c.key == key))).scalars().all()
    return {"posts": held, "messages": quoting, "feedback": decisions, "tombstones": list(gone)}
