"""The knowledge base as people work on it: looking a myth up, writing one, approving it. One transaction each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select

from services.alert import myth_rows, myth_versions, schema
from services.alert.cases import Myth
from services.alert.database import Database
from services.alert.myth_versions import MythVersion
from services.alert.reconsider import Rules
from services.alert.rows import myth_of
from services.stream import events_pb2 as events


@dataclass(frozen=True)
class MythLine:
    """A myth and how many cases are about it."""

    myth: Myth
    cases: int


class MythDesk:
    """Every method raises NotReady while the database is away. `changed` wakes what publishes and tells."""

    def __init__(self, database: Database, rules: Rules, changed: Callable[[], None]) -> None:
        self._database, self._rules, self._changed = database, rules, changed

    async def lines(self) -> list[MythLine]:
        """Every myth in force, by topic, then id."""
        count = select(schema.cases.c.myth_id, func.count()).group_by(schema.cases.c.myth_id)
        query = select(schema.myths.c.record).where(~schema.myths.c.withdrawn)
        async with self._database.reading() as connection:
            cases = {myth_id: number for myth_id, number in await connection.execute(count)}
            myths = [myth_of(record) for record in (await connection.execute(query)).scalars()]
        return [MythLine(one, cases.get(one.id, 0)) for one in sorted(myths, key=lambda one: (one.topic, one.id))]

    async def record(self, myth_id: str) -> events.Myth | None:
        """A myth as it is in force; None when there is none of this id."""
        async with self._database.reading() as connection:
            found = await myth_rows.record(connection, myth_id)
        return events.Myth.FromString(found) if found is not None else None

    async def versions(self, myth_id: str) -> list[MythVersion]:
        """Everything that people wrote about a myth, latest first."""
        async with self._database.reading() as connection:
            return await myth_versions.of_myth(connection, myth_id)

    async def waiting(self) -> list[MythVersion]:
        """What nobody has approved yet, oldest first."""
        async with self._database.reading() as connection:
            return await myth_versions.waiting(connection)

    async def propose(self, myth: events.Myth, author: str, act_id: str, now_ms: int) -> MythVersion:
        """Keep a new or changed myth for approval, once per click."""
        async with self._database.writing() as connection:
            return await myth_versions.propose(connection, myth, author, act_id, now_ms)

    async def approve(self, version_id: str, approver: str, now_ms: int, *, alone: bool = False) -> str:
        """Put a version in force: cases show it, and the topic gets it, where classifiers take it up. Its myth's id.

        Raises CannotPropose."""
        async with self._database.writing() as connection:
            version = await myth_versions.approve(connection, version_id, approver, now_ms, alone=alone)
            record = await myth_rows.record(connection, version.myth_id) or version.record
            myth = myth_rows.MythRecord(version.myth_id, record)
            await myth_rows.set_myths(connection, self._database, self._rules, [myth], now_ms, from_topic=False)
            await myth_rows.to_publish(connection, version.myth_id)
        self._changed()
        return version.myth_id

    async def withdraw(self, version_id: str) -> str:
        """Take a proposal back: its myth's id. Raises CannotPropose."""
        async with self._database.writing() as connection:
            return (await myth_versions.withdraw(connection, version_id)).myth_id
