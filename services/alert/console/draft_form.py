"""“Draft with the model” on the case page: fills the field of an answer, and nothing else. Somebody still proposes and approves it."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.alert.console.case_page import CasePage
from services.alert.console.errors import Refused, is_script
from services.alert.console.pages import page
from services.alert.console.sign_in import Door
from services.alert.drafter import Drafter
from services.alert.model_draft import says
from services.alert.people import Act
from services.alert.texts import _


@dataclass(frozen=True)
class Drafted:
    """What the field for `place` holds now; `problem` says why there is no draft, empty when there is."""

    place: str
    text: str
    problem: str


def draft_router(case_page: CasePage, door: Door, drafter: Drafter) -> APIRouter:
    """`/cases/ID/answers/draft`; not there unless an endpoint is set."""
    router = APIRouter()

    @router.post("/cases/{case_id}/answers/draft")
    async def draft(request: Request, case_id: str) -> Response:
        door.person(request, Act.PROPOSE)
        form = await door.form(request)
        language, place = form.get("language", ""), form.get("place", "")
        shown = await case_page.values(request, case_id, language)
        one = next((one for one in shown["answers"] if one.place == place), None)
        if one is None or shown["myth"] is None or shown["answer_language"] != language:
            raise Refused(400, _("Nothing was drafted: choose a language and a length that the case page offers."))
        made = await drafter.draft(shown["myth"], language, place)
        # What was typed is not lost when there is no draft.
        text = made.text or form.get("text", "").strip() or one.text
        drafted = Drafted(place, text, says(made.outcome, place))
        if is_script(request):
            return page("_write_answer.html", **{**shown, "one": one, "drafted": drafted})
        # Read again: posts may have been deleted while the model wrote.
        return page("case.html", **{**await case_page.values(request, case_id, language), "drafted": drafted})

    return router
