"""Muting a whole topic, or a myth with its later narratives, and ending that."""

from __future__ import annotations

import re
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.alert.cases import HOUR_MS
from services.alert.console.case_page import MOST_NOTE, MUTES
from services.alert.console.errors import Refused
from services.alert.console.sign_in import Door
from services.alert.mute_desk import CannotMute, MuteWish
from services.alert.mutes import Scope
from services.alert.people import Act
from services.alert.store import Store
from services.alert.texts import _, count

_ID = re.compile(r"[0-9a-f]{1,64}")


def mute_router(store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/mutes` and `/mutes/ID/end`."""
    router = APIRouter()

    @router.post("/mutes")
    async def begin(request: Request) -> Response:
        person = door.person(request, Act.DECIDE)
        form = await door.form(request)
        scope, _colon, value = form.get("what", "").partition(":")
        act = form.get("act", "")
        note, span = form.get("note", "").strip(), form.get("mute", "")
        if scope not in set(Scope) or not 1 <= len(act) <= 64 or not 0 < len(value) <= 200 or "\0" in value:
            raise Refused(400, _("Nothing was changed: the form was not complete. Reload the page and try again."))
        if span not in MUTES:
            raise Refused(400, _("Nothing was changed: a mute lasts for 1 hour, 24 hours or 7 days."))
        if not note or len(note) > MOST_NOTE or "\0" in note:
            raise Refused(
                400,
                _("Nothing was changed: say why, in at most {most} characters; others will wonder.").format(
                    most=count(MOST_NOTE)
                ),
            )
        wish = MuteWish(Scope(scope), value, MUTES[span] * HOUR_MS, person.id, "console", note, act)
        try:
            await store.mute_desk.begin(wish, now_ms())
        except CannotMute as wrong:
            raise Refused(
                409, _("Nothing was changed: {why}. Reload the page and try again.").format(why=wrong)
            ) from None
        return RedirectResponse(_back(form), 303)

    @router.post("/mutes/{mute_id}/end")
    async def end(request: Request, mute_id: str) -> Response:
        person = door.person(request, Act.DECIDE)
        form = await door.form(request)
        if not _ID.fullmatch(mute_id) or not await store.mute_desk.end(mute_id, person.id, now_ms()):
            raise Refused(404, _("There is no such mute any more. Reload the page."))
        return RedirectResponse(_back(form), 303)

    return router


def _back(form: dict[str, str]) -> str:
    """The case that the form stood on, or the page of all mutes."""
    case = form.get("case", "")
    return f"/cases/{case}" if _ID.fullmatch(case) else "/team"
