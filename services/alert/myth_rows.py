"""The knowledge base in the database, as the topic `myths` gives it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import myth_versions, schema
from services.alert.cases import Myth
from services.alert.database import Database
from services.alert.reconsider import Rules, reconsider
from services.alert.response_rows import approved, with_responses
from services.alert.rows import digest_of, myth_of
from services.stream.codec import content_id


@dataclass(frozen=True)
class MythRecord:
    """A record of the topic `myths`; `record` (a serialised Myth) is None when the myth was withdrawn."""

    id: str
    record: bytes | None


async def set_myths(
    connection: AsyncConnection,
    database: Database,
    rules: Rules,
    myths: Sequence[MythRecord],
    now_ms: int,
    *,
    from_topic: bool = True,
) -> None:
    """Keep the latest record of each; cases about a changed one are brought up to date. A record `from_topic` is one that the topic
    has; one of our own may be news to it, and stays that until it is published."""
    latest = {myth.id: myth for myth in myths}
    table = schema.myths
    query = select(table.c.id, table.c.digest, table.c.published).where(table.c.id.in_(latest))
    known = {row.id: row for row in await connection.execute(query)}
    answers = await approved(connection, list(latest))
    written = await myth_versions.in_force(connection, list(latest))
    changed: set[str] = set()
    for myth in latest.values():
        old = known.get(myth.id)
        if myth.record is None:
            # Kept for the cases that are about it.
            await connection.execute(table.update().where(table.c.id == myth.id).values(withdrawn=True))
            continue
        own = answers.get(myth.id, [])
        ours, edited = myth_versions.as_approved(myth.record, written.get(myth.id))
        record, answered = with_responses(ours, own)
        digest = content_id("myth", digest_of(myth_of(record)), *(one.id for one in own))
        there = from_topic or (old is not None and old.published)
        published = there and not (edited or answered)
        values = {"record": record, "digest": digest, "withdrawn": False, "published": published}
        await connection.execute(
            database.upsert(table)
            .values(id=myth.id, **values)
            .on_conflict_do_update(index_elements=["id"], set_=values)
        )
        if old is None or old.digest != digest:
            changed.add(myth.id)
    if changed:
        about = select(schema.cases.c.id).where(schema.cases.c.myth_id.in_(changed))
        await reconsider(connection, database, rules, list((await connection.execute(about)).scalars()), now_ms)


async def refresh(connection: AsyncConnection, database: Database, rules: Rules, myth_id: str, now_ms: int) -> None:
    """Bring a myth's record, its cases and the topic up to date with the answers approved here."""
    row = (await connection.execute(select(schema.myths).where(schema.myths.c.id == myth_id))).one()
    if not row.withdrawn:
        await set_myths(connection, database, rules, [MythRecord(myth_id, row.record)], now_ms, from_topic=False)


async def record(connection: AsyncConnection, myth_id: str) -> bytes | None:
    """The record as it stands; None for one that isn't there or was withdrawn."""
    query = select(schema.myths.c.record).where(schema.myths.c.id == myth_id, ~schema.myths.c.withdrawn)
    return (await connection.execute(query)).scalar()


async def to_publish(connection: AsyncConnection, myth_id: str) -> None:
    """The topic lacks it."""
    await connection.execute(schema.myths.update().where(schema.myths.c.id == myth_id).values(published=False))


async def all_myths(connection: AsyncConnection) -> list[Myth]:
    query = select(schema.myths.c.record).where(~schema.myths.c.withdrawn).order_by(schema.myths.c.id)
    return [myth_of(record) for record in (await connection.execute(query)).scalars()]


async def unknown(connection: AsyncConnection, myth_ids: Collection[str]) -> set[str]:
    query = select(schema.myths.c.id).where(schema.myths.c.id.in_(myth_ids))
    return set(myth_ids) - set((await connection.execute(query)).scalars())
