"""What the console's pages read beyond the store's own methods: the inbox with its filters, and spread over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import HOUR_MS, Case, Status, Triage
from services.alert.console.spread import Span
from services.alert.rows import case_of
from services.alert.store import Store

HOURS = 24


@dataclass(frozen=True)
class Wanted:
    """What the officer asked to see: `status` and `triage` None for any."""

    status: Status | None = Status.OPEN
    triage: Triage | None = None
    search: str = ""
    most: int = 50


@dataclass(frozen=True)
class InboxRow:
    """A case and its posts in each of the last 24 hours, oldest first."""

    case: Case
    hours: tuple[int, ...]


@dataclass(frozen=True)
class Inbox:
    """The cases wanted, most urgent first; `counts` is of all that match the search, by status and triage."""

    rows: tuple[InboxRow, ...]
    more: bool
    counts: dict[tuple[Status, Triage], int]

    def count(self, status: Status | None = None, triage: Triage | None = None) -> int:
        """Number of cases of a status and triage; None for any."""
        return sum(
            number for (one, other), number in self.counts.items() if status in (None, one) and triage in (None, other)
        )


async def inbox(store: Store, wanted: Wanted, now_ms: int) -> Inbox:
    """The inbox as it stands now."""
    row = schema.cases.c
    order = (row.urgency.desc(), row.last_hour.desc(), row.last_seen_ms.desc(), row.id)
    query = select(schema.cases).where(*_filters(wanted)).order_by(*order).limit(wanted.most + 1)
    matching = _matching(wanted.search)
    totals = select(row.status, row.triage, func.count()).where(*matching).group_by(row.status, row.triage)
    async with store.database.reading() as connection:
        found = [case_of(each) for each in await connection.execute(query)]
        counts = {(Status(one), Triage(other)): number for one, other, number in await connection.execute(totals)}
        cases = found[: wanted.most]
        hours = await _hours(connection, [case.id for case in cases], now_ms)
    rows = tuple(InboxRow(case, hours[case.id]) for case in cases)
    return Inbox(rows, len(found) > wanted.most, counts)


async def over_time(store: Store, case_id: str, span: Span, now_ms: int) -> tuple[int, ...]:
    """Posts of a case in each step of `span`, oldest first."""
    row = schema.posts.c
    # 0 is the step that ends now.
    step = ((now_ms - row.seen_ms) // span.step_ms).label("step")
    query = (
        select(step, func.count())
        .where(row.case_id == case_id, row.seen_ms > now_ms - span.total_ms, row.seen_ms <= now_ms)
        .group_by(step)
    )
    async with store.database.reading() as connection:
        found = {int(ago): count for ago, count in await connection.execute(query)}
    return tuple(found.get(ago, 0) for ago in reversed(range(span.steps)))


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    row = schema.cases.c
    filters = _matching(wanted.search)
    if wanted.status is not None:
        filters.append(row.status == wanted.status.value)
    if wanted.triage is not None:
        filters.append(row.triage == wanted.triage.value)
    return filters


def _matching(search: str) -> list[ColumnElement[bool]]:
    row, words = schema.cases.c, search.split()
    return [
        or_(row.claim.icontains(word, autoescape=True), row.myth_id.icontains(word, autoescape=True)) for word in words
    ]


async def _hours(connection: AsyncConnection, case_ids: Sequence[str], now_ms: int) -> dict[str, tuple[int, ...]]:
    row = schema.posts.c
    hour = ((now_ms - row.seen_ms) // HOUR_MS).label("hour")
    query = (
        select(row.case_id, hour, func.count())
        .where(row.case_id.in_(case_ids), row.seen_ms > now_ms - HOURS * HOUR_MS, row.seen_ms <= now_ms)
        .group_by(row.case_id, hour)
    )
    found: dict[str, dict[int, int]] = defaultdict(dict)
    for case_id, ago, count in await connection.execute(query):
        found[case_id][int(ago)] = count
    return {case_id: tuple(found[case_id].get(ago, 0) for ago in reversed(range(HOURS))) for case_id in case_ids}
