"""Muting a topic or a myth, and ending that: each in one transaction with what it changes for the cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.cases import Status
from services.alert.database import Database
from services.alert.mutes import Mute, Scope, in_force, mute_of
from services.alert.reconsider import Rules, reconsider
from services.alert.rows import myth_of
from services.alert.schema_mutes import mutes as table
from services.alert.texts import _
from services.stream.codec import content_id

MOST_TOGETHER = 200
"""Cases looked at in one go; a topic has a few dozen open ones."""


class CannotMute(ValueError):
    """The mute can't be taken; the message says why, in words for people."""


@dataclass(frozen=True)
class MuteWish:
    """What somebody asks for; `act_id` is the same for every delivery of one click."""

    scope: Scope
    value: str
    for_ms: int
    person: str
    via: str
    why: str
    act_id: str


class MuteDesk:
    """Every method raises NotReady while the database is away. `changed` wakes what tells people."""

    def __init__(self, database: Database, rules: Rules, changed: Callable[[], None]) -> None:
        self._database, self._rules, self._changed = database, rules, changed

    async def in_force(self, now_ms: int) -> list[Mute]:
        """Those that last, soonest to end first."""
        async with self._database.reading() as connection:
            return await in_force(connection, now_ms)

    async def begin(self, wish: MuteWish, now_ms: int) -> Mute:
        """Mute from now on, once per click; the same topic or myth again changes until when. Raises CannotMute."""
        mute = Mute(
            content_id("mute", wish.scope, wish.value, wish.person, wish.act_id), wish.scope, wish.value,
            now_ms + wish.for_ms, wish.person, wish.via, wish.why, now_ms,
        )  # fmt: skip
        async with self._database.writing() as connection:
            known = (await connection.execute(select(table).where(table.c.id == mute.id))).first()
            if known is not None:
                return mute_of(known)
            if not await _myth_ids(connection, mute):
                topical = mute.scope is Scope.TOPIC
                unknown = _("there is no topic {what}") if topical else _("there is no myth {what}")
                raise CannotMute(unknown.format(what=mute.value[:80]))
            same = (table.c.scope == mute.scope.value) & (table.c.value == mute.value) & (table.c.ended_ms == 0)
            await connection.execute(table.update().where(same).values(ended_ms=now_ms, ended_by=mute.person))
            values = dataclasses.asdict(mute) | {"scope": mute.scope.value}
            await connection.execute(table.insert().values(values))
            await self._look_again(connection, [mute], now_ms)
        self._changed()
        return mute

    async def end(self, mute_id: str, person: str, now_ms: int) -> bool:
        """Tell people again. False for one that is not known; ending one that has ended changes nothing."""
        async with self._database.writing() as connection:
            row = (await connection.execute(select(table).where(table.c.id == mute_id))).first()
            if row is not None and not row.ended_ms:
                await self._end(connection, [mute_of(row)], person, now_ms)
        self._changed()
        return row is not None

    async def let_end(self, now_ms: int) -> bool:
        """End those whose time is over; was there any?"""
        over = select(table).where(table.c.ended_ms == 0, table.c.until_ms <= now_ms)
        async with self._database.reading() as connection:
            found = [mute_of(row) for row in await connection.execute(over)]
        if found:
            async with self._database.writing() as connection:
                await self._end(connection, found, "mythwatch", now_ms)
        return bool(found)

    async def _end(self, connection: AsyncConnection, ended: Sequence[Mute], person: str, now_ms: int) -> None:
        ids = [mute.id for mute in ended]
        await connection.execute(table.update().where(table.c.id.in_(ids)).values(ended_ms=now_ms, ended_by=person))
        await self._look_again(connection, ended, now_ms)

    async def _look_again(self, connection: AsyncConnection, changed: Sequence[Mute], now_ms: int) -> None:
        """What was to be said is called off, or is due again."""
        myth_ids = [myth_id for mute in changed for myth_id in await _myth_ids(connection, mute)]
        case = schema.cases.c
        query = select(case.id).where(case.status == Status.OPEN.value, case.myth_id.in_(myth_ids))
        found = list((await connection.execute(query)).scalars())
        for start in range(0, len(found), MOST_TOGETHER):
            some = found[start : start + MOST_TOGETHER]
            await reconsider(connection, self._database, self._rules, some, now_ms)


async def _myth_ids(connection: AsyncConnection, mute: Mute) -> list[str]:
    """Myths that it covers."""
    if mute.scope is Scope.MYTH:
        # A candidate narrative is no myth of the knowledge base yet.
        query = select(schema.cases.c.myth_id).where(schema.cases.c.myth_id == mute.value).limit(1)
        return list((await connection.execute(query)).scalars())
    records = (await connection.execute(select(schema.myths.c.record))).scalars()
    return [myth.id for myth in map(myth_of, records) if myth.topic == mute.value]
