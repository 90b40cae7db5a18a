"""What people merged and split, remembered, so that later posts go where the earlier ones went."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.grouping import case_id


async def placements(
    connection: AsyncConnection, subjects: Collection[str]
) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Case by subject (myth or candidate narrative), and by (case, wording of a post); only what differs from the rule."""
    wanted = [one for one in subjects if one]
    table, wordings = schema.subjects.c, schema.wordings.c
    query = select(table.subject, table.case_id).where(table.subject.in_(wanted))
    merged = {subject: found for subject, found in await connection.execute(query)}
    cases = {merged.get(one) or case_id(one) for one in wanted}
    moved = select(wordings.from_case_id, wordings.wording, wordings.case_id).where(wordings.from_case_id.in_(cases))
    split = {(before, wording): after for before, wording, after in await connection.execute(moved)}
    return merged, split
