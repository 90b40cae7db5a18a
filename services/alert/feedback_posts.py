"""Decisions name the posts they were taken on; which of them name a post, in whatever case it was then."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert.schema import feedback

TOGETHER = 50
"""Posts looked for in one statement."""


async def naming(connection: AsyncConnection, post_ids: Collection[str]) -> list[Any]:
    """Rows of `feedback` that name one of these posts: of any case, since cases are merged and split."""
    found: dict[str, Any] = {}
    wanted = sorted(post_ids)
    for start in range(0, len(wanted), TOGETHER):
        some = wanted[start : start + TOGETHER]
        listed = cast(feedback.c.post_ids, Text)
        # As JSON writes an id, quotes included, so that no longer id is meant.
        query = select(feedback).where(or_(*(listed.contains(json.dumps(one), autoescape=True) for one in some)))
        found |= {row.id: row for row in await connection.execute(query)}
    return [row for row in found.values() if set(post_ids) & set(row.post_ids)]


async def forget_in_feedback(connection: AsyncConnection, removed: Collection[str]) -> None:
    """A post that is gone leaves those lists too."""
    for row in await naming(connection, removed):
        left = [post_id for post_id in row.post_ids if post_id not in removed]
        await connection.execute(feedback.update().where(feedback.c.id == row.id).values(post_ids=left))
