"""Whom to tell of cases, by the routes that are in force: facts from the database, the decision from routing.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import DAY_MS, Case, Channel, Destination, Harm, Myth, Status, Triage
from services.alert.routes import Routes
from services.alert.routing import Facts, Plan, Tell, escalates, plan


@dataclass
class Routing:
    """`routes`: the file in force, None without one; then everybody in `always` is told of everything."""

    always: tuple[Destination, ...] = ()
    routes: Routes | None = None

    async def places(
        self, connection: AsyncConnection, cases: Sequence[Case], myths: Mapping[str, Myth], now_ms: int
    ) -> dict[str, Sequence[Tell]]:
        """Whom to tell, by case id; `myths` by myth id, where known."""
        if self.routes is None:
            everybody = [Tell(destination, "", "") for destination in self.always]
            return {case.id: everybody for case in cases}
        plans = await self.plans(connection, cases, myths, now_ms)
        return {case_id: found.tell for case_id, found in plans.items()}

    async def plans(
        self, connection: AsyncConnection, cases: Sequence[Case], myths: Mapping[str, Myth], now_ms: int
    ) -> dict[str, Plan]:
        """The whole answer, by case id; needs routes."""
        assert self.routes is not None
        told_today = await _told_today(connection, now_ms) if self.routes.daily_cap else {}
        waiting = await _waiting(connection, cases, now_ms) if escalates(self.routes) else {}
        found = {}
        for case in cases:
            facts = facts_of(case, myths.get(case.myth_id), waiting.get(case.id, 0))
            # Not counted against itself: what is recorded stays recorded.
            others = {place: len(ids - {case.id}) for place, ids in told_today.items()}
            found[case.id] = plan(self.routes, facts, now_ms, others)
        return found


def facts_of(case: Case, myth: Myth | None, waiting_ms: int) -> Facts:
    """What routing knows of a case."""
    return Facts(
        case.triage, case.harm, myth.specialty if myth else "", myth.topic if myth else "",
        tuple(case.counts.languages), waiting_ms,
    )  # fmt: skip


async def _told_today(connection: AsyncConnection, now_ms: int) -> dict[tuple[Destination, Harm], set[str]]:
    """Cases that a destination was first told of in the last 24 hours, or is about to be, by harm."""
    told, case = schema.notifications.c, schema.cases.c
    query = (
        select(told.channel, told.recipient, case.harm, told.case_id)
        .join(schema.cases, case.id == told.case_id)
        .where(told.action == "post", told.created_ms > now_ms - DAY_MS, told.state != "failed")
    )
    found: dict[tuple[Destination, Harm], set[str]] = {}
    for channel, recipient, harm, case_id in await connection.execute(query):
        found.setdefault((Destination(Channel(channel), recipient), Harm(harm)), set()).add(case_id)
    return found


async def _waiting(connection: AsyncConnection, cases: Sequence[Case], now_ms: int) -> dict[str, int]:
    """How long cases worth answering have waited since people were first told, ms, where nobody has acknowledged them."""
    open_ones = [case.id for case in cases if case.status is Status.OPEN and case.triage is Triage.RESPOND]
    if not open_ones:
        return {}
    told = schema.notifications.c
    query = (
        select(told.case_id, func.min(told.sent_ms))
        .where(told.case_id.in_(open_ones), told.action == "post", told.state == "sent")
        .group_by(told.case_id)
    )
    return {case_id: max(0, now_ms - first) for case_id, first in await connection.execute(query)}
