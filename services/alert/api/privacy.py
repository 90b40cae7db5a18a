"""What is held on an author or a post, and having it forgotten, over the API (GDPR, Articles 15 and 17)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import Field, model_validator

from services.alert.api.shapes import Shape
from services.alert.api.tokens import Bearer
from services.alert.console.privacy_page import MOST, Forget
from services.alert.people import Act, Person
from services.alert.privacy import held_on
from services.alert.store import Store
from services.stream.erasure import erasure
from services.stream.logs import log

_Text = Annotated[str, Field(max_length=MOST, pattern=r"^[^\x00]*$")]


class SubjectIn(Shape):
    """One of them: an author's pseudonym, as posts have it, or the id of a post."""

    author: _Text = ""
    post_id: _Text = ""

    @model_validator(mode="after")
    def _one(self) -> SubjectIn:
        if bool(self.author.strip()) is bool(self.post_id.strip()):
            raise ValueError("give either author or post_id")
        return self


def privacy_api(store: Store, bearer: Bearer, now_ms: Callable[[], int], forget: Forget | None) -> APIRouter:
    """`/privacy/held` and `/privacy/erase`."""
    router, erases = APIRouter(tags=["privacy"]), Depends(bearer.may(Act.ERASE))

    @router.post("/privacy/held", summary="All that is held: posts, messages that quote them, decisions that name them")
    async def held(of: SubjectIn, person: Person = erases) -> dict[str, Any]:
        log.info("held data shown", action="privacy_shown", person=person.id, what="author" if of.author else "post")
        return await held_on(store, author=of.author.strip(), post_id=of.post_id.strip())

    @router.post("/privacy/erase", summary="Have every service forget it; this can't be undone", status_code=202)
    async def erase(of: SubjectIn, person: Person = erases) -> dict[str, str]:
        if forget is None:
            raise HTTPException(503, "this service has no way to the others")
        author, post_id = of.author.strip(), of.post_id.strip()
        posts = (await held_on(store, author=author, post_id=post_id))["posts"]
        await forget(erasure(author, posts[0]["platform"] if posts else "unknown", post_id, now_ms()))
        log.warning("erasure asked for", action="privacy_erase", person=person.id, what="author" if author else "post")
        return {"asked": "every service"}

    return router
