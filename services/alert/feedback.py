"""A person's decision: what it does to a case (pure), and its record, all in one transaction."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import Action, Case, Decided, Decision, Status
from services.alert.database import Database
from services.alert.names import called
from services.alert.reconsider import Rules, reconsider
from services.alert.rows import case_of, case_values
from services.alert.texts import Said, _, later
from services.stream import metrics
from services.stream.codec import content_id

_WORDS = Said(
    {
        Action.ACKNOWLEDGE: later("acknowledged"),
        Action.NOT_A_MYTH: later("judged not a myth"),
        Action.MUTE: later("muted"),
        Action.REOPEN: later("reopened"),
        Action.ASSIGN: later("assigned"),
        Action.RESPOND: later("preparing an answer"),
        Action.ANSWERED: later("answered"),
    }
)
# The latest posts that a decision is recorded against; enough to learn from.
MOST_POSTS = 50


def decided_case(case: Case, decision: Decision, now_ms: int) -> Case:
    """The case after a decision; counts and advice stay as they are."""
    status = {
        Action.ACKNOWLEDGE: Status.ACKNOWLEDGED,
        Action.NOT_A_MYTH: Status.DISMISSED,
        Action.MUTE: Status.MUTED,
        Action.REOPEN: Status.OPEN,
        Action.ASSIGN: Status.OPEN if case.status is Status.OPEN else Status.ACKNOWLEDGED,
        Action.RESPOND: Status.ACKNOWLEDGED,
        Action.ANSWERED: Status.ANSWERED,
    }[decision.action]
    answered = decision.action is Action.ANSWERED
    named = {Action.ASSIGN: decision.assignee, Action.RESPOND: decision.person}
    return dataclasses.replace(
        case,
        status=status,
        assigned_to=named.get(decision.action, case.assigned_to),
        answered_ms=now_ms if answered else case.answered_ms,
        answer_url=decision.answer_url if answered else case.answer_url,
        muted_until_ms=now_ms + decision.mute_ms if status is Status.MUTED else 0,
        decided_by=decision.person,
        decided_via=decision.via,
        decided_ms=now_ms,
        version=case.version + 1,
        updated_ms=now_ms,
    )


def feedback_id(decision: Decision) -> str:
    """The same for every delivery of one click."""
    return content_id("feedback", decision.case_id, decision.action, decision.person, decision.act_id)


async def decide(
    connection: AsyncConnection, database: Database, rules: Rules, decision: Decision, now_ms: int
) -> Decided | None:
    """Apply `decision` once; None when there is no such case."""
    before = await _standing(connection, decision.case_id)
    if before is None:
        return None
    # An old message or link may be about a case that was merged: meant is what holds its posts now.
    decision = dataclasses.replace(decision, case_id=before.id)
    newest = select(schema.posts.c.id).where(schema.posts.c.case_id == before.id)
    newest = newest.order_by(schema.posts.c.seen_ms.desc(), schema.posts.c.id).limit(MOST_POSTS)
    after = decided_case(before, decision, now_ms)
    record = {
        "id": feedback_id(decision), "case_id": before.id, "myth_id": before.myth_id, "action": decision.action.value,
        "person": decision.person, "via": decision.via, "note": decision.note, "decided_ms": now_ms,
        "muted_until_ms": after.muted_until_ms, "assignee": decision.assignee, "answer_url": decision.answer_url,
        "post_ids": list((await connection.execute(newest)).scalars()),
    }  # fmt: skip
    insert = database.upsert(schema.feedback).values(record).on_conflict_do_nothing()
    if (await connection.execute(insert.returning(schema.feedback.c.id))).first() is None:
        return Decided(before, repeated=True)
    await connection.execute(schema.cases.update().where(schema.cases.c.id == before.id).values(case_values(after)))
    entry = {"case_id": before.id, "at_ms": now_ms, "who": decision.person, "via": decision.via,
             "what": _what(decision), "why": decision.note}  # fmt: skip
    await connection.execute(schema.audit.insert().values(entry))
    await reconsider(connection, database, rules, [before.id], now_ms)
    metrics.FEEDBACK.labels(decision.action.value, decision.via).inc()
    latest = (await connection.execute(select(schema.cases).where(schema.cases.c.id == before.id))).one()
    return Decided(case_of(latest), repeated=False)


def _what(decision: Decision) -> str:
    words = _WORDS[decision.action]
    return _("{done} to {person}").format(done=words, person=called(decision.assignee)) if decision.assignee else words


async def _standing(connection: AsyncConnection, case_id: str) -> Case | None:
    """The case, or the one that it was merged into, locked; None when there is no such case."""
    seen: set[str] = set()
    while True:
        query = select(schema.cases).where(schema.cases.c.id == case_id).with_for_update(key_share=True)
        row = (await connection.execute(query)).first()
        if row is None or row.status != Status.MERGED.value or row.merged_into in seen:
            return case_of(row) if row is not None else None
        seen.add(case_id)
        case_id = row.merged_into
