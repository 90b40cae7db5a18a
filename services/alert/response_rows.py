"""Answers in the database, and in the record of their myth, which goes to the topic `myths` when they change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert import schema
from services.alert.responses import EXPIRES_AFTER_MS, Response, ResponseState, problem
from services.alert.schema_responses import responses
from services.alert.texts import _
from services.stream import events_pb2 as events
from services.stream.codec import content_id


class CannotRespond(ValueError):
    """An answer can't be taken as it is; the message names the field and the fix."""


class OwnWords(CannotRespond):
    """Somebody else has to approve them."""


@dataclass(frozen=True)
class Proposal:
    """An answer as somebody wrote it; `act_id` is the same for every delivery of one click."""

    myth_id: str
    language: str
    place: str
    text: str
    author: str
    act_id: str


async def of_myth(connection: AsyncConnection, myth_id: str) -> list[Response]:
    """All answers for a myth, latest version first."""
    query = select(responses).where(responses.c.myth_id == myth_id).order_by(responses.c.version.desc(), responses.c.id)
    return [_response(row) for row in await connection.execute(query)]


async def propose(connection: AsyncConnection, proposal: Proposal, now_ms: int) -> Response:
    """Keep a proposal, once per click. Raises CannotRespond."""
    text = proposal.text.replace("\r\n", "\n").strip()
    if wrong := problem(text, proposal.language, proposal.place):
        raise CannotRespond(wrong)
    known = select(schema.myths.c.id).where(schema.myths.c.id == proposal.myth_id)
    if (await connection.execute(known)).first() is None:
        raise CannotRespond(_("myth: not in the knowledge base; write it there first"))
    await connection.execute(known.with_for_update(key_share=True))  # versions are numbered one after the other
    identifier = content_id("response", proposal.myth_id, proposal.author, proposal.act_id)
    if (row := await _row(connection, identifier)) is not None:
        return _response(row)
    same = (
        (responses.c.myth_id == proposal.myth_id)
        & (responses.c.language == proposal.language)
        & (responses.c.place == proposal.place)
    )
    newest = (await connection.execute(select(func.max(responses.c.version)).where(same))).scalar() or 0
    values = {
        "id": identifier, "myth_id": proposal.myth_id, "language": proposal.language, "place": proposal.place,
        "version": newest + 1, "text": text, "state": ResponseState.PROPOSED.value, "author": proposal.author,
        "proposed_ms": now_ms,
    }  # fmt: skip
    await connection.execute(responses.insert().values(values))
    return _response(await _row(connection, identifier))


async def approve(
    connection: AsyncConnection, response_id: str, myth_id: str, approver: str, now_ms: int, *, alone: bool = False
) -> None:
    """Put a proposal for a myth in force, in place of the one before it; `alone`: there is nobody else to approve. Raises
    CannotRespond, OwnWords when the approver wrote it."""
    row = await _locked_row(connection, response_id, myth_id)
    if row is None or row.state not in (ResponseState.PROPOSED.value, ResponseState.APPROVED.value):
        raise CannotRespond(_("There is no such proposal any more; reload the page."))
    if row.author == approver and not alone:
        raise OwnWords(_("somebody else has to approve what you wrote."))
    if row.state == ResponseState.APPROVED.value and now_ms < row.expires_ms:
        return
    before = (
        (responses.c.myth_id == row.myth_id)
        & (responses.c.language == row.language)
        & (responses.c.place == row.place)
        & (responses.c.state == ResponseState.APPROVED.value)
    )
    await connection.execute(responses.update().where(before).values(state=ResponseState.REPLACED.value))
    values = {
        "state": ResponseState.APPROVED.value, "approver": approver, "approved_ms": now_ms, "expires_ms": now_ms + EXPIRES_AFTER_MS,
    }  # fmt: skip
    await connection.execute(responses.update().where(responses.c.id == response_id).values(values))


async def withdraw(connection: AsyncConnection, response_id: str, myth_id: str) -> None:
    """Take an answer back. Raises CannotRespond."""
    if await _locked_row(connection, response_id, myth_id) is None:
        raise CannotRespond(_("There is no such answer any more; reload the page."))
    await connection.execute(
        responses.update().where(responses.c.id == response_id).values(state=ResponseState.WITHDRAWN.value)
    )


async def approved(connection: AsyncConnection, myth_ids: Collection[str]) -> dict[str, list[Response]]:
    """Approved answers by myth id."""
    query = (
        select(responses)
        .where(responses.c.myth_id.in_(myth_ids), responses.c.state == ResponseState.APPROVED.value)
        .order_by(responses.c.language, responses.c.place)
    )
    found: dict[str, list[Response]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.myth_id, []).append(_response(row))
    return found


def with_responses(record: bytes, found: Collection[Response]) -> tuple[bytes, bool]:
    """A myth's record with these answers and no others, and whether that is news: what people approved here is the truth,
    whatever the topic says."""
    event = events.Myth.FromString(record)
    wanted = [
        events.Response(
            id=one.id, language=one.language, length=one.place, text=one.text, version=one.version, author=one.author,
            approver=one.approver, approved_ms=one.approved_ms, expires_ms=one.expires_ms,
        )
        for one in found
    ]  # fmt: skip
    if list(event.responses) == wanted:
        return record, False
    del event.responses[:]
    event.responses.extend(wanted)
    return event.SerializeToString(), True


async def _locked_row(connection: AsyncConnection, response_id: str, myth_id: str) -> Any:
    """The answer, if it is one for this myth, whose answers nobody else changes meanwhile."""
    await connection.execute(
        select(schema.myths.c.id).where(schema.myths.c.id == myth_id).with_for_update(key_share=True)
    )
    row = await _row(connection, response_id)
    return row if row is not None and row.myth_id == myth_id else None


async def _row(connection: AsyncConnection, response_id: str) -> Any:
    return (await connection.execute(select(responses).where(responses.c.id == response_id))).first()


def _response(row: Any) -> Response:
    return Response(**{**row._mapping, "state": ResponseState(row.state)})
