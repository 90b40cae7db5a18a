"""One decision about several cases, chosen in the inbox."""

from __future__ import annotations

import re
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.alert.cases import Action
from services.alert.console.case_page import decision_of
from services.alert.console.errors import Refused
from services.alert.console.inbox_page import address_of, wanted_of
from services.alert.console.sign_in import Door
from services.alert.people import Act
from services.alert.store import Store
from services.alert.texts import _

MOST_CASES = 200
ACTIONS = (Action.ACKNOWLEDGE, Action.MUTE, Action.NOT_A_MYTH, Action.REOPEN)
"""What makes sense for several narratives at once; an answer or somebody to handle it belongs to one."""

_ID = re.compile(r"[0-9a-f]{1,64}")


def bulk_router(store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/decisions`. Each case is decided on by itself: what a failure leaves undone, the same form sent again does."""
    router = APIRouter()

    @router.post("/decisions")
    async def decide(request: Request) -> Response:
        person = door.person(request, Act.DECIDE)
        form = await door.form(request)
        chosen = [str(value) for value in dict.fromkeys((await request.form()).getlist("case"))]
        if not chosen:
            raise Refused(400, _("Nothing was changed: choose the cases first, by the boxes before their claims."))
        if len(chosen) > MOST_CASES or not all(_ID.fullmatch(one) for one in chosen):
            raise Refused(
                400, _("Nothing was changed: choose at most {most} cases of the list.").format(most=MOST_CASES)
            )
        decisions = [decision_of(case_id, form, person.id) for case_id in chosen]
        if decisions[0].action not in ACTIONS:
            raise Refused(400, _("Nothing was changed: that is decided case by case."))
        found = [await store.decide(one, now_ms()) for one in decisions]
        done = sum(one is not None for one in found)
        return RedirectResponse(address_of(wanted_of(form), did=decisions[0].action.value, of=done), 303)

    return router
