"""What people wrote about myths: proposed by one, approved by another, and from then on the truth, whatever the topic says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert.schema_myths import myth_versions as table
from services.alert.texts import _
from services.stream import events_pb2 as events
from services.stream.codec import content_id


class CannotPropose(ValueError):
    """The version can't be taken or approved; the message says why, in words for people."""


class OwnVersion(CannotPropose):
    """Somebody else has to approve it."""


class VersionState(StrEnum):
    """Where a version stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class MythVersion:
    """One wording of a myth; `record` is a serialised Myth without responses, times are milliseconds UTC."""

    id: str
    myth_id: str
    record: bytes
    state: VersionState
    author: str
    approver: str
    proposed_ms: int
    approved_ms: int

    @property
    def myth(self) -> events.Myth:
        return events.Myth.FromString(self.record)


async def propose(connection: AsyncConnection, myth: events.Myth, author: str, act_id: str, now_ms: int) -> MythVersion:
    """Keep a version for approval, once per click."""
    identifier = content_id("myth version", myth.id, author, act_id)
    if (known := await _one(connection, identifier)) is not None:
        return known
    values = {
        "id": identifier, "myth_id": myth.id, "record": myth.SerializeToString(deterministic=True),
        "state": VersionState.PROPOSED.value, "author": author, "proposed_ms": now_ms,
    }  # fmt: skip
    await connection.execute(table.insert().values(values))
    found = await _one(connection, identifier)
    assert found is not None
    return found


async def approve(
    connection: AsyncConnection, version_id: str, approver: str, now_ms: int, *, alone: bool = False
) -> MythVersion:
    """Put a version in force, in place of the one before it; `alone`: there is nobody else to approve. Raises CannotPropose,
    OwnVersion when the approver wrote it."""
    found = await _locked(connection, version_id)
    if found is None or found.state not in (VersionState.PROPOSED, VersionState.APPROVED):
        raise CannotPropose(_("There is no such proposal any more; reload the page."))
    if found.author == approver and not alone:
        raise OwnVersion(_("somebody else has to approve what you wrote."))
    if found.state is VersionState.PROPOSED:
        before = (table.c.myth_id == found.myth_id) & (table.c.state == VersionState.APPROVED.value)
        await connection.execute(table.update().where(before).values(state=VersionState.REPLACED.value))
        values = {"state": VersionState.APPROVED.value, "approver": approver, "approved_ms": now_ms}
        await connection.execute(table.update().where(table.c.id == version_id).values(values))
    return found


async def withdraw(connection: AsyncConnection, version_id: str) -> MythVersion:
    """Take a proposal back. Raises CannotPropose for one that is in force: a better one replaces that."""
    found = await _locked(connection, version_id)
    if found is None or found.state is not VersionState.PROPOSED:
        raise CannotPropose(_("There is no such proposal any more; reload the page."))
    await connection.execute(table.update().where(table.c.id == version_id).values(state=VersionState.WITHDRAWN.value))
    return found


async def of_myth(connection: AsyncConnection, myth_id: str) -> list[MythVersion]:
    """All versions of a myth, latest first."""
    query = select(table).where(table.c.myth_id == myth_id).order_by(table.c.proposed_ms.desc(), table.c.id)
    return [_version(row) for row in await connection.execute(query)]


async def waiting(connection: AsyncConnection) -> list[MythVersion]:
    """Proposals that nobody has approved, oldest first."""
    query = select(table).where(table.c.state == VersionState.PROPOSED.value).order_by(table.c.proposed_ms, table.c.id)
    return [_version(row) for row in await connection.execute(query)]


async def in_force(connection: AsyncConnection, myth_ids: Collection[str]) -> dict[str, bytes]:
    """The approved record of each myth that has one."""
    query = select(table.c.myth_id, table.c.record).where(
        table.c.myth_id.in_(myth_ids), table.c.state == VersionState.APPROVED.value
    )
    return {row.myth_id: row.record for row in await connection.execute(query)}


def as_approved(record: bytes, ours: bytes | None) -> tuple[bytes, bool]:
    """The record with what was approved here, its responses kept, and whether that is news to the topic."""
    if ours is None:
        return record, False
    there, wanted = events.Myth.FromString(record), events.Myth.FromString(ours)
    wanted.responses.extend(there.responses)
    if there == wanted:
        return record, False
    return wanted.SerializeToString(deterministic=True), True


async def _locked(connection: AsyncConnection, version_id: str) -> MythVersion | None:
    """The version, while nobody else changes those of its myth."""
    myth = select(table.c.myth_id).where(table.c.id == version_id).scalar_subquery()
    await connection.execute(select(table.c.id).where(table.c.myth_id == myth).order_by(table.c.id).with_for_update())
    return await _one(connection, version_id)


async def _one(connection: AsyncConnection, version_id: str) -> MythVersion | None:
    row = (await connection.execute(select(table).where(table.c.id == version_id))).first()
    return _version(row) if row is not None else None


def _version(row: Any) -> MythVersion:
    return MythVersion(**{**row._mapping, "state": VersionState(row.state)})
