"""Merging and splitting cases from the case page."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.alert import people
from services.alert.console.errors import Refused
from services.alert.console.sign_in import Door
from services.alert.merging import Act, CannotMerge
from services.alert.store import Store
from services.alert.texts import _

MOST_WHY = 300
MOST_POSTS = 2_000
_ID = re.compile(r"[0-9a-f]{1,64}")


def merge_router(store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/cases/ID/merge`, `/cases/ID/unmerge` and `/cases/ID/split`."""
    router = APIRouter()

    @router.post("/cases/{case_id}/merge")
    async def merge(request: Request, case_id: str) -> Response:
        act, form = await _act(request)
        into = form.get("into", "")
        await _done(lambda: store.merge(_id(case_id), _id(into), act, now_ms()))
        return RedirectResponse(f"/cases/{into}", 303)

    @router.post("/cases/{case_id}/unmerge")
    async def unmerge(request: Request, case_id: str) -> Response:
        act, _ = await _act(request)
        await _done(lambda: store.unmerge(_id(case_id), act, now_ms()))
        return RedirectResponse(f"/cases/{case_id}", 303)

    @router.post("/cases/{case_id}/split")
    async def split(request: Request, case_id: str) -> Response:
        act, _ = await _act(request)
        posts = [str(value) for value in (await request.form(max_files=0)).getlist("post") if "\0" not in str(value)][
            :MOST_POSTS
        ]
        new = await _done(lambda: store.split(_id(case_id), posts, act, now_ms()))
        return RedirectResponse(f"/cases/{new}", 303)

    async def _act(request: Request) -> tuple[Act, dict[str, str]]:
        person = door.person(request, people.Act.ARRANGE)
        form = await door.form(request)
        act, why = form.get("act", ""), form.get("why", "").strip()
        if not 1 <= len(act) <= 64 or len(why) > MOST_WHY or "\0" in why:
            raise Refused(400, _("Nothing was changed: the form was not complete. Reload the page and try again."))
        return Act(person.id, "console", act, why), form

    return router


async def _done(work: Callable[[], Awaitable[bool | str]]) -> bool | str:
    try:
        return await work()
    except CannotMerge as wrong:
        raise Refused(409, _("Nothing was changed: {why}").format(why=wrong)) from None


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise Refused(404, _("There is no such case. Choose one from the list."))
    return value
