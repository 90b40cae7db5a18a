"""Counts of cases over the posts held now; never added up, so that they are right after any history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Integer, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import DAY_MS, HOUR_MS, Counts
from services.alert.spread import (
    COORDINATED_AUTHORS,
    FEWEST_TO_GROW,
    GROWTH_WINDOW_MS,
    PAST_HOURS,
    Copy,
    coordinated,
    doubling_ms,
    pace,
)

_MINUTE_MS = 60_000


async def count(connection: AsyncConnection, case_ids: Collection[str], now_ms: int) -> dict[str, Counts]:
    """By case; one without posts is left out."""
    held = schema.posts.c

    def number_of(condition: Any) -> Any:
        return cast(func.sum(case((condition, 1), else_=0)), Integer)

    query = (
        select(
            held.case_id, func.count().label("posts"), func.count(held.author.distinct()).label("authors"),
            # A post counts in its hour when it was seen in (now - 1 h, now].
            number_of(held.seen_ms > now_ms - HOUR_MS).label("last_hour"),
            number_of(held.seen_ms.between(now_ms - 2 * HOUR_MS + 1, now_ms - HOUR_MS)).label("hour_before"),
            number_of(held.seen_ms <= now_ms - GROWTH_WINDOW_MS).label("before"),
            func.sum(held.reposts).label("shares"), func.sum(held.likes).label("likes"),
            func.sum(held.views).label("views"), func.min(held.seen_ms).label("first"),
            func.max(held.seen_ms).label("last"),
        )
        .where(held.case_id.in_(case_ids))
        .group_by(held.case_id)
    )  # fmt: skip
    rows = (await connection.execute(query)).all()
    platforms = await _shares_of(connection, held.platform, case_ids)
    languages = await _shares_of(connection, held.language, case_ids)
    paces = await _paces(connection, {row.case_id: row.first for row in rows if row.last_hour >= 3}, now_ms)
    copies = await _copies(
        connection,
        [row.case_id for row in rows if row.authors >= COORDINATED_AUTHORS and row.last > now_ms - DAY_MS],
        now_ms,
    )
    found = {}
    for row in rows:
        doubling = doubling_ms(row.posts, row.before) if row.posts >= FEWEST_TO_GROW and row.last_hour else 0
        found[row.case_id] = Counts(
            row.posts, row.authors, row.last_hour, row.hour_before, int(row.shares), int(row.likes), int(row.views),
            # To the minute, or every look at a case would change it.
            doubling // _MINUTE_MS * _MINUTE_MS, paces.get(row.case_id, 0.0), coordinated(copies[row.case_id]),
            platforms[row.case_id], languages[row.case_id], row.first, row.last,
        )  # fmt: skip
    return found


async def _paces(connection: AsyncConnection, first_seen: dict[str, int], now_ms: int) -> dict[str, float]:
    """Pace of cases, by when each was first seen: hours before that are no past."""
    held = schema.posts.c
    ago = ((now_ms - held.seen_ms) // HOUR_MS).label("ago")
    query = (
        select(held.case_id, ago, func.count())
        .where(
            held.case_id.in_(first_seen),
            held.seen_ms > now_ms - (PAST_HOURS + 1) * HOUR_MS,
            held.seen_ms <= now_ms,
        )
        .group_by(held.case_id, ago)
    )
    if not first_seen:
        return {}
    hours: dict[str, dict[int, int]] = defaultdict(dict)
    for case_id, hour, number in await connection.execute(query):
        hours[case_id][int(hour)] = number
    found = {}
    for case_id, first in first_seen.items():
        age = min(PAST_HOURS, (now_ms - first) // HOUR_MS)
        found[case_id] = (
            round(pace([hours[case_id].get(back, 0) for back in reversed(range(age + 1))]), 1) if age else 0.0
        )
    return found


async def _copies(connection: AsyncConnection, case_ids: Collection[str], now_ms: int) -> dict[str, list[Copy]]:
    """Posts of the last day whose wording many authors used."""
    found: dict[str, list[Copy]] = defaultdict(list)
    if not case_ids:
        return found
    held = schema.posts.c
    lately = (held.case_id.in_(case_ids), held.wording != "", held.seen_ms > now_ms - DAY_MS)
    many = (
        select(held.case_id, held.wording)
        .where(*lately)
        .group_by(held.case_id, held.wording)
        .having(func.count(held.author.distinct()) >= COORDINATED_AUTHORS)
        .subquery()
    )
    query = (
        select(held.case_id, held.wording, held.author, held.seen_ms)
        .join(many, (held.case_id == many.c.case_id) & (held.wording == many.c.wording))
        .where(held.seen_ms > now_ms - DAY_MS)
    )
    for case_id, wording, author, seen_ms in await connection.execute(query):
        found[case_id].append(Copy(wording, author, seen_ms))
    return found


async def _shares_of(connection: AsyncConnection, column: Any, case_ids: Collection[str]) -> dict[str, dict[str, int]]:
    number = func.count()
    query = (
        select(schema.posts.c.case_id, column, number)
        .where(schema.posts.c.case_id.in_(case_ids))
        .group_by(schema.posts.c.case_id, column)
        .order_by(number.desc(), column)
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for case_id, name, posts in await connection.execute(query):
        found[case_id][name] = posts
    return found
