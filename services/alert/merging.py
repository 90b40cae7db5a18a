"""Merging and splitting cases by hand: the posts move, later ones follow, and both cases remember it. One transaction each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import Status
from services.alert.database import Database
from services.alert.grouping import case_id as id_of_case
from services.alert.reconsider import Rules, new_case_values, reconsider
from services.alert.texts import _, ngettext
from services.stream.codec import content_id


class CannotMerge(ValueError):
    """The cases can't be merged or split as asked; the message says why, in words for people."""


@dataclass(frozen=True)
class Act:
    """Who wants it, by which door, and why; `id` is the same for every delivery of one click."""

    person: str
    via: str
    id: str
    why: str = ""


async def merge(
    connection: AsyncConnection, database: Database, rules: Rules, case_id: str, into: str, act: Act, now_ms: int
) -> bool:
    """Posts of `case_id`, and later ones of its myth or candidate, go to `into`. False when this act is known. Raises CannotMerge."""
    rows = await _locked(connection, {case_id, into})
    if case_id == into or len(rows) != 2:
        raise CannotMerge(
            _("Choose another case to merge it into.") if case_id == into else _("There is no such case.")
        )
    if not await _first_time(connection, database, rows[case_id], "merge", into, act, now_ms):
        return False
    if Status.MERGED.value in (rows[case_id].status, rows[into].status):
        raise CannotMerge(_("One of the two cases has been merged already; choose the case that holds its posts."))
    posts, subjects, wordings, cases = schema.posts, schema.subjects, schema.wordings, schema.cases
    # What had been merged into it goes along, so that each can still be undone.
    await connection.execute(cases.update().where(cases.c.merged_into == case_id).values(merged_into=into))
    await connection.execute(posts.update().where(posts.c.case_id == case_id).values(case_id=into))
    await connection.execute(subjects.update().where(subjects.c.case_id == case_id).values(case_id=into))
    await _follow(connection, database, rows[case_id], into)
    # What was split off before comes back, or stays where it went.
    back = (wordings.c.from_case_id == into) & (wordings.c.case_id == case_id)
    await connection.execute(wordings.delete().where(back))
    await connection.execute(wordings.update().where(wordings.c.case_id == case_id).values(case_id=into))
    await _stand(connection, case_id, Status.MERGED, into, act, now_ms)
    await _note(connection, case_id, _("merged into another case"), f"{into[:8]}: {rows[into].claim}", act, now_ms)
    await _note(
        connection, into, _("another case was merged into it"), f"{case_id[:8]}: {rows[case_id].claim}", act, now_ms
    )
    await reconsider(connection, database, rules, [case_id, into], now_ms)
    return True


async def unmerge(
    connection: AsyncConnection, database: Database, rules: Rules, case_id: str, act: Act, now_ms: int
) -> bool:
    """A merged case gets its myth's posts back. False when this act is known. Raises CannotMerge."""
    rows = await _locked(connection, {case_id})
    if case_id in rows and await _known(connection, rows[case_id], "split", act):
        return False
    if case_id not in rows or rows[case_id].status != Status.MERGED.value:
        raise CannotMerge(_("This case has not been merged."))
    row, into = rows[case_id], rows[case_id].merged_into
    other = (await _locked(connection, {into}))[into]
    if other.myth_id == row.myth_id:
        raise CannotMerge(_("Both cases are about the same myth; split the posts off again instead."))
    if not await _first_time(connection, database, row, "split", into, act, now_ms):
        return False
    posts, subjects = schema.posts, schema.subjects
    own = (posts.c.case_id == into) & (posts.c.subject == row.myth_id)
    await connection.execute(posts.update().where(own).values(case_id=case_id))
    await connection.execute(subjects.delete().where(subjects.c.subject == row.myth_id))
    await _stand(connection, case_id, Status.OPEN, "", act, now_ms)
    for one, other in ((case_id, into), (into, case_id)):
        await _note(connection, one, _("the merge was undone"), other[:8], act, now_ms)
    await reconsider(connection, database, rules, [case_id, into], now_ms)
    return True


