"""After any change: count again, take advice again, and record the notifications that are due, in the same transaction.

Counts are always taken from the posts held, never added up, so that they are right after any history.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.case_routing import Routing
from services.alert.cases import Case, Counts, Harm, Status
from services.alert.counting import count
from services.alert.database import Database
from services.alert.due import DueRules
from services.alert.grouping import CANDIDATE, is_candidate
from services.alert.mutes import in_force, silent
from services.alert.notification_rows import Cause, record_due
from services.alert.rows import case_of, case_values, myth_of
from services.alert.texts import _
from services.alert.triage import TriageRules, advise, advise_candidate, novelty
from services.alert.wording import TRIAGE


@dataclass(frozen=True)
class Rules:
    """What decides about cases, and who is told."""

    triage: TriageRules
    due: DueRules
    routing: Routing
    language: str
    tombstone_ms: int


async def reconsider(
    connection: AsyncConnection,
    database: Database,
    rules: Rules,
    case_ids: Collection[str],
    now_ms: int,
    causes: Mapping[str, Cause] | None = None,
) -> None:
    """Bring the cases `case_ids` up to date with the posts held and the knowledge base."""
    if not case_ids:
        return
    # Locked in one order, so that two processes on one database wait for each other instead of miscounting; not the
    # key, which posts that both have just written refer to.
    query = (
        select(schema.cases)
        .where(schema.cases.c.id.in_(case_ids))
        .order_by(schema.cases.c.id)
        .with_for_update(key_share=True)
    )
    rows = (await connection.execute(query)).all()
    before = [case_of(row) for row in rows]
    traces = {row.id: row.trace for row in rows}
    counts = await count(connection, case_ids, now_ms)
    myths = await _myths(connection, {found.myth_id for found in before})
    after: list[Case] = []
    entries: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    for old in before:
        new = _advised(old, counts.get(old.id, Counts()), myths.get(old.myth_id), rules, now_ms)
        if new != old:
            cause = (causes or {}).get(old.id, Cause())
            new = dataclasses.replace(new, version=old.version + 1, updated_ms=now_ms)
            changes.append(case_values(new) | {"changed_id": old.id, "trace": cause.trace or traces[old.id]})
            entries += _audit(old, new, now_ms)
        after.append(new)
    if changes:
        # One statement for all: a batch changes hundreds of cases.
        await connection.execute(schema.cases.update().where(schema.cases.c.id == bindparam("changed_id")), changes)
    if entries:
        await connection.execute(schema.audit.insert(), entries)
    known = {myth_id: myth_of(row.record) for myth_id, row in myths.items()}
    places = await rules.routing.places(connection, after, known, now_ms)
    muted = silent(after, known, await in_force(connection, now_ms))
    await record_due(connection, database, rules.due, places, after, now_ms, causes or {}, muted)


def _advised(old: Case, counts: Counts, myth: Any, rules: Rules, now_ms: int) -> Case:
    harm, claim, digest = old.harm, old.claim, old.myth_digest
    if myth is not None:
        known = myth_of(myth.record)
        harm, digest = known.harm, myth.digest
        claim = known.in_language(known.claim, rules.language) or old.myth_id
    status, muted_until_ms = old.status, old.muted_until_ms
    if status is Status.MUTED and muted_until_ms <= now_ms:
        status, muted_until_ms = Status.OPEN, 0
    advice = advise(harm, counts, rules.triage, novelty(counts, old.answered_ms, now_ms))
    if is_candidate(old.myth_id) and myth is None:
        # Named by its id alone: the words of its posts go when they are deleted.
        claim = _("Possible new narrative {id}").format(id=old.myth_id.removeprefix(CANDIDATE)[:8])
        advice = advise_candidate(counts, rules.triage)
    return dataclasses.replace(
        old, counts=counts, harm=harm, claim=claim, myth_digest=digest, triage=advice.triage,
        triage_reason=advice.reason, status=status, muted_until_ms=muted_until_ms,
    )  # fmt: skip


def _audit(old: Case, new: Case, now_ms: int) -> list[dict[str, Any]]:
    changes = []
    if old.version == 0:
        changes.append((_("opened"), _("first post that repeats {myth}").format(myth=new.myth_id)))
    elif old.triage is not new.triage:
        changes.append(
            (
                _("advice changed from {before} to {now}").format(before=TRIAGE[old.triage], now=TRIAGE[new.triage]),
                new.triage_reason,
            )
        )
    if new.counts.coordinated and not old.counts.coordinated:
        changes.append((_("looks coordinated"), new.counts.coordinated))
    if old.status is Status.MUTED and new.status is Status.OPEN:
        changes.append((_("mute ended"), _("the time it was muted for is over")))
    return [
        {"case_id": new.id, "at_ms": now_ms, "who": "mythwatch", "via": "mythwatch", "what": what, "why": why}
        for what, why in changes
    ]


async def _myths(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Any]:
    query = select(schema.myths).where(schema.myths.c.id.in_(ids))
    return {row.id: row for row in await connection.execute(query)}


def new_case_values(case_id: str, myth_id: str, generation: int, now_ms: int) -> dict[str, Any]:
    """A case before its first count; `reconsider` fills in the rest."""
    return {
        "id": case_id, "myth_id": myth_id, "generation": generation, "claim": myth_id, "status": Status.OPEN.value,
        "triage": "ignore", "harm": Harm.UNKNOWN.value, "platforms": {}, "languages": {}, "created_ms": now_ms,
        "updated_ms": now_ms,
    }  # fmt: skip
