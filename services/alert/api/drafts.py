"""A model's draft of an answer over the API, where an endpoint is set; nothing of it is kept."""

from __future__ import annotations

from fastapi import APIRouter, Depends, HTTPException

from services.alert.api.cases import Case
from services.alert.api.shapes import Shape
from services.alert.api.tokens import Bearer
from services.alert.drafter import Drafter
from services.alert.lengths import LIMITS
from services.alert.model_draft import says
from services.alert.people import Act, Person
from services.alert.store import Store


class DraftIn(Shape):
    """`place`: long, mastodon, bluesky or x."""

    language: str
    place: str


class DraftOut(Shape):
    """To be read, changed and proposed."""

    text: str


def draft_api(store: Store, bearer: Bearer, drafter: Drafter) -> APIRouter:
    """`/cases/ID/answers/draft`."""
    router, proposes = APIRouter(tags=["cases"]), Depends(bearer.may(Act.PROPOSE))

    @router.post("/cases/{case_id}/answers/draft", summary="Have a model draft an answer from the knowledge base")
    async def draft(case_id: Case, wish: DraftIn, person: Person = proposes) -> DraftOut:
        view = await store.view(case_id, 0)
        if view is None:
            raise HTTPException(404, f"there is no case {case_id}")
        if wish.place not in LIMITS:
            raise HTTPException(400, f"place: one of {', '.join(LIMITS)}")
        if view.myth is None or wish.language not in view.myth.fact:
            raise HTTPException(409, f"language: the knowledge base has no fact in {wish.language!r} about this case")
        made = await drafter.draft(view.myth, wish.language, wish.place)
        if not made.text:
            raise HTTPException(409, says(made.outcome, wish.place))
        return DraftOut(text=made.text)

    return router
