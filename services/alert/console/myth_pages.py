"""The knowledge base in the console: look a myth up, change it, write a new one (from a case, too), approve what others wrote."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.alert.console.errors import Refused
from services.alert.console.pages import page
from services.alert.console.sign_in import Door
from services.alert.grouping import is_candidate
from services.alert.myth_form import HARMS, MOST, WrongMyth, form_of, record_of
from services.alert.myth_versions import CannotPropose, OwnVersion, VersionState
from services.alert.people import Act
from services.alert.responses import LANGUAGES
from services.alert.store import Store
from services.alert.texts import _

_ID = re.compile(r"[^/\x00-\x1f\x7f]{1,200}")
_VERSION = re.compile(r"[0-9a-f]{32}")
MOST_SEARCH = 200


def myth_router(store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/myths` and what is under it."""
    router, desk = APIRouter(), store.myth_desk

    @router.get("/myths")
    async def listed(request: Request) -> Response:
        door.session(request)
        query = request.query_params
        search, topic = query.get("q", "")[:MOST_SEARCH].strip(), query.get("topic", "")
        lines = await desk.lines()
        topics = sorted({line.myth.topic for line in lines if line.myth.topic})
        words = search.lower().split()
        shown = [
            line
            for line in lines
            if (not topic or line.myth.topic == topic)
            and all(word in f"{line.myth.id} {' '.join(line.myth.claim.values())}".lower() for word in words)
        ]
        return _page(
            request, "myths.html", lines=shown, topics=topics, topic=topic, search=search, waiting=await desk.waiting()
        )

    @router.get("/myths/new")
    async def new(request: Request) -> Response:
        door.session(request)
        case_id = request.query_params.get("case", "")
        view = await store.view(case_id, now_ms()) if _VERSION.fullmatch(case_id) else None
        values = {"claim_en": view.case.claim} if view is not None and is_candidate(view.case.myth_id) else {}
        return _form(request, "", values)

    @router.post("/myths/new")
    async def begun(request: Request) -> Response:
        """A form that begins with a fact-checker's review; nothing is kept of it yet."""
        door.person(request, Act.PROPOSE)
        form = await door.form(request)
        return _form(request, "", {name: text for name, text in form.items() if name not in ("csrf", "act")})

    @router.get("/myths/{myth_id}")
    async def shown(request: Request, myth_id: str) -> Response:
        door.session(request)
        myth, versions = await desk.record(_id(myth_id)), await desk.versions(myth_id)
        if myth is None and not versions:
            raise Refused(404, _("There is no such myth. Choose one from the list."))
        waiting = [(one, form_of(one.myth)) for one in versions if one.state is VersionState.PROPOSED]
        before = form_of(myth) if myth is not None else {}
        return _form(request, myth_id, before, waiting=waiting, versions=versions)

    @router.post("/myths")
    async def propose_new(request: Request) -> Response:
        return await _propose(request, "")

    @router.post("/myths/{myth_id}")
    async def propose_change(request: Request, myth_id: str) -> Response:
        return await _propose(request, _id(myth_id))

    @router.post("/myths/{myth_id}/versions/{version_id}/{verb}")
    async def settle(request: Request, myth_id: str, version_id: str, verb: str) -> Response:
        person = door.person(request, Act.APPROVE)
        await door.form(request)
        found = [one for one in await desk.versions(_id(myth_id)) if one.id == version_id]
        if not found or verb not in ("approve", "withdraw"):
            raise Refused(404, _("There is no such proposal. Choose one from the list."))
        try:
            if verb == "withdraw":
                await desk.withdraw(version_id)
            else:
                await desk.approve(version_id, person.id, now_ms(), alone=door.people.alone)
        except OwnVersion as wrong:
            raise Refused(403, _("Nothing was changed: {why}").format(why=wrong), _("Four eyes")) from None
        except CannotPropose as wrong:
            raise Refused(409, _("Nothing was changed: {why}").format(why=wrong)) from None
        return RedirectResponse(f"/myths/{quote(myth_id)}" if verb == "approve" else "/myths", 303)

    async def _propose(request: Request, myth_id: str) -> Response:
        person = door.person(request, Act.PROPOSE)
        form = await door.form(request)
        act = form.get("act", "")
        if not 1 <= len(act) <= 64:
            raise Refused(400, _("Nothing was changed: the form was not complete. Reload the page and try again."))
        try:
            myth = record_of(form, myth_id, datetime.fromtimestamp(now_ms() / 1000, UTC).date())
            if not myth_id and await desk.record(myth.id) is not None:
                raise WrongMyth(
                    _("claim in English: there is a myth {id} already; change that one, or word it differently").format(
                        id=myth.id
                    )
                )
        except WrongMyth as wrong:
            # What was typed is not lost.
            return _form(request, myth_id, form, wrong=str(wrong), code=400)
        await desk.propose(myth, person.id, act, now_ms())
        return RedirectResponse(f"/myths/{quote(myth.id)}#waiting", 303)

    def _form(request: Request, myth_id: str, values: Any, code: int = 200, **more: Any) -> Response:
        shown = {"myth_id": myth_id, "values": values, "languages": LANGUAGES, "harms": HARMS, "most_of": MOST,
                 "act": secrets.token_urlsafe(12), "wrong": "", "waiting": [], "versions": []}  # fmt: skip
        return _page(request, "myth.html", code, **{**shown, **more})

    def _page(request: Request, template: str, code: int = 200, **values: Any) -> Response:
        session = door.session(request)
        return page(
            template, code, here="myths", session=session, csrf=door.sessions.csrf_token(session), may=door.may(session), me=session.user,
            alone=door.people.alone, now_ms=now_ms(), **values,
        )  # fmt: skip

    return router


def _id(myth_id: str) -> str:
    if not _ID.fullmatch(myth_id):
        raise Refused(404, _("There is no such myth. Choose one from the list."))
    return myth_id
