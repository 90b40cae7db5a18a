"""Myths begun from fact-checkers' reviews: a ClaimReview file is read, and each review of a known publisher can be made a myth."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.alert.console.errors import Refused
from services.alert.console.pages import page
from services.alert.console.sign_in import Door
from services.alert.people import Act
from services.alert.review_import import Offers, offers
from services.alert.texts import _
from services.stream.claim_review import ClaimReviewError, parse_reviews


def import_router(door: Door, publishers: Collection[str], now_ms: Callable[[], int]) -> APIRouter:
    """`/myths/import`. Come before `/myths/ID`."""
    router = APIRouter()

    @router.get("/myths/import")
    async def ask(request: Request) -> Response:
        door.person(request, Act.PROPOSE)
        return _page(request)

    @router.post("/myths/import")
    async def read(request: Request) -> Response:
        door.person(request, Act.PROPOSE)
        # Read first, since the door's own reading takes no files.
        given = (await request.form(max_files=1)).get("file")
        form = await door.form(request)
        if not publishers:
            raise Refused(
                404, _("No publisher is on the list of MYTHWATCH_ALERT_REVIEW_PUBLISHERS, so nothing is imported.")
            )
        raw = await given.read() if isinstance(given, UploadFile) else b""
        text = raw.decode("utf-8-sig", "replace") if raw.strip() else form.get("text", "")
        try:
            found = offers(parse_reviews(text, "the file" if raw.strip() else "the text"), publishers)
        except ClaimReviewError as wrong:
            return _page(request, 400, wrong=str(wrong))
        return _page(request, found=found)

    def _page(request: Request, code: int = 200, wrong: str = "", found: Offers | None = None) -> Response:
        session = door.session(request)
        values: dict[str, Any] = {"wrong": wrong, "found": found, "publishers": sorted(publishers)}
        return page(
            "import.html", code, here="myths", session=session, csrf=door.sessions.csrf_token(session),
            may=door.may(session), now_ms=now_ms(), **values,
        )  # fmt: skip

    return router
