"""Slack's slash command and events over HTTP: signed, answered within 3 seconds, harmless when they come twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from services.alert.slack_home import SlackDesk
from services.alert.slack_interactions import Signatures, signed_body


def slack_events_router(desk: SlackDesk, signing_secret: str, clock: Callable[[], float] = time.time) -> APIRouter:
    """`POST /slack/commands` and `POST /slack/events`."""
    router = APIRouter()
    signatures = Signatures(signing_secret)

    @router.post("/slack/commands", include_in_schema=False)
    async def command(request: Request) -> Response:
        body = await signed_body(request, signatures, clock)
        if isinstance(body, Response):
            return body
        try:
            fields = parse_qs(body.decode("utf-8"), max_num_fields=30)
        except ValueError:
            return Response("malformed form", 400)
        return JSONResponse(await desk.command(fields.get("text", [""])[0], fields.get("user_id", [""])[0]))

    @router.post("/slack/events", include_in_schema=False)
    async def events(request: Request) -> Response:
        body = await signed_body(request, signatures, clock)
        if isinstance(body, Response):
            return body
        try:
            payload = json.loads(body)
            if payload.get("type") == "url_verification":
                return JSONResponse({"challenge": str(payload["challenge"])[:200]})
            shown = await desk.event(payload)
        except (ValueError, KeyError, AttributeError):
            return Response("malformed event", 400)
        return Response(status_code=200) if shown else Response("try again", 503)

    return router
