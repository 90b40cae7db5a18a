"""A click or a form in Slack: the signature is checked, the decision recorded, then Slack is answered; the edit follows by the outbox.

The record comes before the answer because it takes milliseconds and a decision must not be lost; nothing else does.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from services.alert.people import People
from services.alert.slack_asks import Opener, asked_of, do
from services.alert.store import Store
from services.stream.logs import log

# https://docs.slack.dev/authentication/verifying-requests-from-slack
TOLERANCE_S = 300
# Slack waits 3 s for the answer.
ANSWER_WITHIN_S = 2.5
MOST_BYTES = 1_000_000


class WrongSignature(Exception):
    """The request is not from Slack, or not a fresh one; the message says which."""


class Signatures:
    """Checks Slack's request signatures, and that each is used once."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._used: dict[str, float] = {}

    def check(self, timestamp: str, signature: str, body: bytes, now_s: float) -> None:
        """Raises WrongSignature unless `signature` is Slack's for `body` at `timestamp`, within 5 minutes of `now_s`."""
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
            raise WrongSignature("no timestamp")
        if abs(now_s - int(timestamp)) > TOLERANCE_S:
            raise WrongSignature("stale timestamp")
        base = b"v0:" + timestamp.encode() + b":" + body
        expected = "v0=" + hmac.new(self._secret, base, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise WrongSignature("wrong signature")
        if self._used.get(signature, 0.0) > now_s:
            raise WrongSignature("replayed")

    def use(self, signature: str, now_s: float) -> None:
        """Remember a signature for as long as its timestamp may be accepted."""
        for old in [old for old, until in self._used.items() if until <= now_s]:
            del self._used[old]
        self._used[signature] = now_s + 2 * TOLERANCE_S

    def forget(self, signature: str) -> None:
        """The request could not be worked on: it may come again."""
        self._used.pop(signature, None)


def slack_router(
    store: Store,
    signing_secret: str,
    opener: Opener | None = None,
    clock: Callable[[], float] = time.time,
    people: People | None = None,
) -> APIRouter:
    """`POST /slack/interactions`. `people`: who may decide, None for everybody."""
    router = APIRouter()
    signatures = Signatures(signing_secret)
    working: set[asyncio.Task[bool]] = set()

    @router.post("/slack/interactions", include_in_schema=False)
    async def interactions(request: Request) -> Response:
        body = await signed_body(request, signatures, clock)
        if isinstance(body, Response):
            return body
        try:
            fields = parse_qs(body.decode("utf-8"), strict_parsing=True, max_num_fields=10)
            asked = asked_of(json.loads(fields["payload"][0]))
        except (ValueError, KeyError):
            return Response("malformed payload", 400)
        # Not cancelled when it is slow: a database driver gives up in its own time, and the act is recorded once.
        work = asyncio.create_task(do(store, asked, opener, clock, people))
        working.add(work)
        work.add_done_callback(working.discard)
        done, _ = await asyncio.wait({work}, timeout=ANSWER_WITHIN_S)
        if not done or not work.result():
            # Slack shows the person that it did not work; a second click is harmless.
            signatures.forget(request.headers.get("x-slack-signature", ""))
            return Response("try again", 503)
        if asked.errors:
            return JSONResponse({"response_action": "errors", "errors": asked.errors})
        return Response(status_code=200)

    return router


async def signed_body(request: Request, signatures: Signatures, clock: Callable[[], float]) -> bytes | Response:
    """The body of a request that is Slack's, fresh, and not seen before; otherwise what to answer."""
    body = await _body(request)
    if body is None:
        return Response("too large", 413)
    signature = request.headers.get("x-slack-signature", "")
    try:
        signatures.check(request.headers.get("x-slack-request-timestamp", ""), signature, body, clock())
    except WrongSignature as wrong:
        log.warning("refused a Slack request", action="slack_request_refused", why=str(wrong))
        return Response("unauthorised", 401)
    signatures.use(signature, clock())
    return body


async def _body(request: Request) -> bytes | None:
    """The body, or None when it is longer than any that Slack sends."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BYTES:
            return None
    return bytes(parts)
