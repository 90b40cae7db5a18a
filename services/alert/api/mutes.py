"""Mutes of whole topics and myths over the API."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path
from pydantic import Field

from services.alert.api.myths import Key
from services.alert.api.shapes import Shape
from services.alert.api.tokens import Bearer
from services.alert.cases import HOUR_MS
from services.alert.mute_desk import CannotMute, MuteWish
from services.alert.mutes import Mute, Scope
from services.alert.people import Act, Person
from services.alert.store import Store

MuteId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="id of the mute")]
MOST_HOURS = 7 * 24


class MuteIn(Shape):
    """`value`: the name of a topic, or the id of a myth."""

    scope: Scope
    value: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    hours: int = Field(ge=1, le=MOST_HOURS)
    why: str = Field(min_length=1, max_length=1_000, pattern=r"^[^\x00]*$")


class MuteOut(Shape):
    """A mute that lasts."""

    id: str
    scope: Scope
    value: str
    until_ms: int
    person: str
    why: str

    @classmethod
    def of(cls, one: Mute) -> MuteOut:
        return cls(id=one.id, scope=one.scope, value=one.value, until_ms=one.until_ms, person=one.person, why=one.why)


def mute_api(store: Store, bearer: Bearer, now_ms: Callable[[], int]) -> APIRouter:
    """`/mutes` and what is under it."""
    router, desk = APIRouter(tags=["mutes"]), store.mute_desk
    looks, decides = Depends(bearer.anybody), Depends(bearer.may(Act.DECIDE))

    @router.get("/mutes", summary="Topics and myths that nobody is told anew of, soonest to end first")
    async def listed(person: Person = looks) -> list[MuteOut]:
        return [MuteOut.of(one) for one in await desk.in_force(now_ms())]

    @router.post("/mutes", summary="Mute a topic or a myth", status_code=201)
    async def begin(wish: MuteIn, person: Person = decides, idempotency_key: Key = "") -> MuteOut:
        act = idempotency_key or secrets.token_urlsafe(12)
        asked = MuteWish(wish.scope, wish.value, wish.hours * HOUR_MS, person.id, "api", wish.why.strip(), act)
        try:
            return MuteOut.of(await desk.begin(asked, now_ms()))
        except CannotMute as wrong:
            raise HTTPException(404, str(wrong)) from None

    @router.post("/mutes/{mute_id}/end", summary="Tell people again")
    async def end(mute_id: MuteId, person: Person = decides) -> list[MuteOut]:
        if not await desk.end(mute_id, person.id, now_ms()):
            raise HTTPException(404, f"there is no mute {mute_id}")
        return await listed(person)

    return router
