"""Mutes of a whole topic, or of a myth with its later narratives: nobody is told anew until they end. Cases go on being counted.

A single case is muted by a decision about it (feedback.py); mutes begin and end in mute_desk.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.alert.cases import Case, Myth
from services.alert.schema_mutes import mutes as table
from services.alert.texts import _


class Scope(StrEnum):
    """What is muted."""

    TOPIC = "topic"
    MYTH = "myth"


@dataclass(frozen=True)
class Mute:
    """`value`: the topic's name or the myth's id. Times are milliseconds UTC; `ended_ms` 0 while it lasts."""

    id: str
    scope: Scope
    value: str
    until_ms: int
    person: str
    via: str
    why: str
    at_ms: int
    ended_by: str = ""
    ended_ms: int = 0


async def in_force(connection: AsyncConnection, now_ms: int) -> list[Mute]:
    """Those that last, soonest to end first."""
    query = select(table).where(table.c.ended_ms == 0, table.c.until_ms > now_ms).order_by(table.c.until_ms, table.c.id)
    return [mute_of(row) for row in await connection.execute(query)]


def covering(myth_id: str, topic: str, mutes: Sequence[Mute]) -> list[Mute]:
    """Those of `mutes` that a narrative of this myth and topic is under."""
    return [one for one in mutes if one.value == (topic if one.scope is Scope.TOPIC else myth_id)]


def silent(cases: Sequence[Case], myths: Mapping[str, Myth], mutes: Sequence[Mute]) -> dict[str, str]:
    """Why nobody is told anew of a case, by case id, for those that a mute covers."""
    found = {}
    for case in cases:
        topic = myths[case.myth_id].topic if case.myth_id in myths else ""
        for mute in covering(case.myth_id, topic, mutes):
            topical = mute.scope is Scope.TOPIC
            words = _("the topic {what} is muted by {who}") if topical else _("the myth {what} is muted by {who}")
            found[case.id] = words.format(what=mute.value, who=mute.person)
    return found


def mute_of(row: Any) -> Mute:
    """A row of the table."""
    return Mute(**{**row._mapping, "scope": Scope(row.scope)})