async def split(
    connection: AsyncConnection,
    database: Database,
    rules: Rules,
    case_id: str,
    post_ids: Collection[str],
    act: Act,
    now_ms: int,
) -> str:
    """Those posts, and later ones of the same words, go to a case of their own, whose id is returned. Raises CannotMerge."""
    rows = await _locked(connection, {case_id})
    if case_id not in rows:
        raise CannotMerge(_("There is no such case."))
    row, posts = rows[case_id], schema.posts
    generation = 1 + int(
        (
            await connection.execute(
                select(func.max(schema.cases.c.generation)).where(schema.cases.c.myth_id == row.myth_id)
            )
        ).scalar_one()
    )
    new = id_of_case(row.myth_id, generation)
    known = await _known(connection, row, "split", act)
    if known:
        return known
    chosen = (posts.c.case_id == case_id) & posts.c.id.in_(list(post_ids))
    moving = (await connection.execute(select(posts.c.id, posts.c.wording).where(chosen))).all()
    held = (await connection.execute(select(func.count()).where(posts.c.case_id == case_id))).scalar_one()
    if not moving or len(moving) == held:
        raise CannotMerge(_("Choose some of the posts, but not all of them."))
    await connection.execute(schema.cases.insert().values(new_case_values(new, row.myth_id, generation, now_ms)))
    await _first_time(connection, database, row, "split", new, act, now_ms)
    await connection.execute(posts.update().where(chosen).values(case_id=new))
    wordings = [
        {"from_case_id": case_id, "wording": wording, "case_id": new}
        for wording in sorted({one.wording for one in moving if one.wording})
    ]
    if wordings:
        insert = database.upsert(schema.wordings)
        again = {"case_id": insert.excluded.case_id}
        await connection.execute(
            insert.on_conflict_do_update(index_elements=["from_case_id", "wording"], set_=again), wordings
        )
    await _note(
        connection,
        case_id,
        ngettext("{posts} post was split off", "{posts} posts were split off", len(moving)).format(posts=len(moving)),
        new[:8],
        act,
        now_ms,
    )
    await _note(connection, new, _("split off another case"), f"{case_id[:8]}: {row.claim}", act, now_ms)
    await reconsider(connection, database, rules, [case_id, new], now_ms)
    return new


async def _locked(connection: AsyncConnection, case_ids: Collection[str]) -> dict[str, Any]:
    """In one order, as reconsider locks them."""
    table = schema.cases
    query = select(table).where(table.c.id.in_(case_ids)).order_by(table.c.id).with_for_update(key_share=True)
    return {row.id: row for row in await connection.execute(query)}


def _feedback_id(row: Any, action: str, act: Act) -> str:
    return content_id("feedback", row.id, action, act.person, act.id)


async def _known(connection: AsyncConnection, row: Any, action: str, act: Act) -> str:
    """The other case of an act that was recorded before; empty for a new one."""
    table = schema.feedback.c
    query = select(table.other_case_id).where(table.id == _feedback_id(row, action, act))
    return str((await connection.execute(query)).scalar() or "")


async def _first_time(
    connection: AsyncConnection, database: Database, row: Any, action: str, other: str, act: Act, now_ms: int
) -> bool:
    """Records the act as feedback; False when it was recorded before."""
    newest = select(schema.posts.c.id).where(schema.posts.c.case_id == row.id).limit(50)
    record = {
        "id": _feedback_id(row, action, act), "case_id": row.id, "myth_id": row.myth_id, "action": action,
        "person": act.person, "via": act.via, "note": act.why, "decided_ms": now_ms, "muted_until_ms": 0,
        "other_case_id": other, "post_ids": list((await connection.execute(newest)).scalars()),
    }  # fmt: skip
    insert = database.upsert(schema.feedback).values(record).on_conflict_do_nothing()
    return (await connection.execute(insert.returning(schema.feedback.c.id))).first() is not None


async def _follow(connection: AsyncConnection, database: Database, row: Any, into: str) -> None:
    """Later posts of the case's own myth go to `into`; of a case that was split off, only its wordings do."""
    if row.id != id_of_case(row.myth_id):
        return
    insert = database.upsert(schema.subjects).values(subject=row.myth_id, case_id=into)
    again = {"case_id": insert.excluded.case_id}
    await connection.execute(insert.on_conflict_do_update(index_elements=["subject"], set_=again))


async def _stand(connection: AsyncConnection, case_id: str, status: Status, into: str, act: Act, now_ms: int) -> None:
    table = schema.cases
    await connection.execute(
        table.update()
        .where(table.c.id == case_id)
        .values(
            status=status.value, merged_into=into, decided_by=act.person, decided_via=act.via, decided_ms=now_ms,
            version=table.c.version + 1, updated_ms=now_ms,
        )
    )  # fmt: skip


async def _note(connection: AsyncConnection, case_id: str, what: str, about: str, act: Act, now_ms: int) -> None:
    why = f"{about}. {act.why}" if act.why else about
    entry = {"case_id": case_id, "at_ms": now_ms, "who": act.person, "via": act.via, "what": what, "why": why}
    await connection.execute(schema.audit.insert().values(entry))
