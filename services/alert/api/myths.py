"""The knowledge base over the API: looking myths up, proposing, approving."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Path

from services.alert.api.myth_shapes import MythIn, MythListed, VersionOut, WholeMyth
from services.alert.api.tokens import Bearer
from services.alert.myth_form import WrongMyth, record_of
from services.alert.people import Act, Person
from services.alert.responses import LANGUAGES
from services.alert.store import Store

MythId = Annotated[str, Path(pattern=r"^[^/\x00-\x1f\x7f]{1,200}$", description="id of the myth")]
VersionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="id of the version")]
Key = Annotated[
    str, Header(alias="Idempotency-Key", max_length=64, description="the same for every try of one request")
]


def myth_api(store: Store, bearer: Bearer, now_ms: Callable[[], int]) -> APIRouter:
    """`/myths` and what is under it."""
    router, desk = APIRouter(tags=["myths"]), store.myth_desk
    looks = Depends(bearer.anybody)
    proposes, approves = Depends(bearer.may(Act.PROPOSE)), Depends(bearer.may(Act.APPROVE))

    @router.get("/myths", summary="The knowledge base, by topic")
    async def listed(person: Person = looks) -> list[MythListed]:
        return [MythListed.of(line) for line in await desk.lines()]

    @router.get("/myths/{myth_id}", summary="One myth as it is in force")
    async def one(myth_id: MythId, person: Person = looks) -> WholeMyth:
        found = await desk.record(myth_id)
        if found is None:
            raise HTTPException(404, f"there is no myth {myth_id}")
        return WholeMyth.of(found)

    @router.get("/myths/{myth_id}/versions", summary="What people wrote about it, latest first")
    async def versions(myth_id: MythId, person: Person = looks) -> list[VersionOut]:
        return [VersionOut.of(version) for version in await desk.versions(myth_id)]

    @router.post("/myths", summary="Propose a new myth", status_code=201)
    async def propose(wish: MythIn, person: Person = proposes, idempotency_key: Key = "") -> VersionOut:
        return await _propose("", wish, person, idempotency_key)

    @router.post("/myths/{myth_id}/versions", summary="Propose a change of a myth", status_code=201)
    async def change(myth_id: MythId, wish: MythIn, person: Person = proposes, idempotency_key: Key = "") -> VersionOut:
        await one(myth_id, person)
        return await _propose(myth_id, wish, person, idempotency_key)

    @router.post("/myths/{myth_id}/versions/{version_id}/approve", summary="Put a version in force")
    async def approve(myth_id: MythId, version_id: VersionId, person: Person = approves) -> list[VersionOut]:
        for version in await desk.versions(myth_id):
            if version.id == version_id:
                await desk.approve(version_id, person.id, now_ms())
                return await versions(myth_id, person)
        raise HTTPException(404, f"there is no version {version_id} of {myth_id}")

    @router.post("/myths/{myth_id}/versions/{version_id}/withdraw", summary="Take a proposal back")
    async def withdraw(myth_id: MythId, version_id: VersionId, person: Person = approves) -> list[VersionOut]:
        if all(version.id != version_id for version in await desk.versions(myth_id)):
            raise HTTPException(404, f"there is no version {version_id} of {myth_id}")
        await desk.withdraw(version_id)
        return await versions(myth_id, person)

    async def _propose(myth_id: str, wish: MythIn, person: Person, key: str) -> VersionOut:
        if strange := sorted({*wish.claim, *wish.fact} - set(LANGUAGES)):
            raise HTTPException(400, f"claim, fact: no language {strange[0]}; there are {', '.join(LANGUAGES)}")
        try:
            myth = record_of(wish.as_form(), myth_id, datetime.fromtimestamp(now_ms() / 1000, UTC).date())
        except WrongMyth as wrong:
            raise HTTPException(400, str(wrong)) from None
        if not myth_id and await desk.record(myth.id) is not None:
            raise HTTPException(409, f"there is a myth {myth.id} already; propose a change of that one")
        return VersionOut.of(await desk.propose(myth, person.id, key or secrets.token_urlsafe(12), now_ms()))

    return router
