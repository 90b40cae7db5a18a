"""Answers on the case page: what is approved or drafted for each place, proposing, approving, and what spread did since."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from starlette.responses import RedirectResponse, Response

from services.alert import lengths, schema
from services.alert.cases import DAY_MS, Case, Myth
from services.alert.console.errors import Refused
from services.alert.console.sign_in import Door
from services.alert.people import Act
from services.alert.response_rows import CannotRespond, OwnWords, Proposal
from services.alert.responses import LANGUAGES, ResponseState, answer
from services.alert.responses import Response as Approved
from services.alert.store import Store
from services.alert.texts import _

_ID = re.compile(r"[0-9a-f]{1,64}")
# The platforms' own pages for writing a post, with the text filled in.
_COMPOSE = {"bluesky": "https://bsky.app/intent/compose?text=", "x": "https://x.com/intent/post?text="}


@dataclass(frozen=True)
class Shown:
    """An answer for one place, as the page shows it; `compose` is the address of the platform's own page, empty without one."""

    place: str
    name: str
    text: str
    length: int
    limit: int
    compose: str
    approved: Approved | None


@dataclass(frozen=True)
class Since:
    """Posts in the same span of time before and after the answer."""

    span_ms: int
    before: int
    after: int


def languages_of(myth: Myth | None, responses: Sequence[Approved]) -> list[str]:
    """Languages that there is something to answer in."""
    known = set(myth.fact if myth else ()) | {one.language for one in responses}
    return [code for code in LANGUAGES if code in known]


def shown(myth: Myth | None, responses: Sequence[Approved], language: str, now_ms: int) -> list[Shown]:
    """The answers of a language, the longest first."""
    found = []
    for place in ("long", "mastodon", "bluesky", "x"):
        one = answer(myth, responses, language, place, now_ms)
        if one is not None:
            compose = _COMPOSE[place] + quote(one.text, safe="") if place in _COMPOSE else ""
            count = lengths.length(one.text, place)
            found.append(
                Shown(place, lengths.NAMES[place], one.text, count, lengths.LIMITS[place], compose, one.approved)
            )
    return found


def proposals(responses: Sequence[Approved]) -> list[Approved]:
    """Those that wait for approval."""
    return [one for one in responses if one.state is ResponseState.PROPOSED]


async def since(store: Store, case: Case, now_ms: int) -> Since:
    """What spread did since the answer, over at most a day."""
    span_ms = max(1, min(now_ms - case.answered_ms, DAY_MS))
    row = schema.posts.c

    def count(first: int, last: int) -> object:
        held = (row.case_id == case.id, row.seen_ms > first, row.seen_ms <= last)
        return select(func.count()).where(*held).scalar_subquery()

    at = case.answered_ms
    query = select(count(at - span_ms, at), count(at, at + span_ms))  # type: ignore[call-overload]
    async with store.database.reading() as connection:
        before, after = (await connection.execute(query)).one()
    return Since(span_ms, before, after)


def answer_router(store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/cases/ID/answers` and what becomes of one."""
    router = APIRouter()

    @router.post("/cases/{case_id}/answers")
    async def propose(request: Request, case_id: str) -> Response:
        person = door.person(request, Act.PROPOSE)
        form = await door.form(request)
        view = await store.view(_id(case_id), now_ms())
        act = form.get("act", "")
        if view is None or not 1 <= len(act) <= 100:
            raise Refused(400, _("Nothing was changed: the form was not complete. Reload the page and try again."))
        language, place = form.get("language", ""), form.get("place", "")
        proposal = Proposal(view.case.myth_id, language, place, form.get("text", ""), person.id, act)
        try:
            await store.propose(proposal, now_ms())
        except CannotRespond as wrong:
            raise Refused(400, _("Nothing was changed: {why}").format(why=wrong)) from None
        return RedirectResponse(f"/cases/{case_id}?answer={language}#answers", 303)

    @router.post("/cases/{case_id}/answers/{response_id}/{verb}")
    async def settle(request: Request, case_id: str, response_id: str, verb: str) -> Response:
        person = door.person(request, Act.APPROVE)
        await door.form(request)
        try:
            myth_id = await _myth_of(case_id)
            if verb == "approve":
                await store.approve(_id(response_id), myth_id, person.id, now_ms(), alone=door.people.alone)
            elif verb == "withdraw":
                await store.withdraw(_id(response_id), myth_id, now_ms())
            else:
                raise Refused(404, _("There is no such page."))
        except OwnWords as wrong:
            raise Refused(403, _("Nothing was changed: {why}").format(why=wrong), _("Four eyes")) from None
        except CannotRespond as wrong:
            raise Refused(409, _("Nothing was changed: {why}").format(why=wrong)) from None
        return RedirectResponse(f"/cases/{_id(case_id)}#answers", 303)

    async def _myth_of(case_id: str) -> str:
        view = await store.view(_id(case_id), now_ms())
        if view is None:
            raise Refused(404, _("There is no such case. Choose one from the list."))
        return view.case.myth_id

    return router


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise Refused(404, _("There is no such case. Choose one from the list."))
    return value
