"""Recording what is due, in the transaction that made it due; at most one unfinished notification for a message.

A notification holds no text: the message is made from the case as it stands when it is sent.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import Case, Channel, Harm
from services.alert.database import Database
from services.alert.due import Due, DueRules, due
from services.alert.routing import Tell
from services.alert.rows import told_of
from services.alert.texts import _
from services.stream.codec import content_id

UNFINISHED = ("pending", "sending", "unsure")
_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Cause:
    """The post behind a change: when ingest received it (ms UTC) and its trace."""

    received_ms: int = 0
    trace: str = ""


def urgency(what: Due, case: Case) -> int:
    """Order of the outbox, highest first: a deleted post leaves at once, then new cases, then growth; by advice and harm."""
    base = 200 if what.urgent else 100 if what.action in ("post", "rise") else 0
    return base + case.triage.rank * 10 + case.harm.rank


async def record_due(
    connection: AsyncConnection,
    database: Database,
    rules: DueRules,
    places: Mapping[str, Sequence[Tell]],
    cases: Sequence[Case],
    now_ms: int,
    causes: Mapping[str, Cause],
    muted: Mapping[str, str],
) -> None:
    """Record, bring forward, hold back or call off the notifications of `cases`; `places`: whom to tell, by case id; `muted`:
    why nobody is told anew, for those cases whose topic or myth is muted."""
    if not cases:
        return
    ids = [case.id for case in cases]
    messages = {_key(row): row for row in await _rows(connection, schema.messages, ids)}
    query = select(schema.notifications).where(
        schema.notifications.c.case_id.in_(ids), schema.notifications.c.state.in_(UNFINISHED)
    )
    unfinished = {_key(row): row for row in await connection.execute(query)}
    lost = await _with_lost_evidence(connection, list(messages.values()))
    new: Counter[tuple[str, str, Harm]] = Counter()  # first tellings of this batch, which count against the cap as well
    for case in cases:
        planned = {(case.id, one.destination.channel.value, one.destination.recipient): one for one in places[case.id]}
        # Those that routes no longer name keep a true message if they have one, and nothing otherwise.
        known = [key for key in (*messages, *unfinished) if key[0] == case.id]
        for key in dict.fromkeys([*planned, *known]):
            message, waiting, tell = messages.get(key), unfinished.get(key), planned.get(key)
            if waiting is not None and waiting.state != "pending":
                continue  # on its way: what it leaves to say is decided when it has arrived
            told = told_of(message, key in lost) if message is not None else None
            if tell is not None and tell.cap is not None:
                tell = dataclasses.replace(tell, told=tell.told + new[key[1], key[2], case.harm])
            silence = muted.get(case.id, "")
            what = due(Channel(key[1]), case, told, rules, now_ms, silence)
            what = _routed(what, Channel(key[1]), tell, told is None)
            held = tell is not None and tell.capped and told is None and not silence
            if held and tell is not None and what.action == "none" and case.triage.rank:
                await _hold_back(connection, database, key, tell.words(now_ms), now_ms)
            if waiting is not None:
                await _adjust(connection, waiting, what, case)
            elif what.action != "none":
                cause = causes.get(case.id)
                await _record(connection, key, message, what, case, now_ms, cause)
                if what.action == "post":
                    new[key[1], key[2], case.harm] += 1
                    await _no_longer_held_back(connection, key)


def _routed(what: Due, channel: Channel, tell: Tell | None, first: bool) -> Due:
    """What is due, as the routes have it: to whom, from when on, and not too often."""
    if what.action == "none":
        return what
    if tell is None:
        quiet = dataclasses.replace(what, action="update") if what.action == "rise" else what
        return Due("none", _("the routes no longer name this place")) if first else quiet
    if first and tell.capped:
        return Due("none", tell.words(what.at_ms))
    # An edit interrupts nobody; that a quoted post was deleted waits for nobody.
    interrupts = what.action in ("post", "rise") or channel in (Channel.EMAIL, Channel.CHAT)
    from_ms, why = tell.begins(what.at_ms)
    if interrupts and from_ms and not what.urgent:
        return dataclasses.replace(what, at_ms=from_ms, reason=f"{what.reason}; {why}")
    return what


async def _hold_back(connection: AsyncConnection, database: Database, key: _Key, why: str, now_ms: int) -> None:
    row = {"case_id": key[0], "channel": key[1], "recipient": key[2], "why": why, "at_ms": now_ms}
    await connection.execute(database.upsert(schema.held_back).values(row).on_conflict_do_nothing())


async def _no_longer_held_back(connection: AsyncConnection, key: _Key) -> None:
    held = schema.held_back
    own = (held.c.case_id == key[0]) & (held.c.channel == key[1]) & (held.c.recipient == key[2])
    await connection.execute(held.delete().where(own))


def _key(row: Any) -> _Key:
    return row.case_id, row.channel, row.recipient


async def _rows(connection: AsyncConnection, table: Any, ids: Sequence[str]) -> list[Any]:
    return list((await connection.execute(select(table).where(table.c.case_id.in_(ids)))).all())


async def _with_lost_evidence(connection: AsyncConnection, messages: Sequence[Any]) -> set[_Key]:
    """Messages that quote a post which is no longer held in their case with the words quoted."""
    quoted = {post_id for row in messages for post_id in row.quotes}
    if not quoted:
        return set()
    columns = schema.posts.c
    query = select(columns.id, columns.case_id, columns.verdict_id).where(columns.id.in_(quoted))
    held = {row.id: (row.case_id, row.verdict_id) for row in await connection.execute(query)}
    return {
        _key(row)
        for row in messages
        if any(held.get(post_id) != (row.case_id, verdict_id) for post_id, verdict_id in row.quotes.items())
    }


async def _adjust(connection: AsyncConnection, waiting: Any, what: Due, case: Case) -> None:
    table = schema.notifications
    if what.action == "none":
        await connection.execute(table.delete().where(table.c.id == waiting.id))
        return
    # A message that was never posted stays to be posted.
    action = waiting.action if waiting.action == "post" else what.action
    values: dict[str, Any] = {"action": action, "reason": what.reason, "urgency": urgency(what, case)}
    if waiting.attempts == 0:
        # A row that already failed keeps its backoff: the channel asked for it.
        values["next_attempt_ms"] = min(waiting.next_attempt_ms, what.at_ms)
    if any(getattr(waiting, name) != value for name, value in values.items()):
        await connection.execute(table.update().where(table.c.id == waiting.id).values(values))


async def _record(
    connection: AsyncConnection, key: _Key, message: Any, what: Due, case: Case, now_ms: int, cause: Cause | None
) -> None:
    case_id, channel, recipient = key
    sequence = 1 if message is None else message.sequence + 1
    place = {"case_id": case_id, "channel": channel, "recipient": recipient}
    if message is None:
        await connection.execute(schema.messages.insert().values(**place, sequence=sequence, quotes={}))
    else:
        table = schema.messages.c
        same = (table.case_id == case_id) & (table.channel == channel) & (table.recipient == recipient)
        await connection.execute(schema.messages.update().where(same).values(sequence=sequence))
    await connection.execute(
        schema.notifications.insert().values(
            **place, id=content_id("notification", case_id, channel, recipient, sequence), sequence=sequence,
            action=what.action, reason=what.reason, state="pending", urgency=urgency(what, case),
            case_version=case.version, created_ms=now_ms, next_attempt_ms=what.at_ms,
            cause_ms=cause.received_ms if cause else 0, trace=cause.trace if cause else "",
        )
    )  # fmt: skip
