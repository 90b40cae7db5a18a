"""Slack's slash command and events over HTTP: signed, answered within 3 seconds, harmless when they come twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from services.alert.cases import Case, Status
from services.alert.slack_blocks import message
from services.alert.slack_desk import HELP, MOST_CASES, answer, home, listed, wish_of
from services.alert.slack_interactions import Signatures, signed_body
from services.alert.store import Store
from services.stream.failures import NotReady
from services.stream.logs import log


class Homes(Protocol):
    """Shows the App Home to a person. Never raises for what Slack may answer."""

    async def publish(self, person: str, view: dict[str, Any]) -> None: ...


def slack_events_router(
    store: Store,
    signing_secret: str,
    homes: Homes | None,
    console: str,
    language: str,
    clock: Callable[[], float] = time.time,
) -> APIRouter:
    """`POST /slack/commands` and `POST /slack/events`."""
    router = APIRouter()
    signatures = Signatures(signing_secret)

    @router.post("/slack/commands", include_in_schema=False)
    async def command(request: Request) -> Response:
        body = await signed_body(request, signatures, clock)
        if isinstance(body, Response):
            return body
        try:
            text = parse_qs(body.decode("utf-8"), max_num_fields=30).get("text", [""])[0]
        except ValueError:
            return Response("malformed form", 400)
        what, which = wish_of(text)
        try:
            return JSONResponse(await _answer(what, which))
        except NotReady as away:
            log.warning("command not answered", action="slack_command_away", why=str(away))
            return JSONResponse(answer([], "Mythwatch can't reach its database just now. Try again in a minute."))

    @router.post("/slack/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        body = await signed_body(request, signatures, clock)
        if isinstance(body, Response):
            return body
        try:
            payload = json.loads(body)
            event = payload.get("event") or {}
            if payload.get("type") == "url_verification":
                return JSONResponse({"challenge": str(payload["challenge"])[:200]})
            person = str(event.get("user", ""))
        except (ValueError, KeyError, AttributeError):
            return Response("malformed event", 400)
        if event.get("type") == "app_home_opened" and person.isalnum() and homes is not None:
            try:
                cases, more = await _open_cases()
                await homes.publish(person, home(cases, more, console))
            except NotReady as away:
                # Slack sends it again, and showing a home twice is harmless.
                log.warning("home not shown", action="slack_home_away", why=str(away))
                return Response("try again", 503)
        return Response(status_code=200)

    async def _answer(what: str, which: str) -> dict[str, Any]:
        if what == "open":
            cases, more = await _open_cases()
            return answer(listed(cases, more, console), "Open cases")
        if what == "case":
            found = [case for case in await store.inbox(limit=2_000) if case.id.startswith(which)]
            view = await store.view(found[0].id, int(clock() * 1000)) if len(found) == 1 else None
            if view is None:
                return answer([], f"{'No' if not found else 'More than one'} case has an id that begins with that.")
            text, blocks = message(view, console, language, buttons=False)
            return answer(blocks, text)
        return answer([{"type": "section", "text": {"type": "mrkdwn", "text": HELP}}], "Help")

    async def _open_cases() -> tuple[list[Case], int]:
        cases = await store.inbox([Status.OPEN], limit=MOST_CASES)
        return cases, (await store.totals())[Status.OPEN] - len(cases)

    return router
