"""Fact-checkers' reviews as the start of myths, over the API; nothing of them is kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import Field

from services.alert.api.shapes import Shape
from services.alert.api.tokens import Bearer
from services.alert.people import Act, Person
from services.alert.review_import import offers
from services.stream.claim_review import ClaimReviewError, parse_reviews


class ReviewsIn(Shape):
    """schema.org ClaimReview, JSON or JSON lines."""

    text: str = Field(min_length=1, max_length=60_000)


class ReviewOut(Shape):
    """One review of a publisher on the list; topic, harm and wording are added before it is proposed as a myth."""

    claim: str
    fact: str
    language: str
    publisher: str
    url: str
    published: str


class ReviewsOut(Shape):
    """`refused`: reviews by publisher that is not on the list; `left_out`: how many are too many."""

    reviews: list[ReviewOut]
    refused: dict[str, int]
    left_out: int


def review_api(bearer: Bearer, publishers: Collection[str]) -> APIRouter:
    """`/reviews`."""
    router, proposes = APIRouter(tags=["myths"]), Depends(bearer.may(Act.PROPOSE))

    @router.post("/reviews", summary="Read fact-checkers' reviews, of publishers on the list")
    async def read(wish: ReviewsIn, person: Person = proposes) -> ReviewsOut:
        try:
            found = offers(parse_reviews(wish.text, "text"), publishers)
        except ClaimReviewError as wrong:
            raise HTTPException(400, str(wrong)) from None
        names: dict[str, Any] = ReviewOut.model_fields
        shown = [ReviewOut(**{name: getattr(one.review, name) for name in names}) for one in found.offers]
        return ReviewsOut(reviews=shown, refused=found.refused, left_out=found.left_out)

    return router
