"""What is held on one author or one post, for whoever asks for it, and having it forgotten (GDPR, Articles 15 and 17)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.alert.console.errors import Refused
from services.alert.console.pages import page
from services.alert.console.sign_in import Door
from services.alert.people import Act
from services.alert.privacy import held_on
from services.alert.store import Store
from services.alert.texts import _
from services.stream.erasure import erasure
from services.stream.events_pb2 import SocialPost
from services.stream.logs import log

MOST = 1_000
Forget = Callable[[SocialPost], Awaitable[None]]
"""Hands the event to every service by the topic `posts`; returns once that is confirmed, raises NotReady otherwise."""


def privacy_router(store: Store, door: Door, now_ms: Callable[[], int], forget: Forget | None) -> APIRouter:
    """`/privacy`, `/privacy/held` and `/privacy/erase`."""
    router = APIRouter()

    @router.get("/privacy")
    async def ask(request: Request) -> Response:
        door.person(request, Act.ERASE)
        return _page(request)

    @router.post("/privacy/held")
    async def held(request: Request) -> Response:
        person = door.person(request, Act.ERASE)
        what, value = _wanted(await door.form(request))
        log.info("held data shown", action="privacy_shown", person=person.id, what=what)
        return _page(request, what=what, value=value, found=await held_on(store, **_of(what, value)))

    @router.post("/privacy/erase")
    async def erase(request: Request) -> Response:
        person = door.person(request, Act.ERASE)
        form = await door.form(request)
        what, value = _wanted(form)
        if form.get("sure") != "yes":
            raise Refused(400, _("Nothing was changed: tick that it is to be erased, which can't be undone."))
        if forget is None:
            raise Refused(503, _("Nothing was changed: this console has no way to the other services."))
        found = await held_on(store, **_of(what, value))
        platform = found["posts"][0]["platform"] if found["posts"] else "unknown"
        author, post = (value, "") if what == "author" else ("", value)
        await forget(erasure(author, platform, post, now_ms()))
        log.warning("erasure asked for", action="privacy_erase", person=person.id, what=what)
        return _page(request, what=what, value=value, done=True)

    def _page(request: Request, **values: Any) -> Response:
        session = door.session(request)
        shown: dict[str, Any] = {"what": "post", "value": "", "found": None, "done": False, "now_ms": now_ms()}
        return page(
            "privacy.html", here="privacy", session=session, csrf=door.sessions.csrf_token(session),
            may=door.may(session), **{**shown, **values},
        )  # fmt: skip

    return router


def _of(what: str, value: str) -> dict[str, str]:
    return {"author": value} if what == "author" else {"post_id": value}


def _wanted(form: dict[str, str]) -> tuple[str, str]:
    what, value = form.get("what", ""), form.get("value", "").strip()
    if what not in ("author", "post") or not 0 < len(value) <= MOST or "\0" in value:
        raise Refused(400, _("Nothing was looked up: give a post's id, or an author's pseudonym as a post shows it."))
    return what, value
