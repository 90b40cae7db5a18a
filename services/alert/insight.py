"""What the desk did over a time: narratives by topic, how soon people decided, how often they agreed, what was answered."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import Action, Case, Status, Triage
from services.alert.grouping import is_candidate
from services.alert.rows import case_of, myth_of

NO_TOPIC = "no known myth"
# Who mutes, assigns or merges a case has seen it, and has not said whether it is a myth.
_JUDGING = {Action.ACKNOWLEDGE, Action.RESPOND, Action.ANSWERED, Action.NOT_A_MYTH, Action.REOPEN}


@dataclass(frozen=True)
class Record:
    """A case that began in the time, without anything about those who posted. Times in ms UTC, 0 for never."""

    case: Case
    topic: str
    told_ms: int
    decided_ms: int
    agreed: bool | None  # what people decided last: it is a myth that spreads (True), or it isn't; None: nothing yet

    @property
    def waited_ms(self) -> int | None:
        """From the first telling to the first decision; None while either is missing."""
        return max(0, self.decided_ms - self.told_ms) if self.told_ms and self.decided_ms else None


@dataclass(frozen=True)
class TopicLine:
    """Narratives of a topic."""

    topic: str
    cases: int
    respond: int
    posts: int
    not_a_myth: int


@dataclass(frozen=True)
class Insight:
    """`median_ms` and `slow_ms` (nine in ten were decided sooner): from telling to decision; None without any."""

    topics: tuple[TopicLine, ...]
    told: int
    decided: int
    agreed: int
    median_ms: int | None
    slow_ms: int | None
    answered: tuple[Case, ...]

    @property
    def waiting(self) -> int:
        """Told of, and not decided on yet."""
        return self.told - self.decided


def insight(records: Sequence[Record]) -> Insight:
    """The figures of a time."""
    told = [record for record in records if record.told_ms]
    waits = sorted(record.waited_ms for record in told if record.waited_ms is not None)
    decided = [record for record in told if record.agreed is not None]
    answered = sorted((r.case for r in records if r.case.answered_ms), key=lambda case: -case.answered_ms)
    return Insight(
        tuple(_topics(records)), len(told), len(decided), sum(record.agreed is True for record in decided),
        _at(waits, 0.5), _at(waits, 0.9), tuple(answered),
    )  # fmt: skip


def _topics(records: Iterable[Record]) -> list[TopicLine]:
    by_topic: dict[str, list[Record]] = {}
    for record in records:
        by_topic.setdefault(record.topic, []).append(record)
    lines = [
        TopicLine(
            topic, len(found), sum(one.case.triage is Triage.RESPOND for one in found),
            sum(one.case.counts.posts for one in found), sum(one.agreed is False for one in found),
        )
        for topic, found in by_topic.items()
    ]  # fmt: skip
    return sorted(lines, key=lambda line: (-line.posts, line.topic))


def _at(ordered: Sequence[int], share: float) -> int | None:
    """The smallest value that `share` of all do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * share - 1e-9) - 1)] if ordered else None


async def records(connection: AsyncConnection, since_ms: int, most: int) -> list[Record]:
    """Cases that began since `since_ms`, newest first; merged ones are counted where they went."""
    case, said, tell = schema.cases.c, schema.feedback.c, schema.notifications.c
    query = (
        select(schema.cases)
        .where(case.created_ms > since_ms, case.status != Status.MERGED.value)
        .order_by(case.created_ms.desc(), case.id)
        .limit(most)
    )
    cases = [case_of(row) for row in await connection.execute(query)]
    ids = select(case.id).where(case.created_ms > since_ms)
    told = select(tell.case_id, func.min(tell.sent_ms)).where(tell.case_id.in_(ids), tell.sent_ms > 0)
    first_told = {case_id: int(ms) for case_id, ms in await connection.execute(told.group_by(tell.case_id))}
    decisions = (
        select(said.case_id, said.action, said.decided_ms).where(said.case_id.in_(ids)).order_by(said.decided_ms)
    )
    first: dict[str, int] = {}
    last: dict[str, bool | None] = {}
    for case_id, action, at_ms in await connection.execute(decisions):
        first.setdefault(case_id, at_ms)
        if action in _JUDGING:
            last[case_id] = None if action == Action.REOPEN.value else action != Action.NOT_A_MYTH.value
    topics = await _topic_of(connection, {one.myth_id for one in cases})
    return [
        Record(
            one, topics.get(one.myth_id, NO_TOPIC), first_told.get(one.id, 0), first.get(one.id, 0), last.get(one.id)
        )
        for one in cases
    ]


async def _topic_of(connection: AsyncConnection, myth_ids: set[str]) -> dict[str, str]:
    query = select(schema.myths.c.id, schema.myths.c.record)
    rows = await connection.execute(query)
    return {
        row.id: myth_of(row.record).topic or NO_TOPIC for row in rows if row.id in myth_ids and not is_candidate(row.id)
    }
