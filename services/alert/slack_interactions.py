"""A click or a form in Slack: the signature is checked, the decision recorded, then Slack is answered; the edit follows by the outbox.

The record comes before the answer because it takes milliseconds and a decision must not be lost; nothing else does.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from services.alert.cases import Action, Decision
from services.alert.slack_modals import ASKS, form, submitted
from services.alert.store import Store
from services.stream.failures import NotReady
from services.stream.logs import log

# https://docs.slack.dev/authentication/verifying-requests-from-slack
TOLERANCE_S = 300
# Slack waits 3 s for the answer.
ANSWER_WITHIN_S = 2.5
MOST_BYTES = 1_000_000
ACTIONS = {
    "acknowledge": Action.ACKNOWLEDGE,
    "not_a_myth": Action.NOT_A_MYTH,
    "mute_24h": Action.MUTE,
    "reopen": Action.REOPEN,
    "respond": Action.RESPOND,
}


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


class Opener(Protocol):
    """Shows a form to whoever clicked. Never raises for what Slack may answer."""

    async def open(self, trigger_id: str, view: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Asked:
    """What an interaction asks for: decisions, a form to show, and what is wrong with a submitted form, by block id."""

    decisions: tuple[Decision, ...] = ()
    form: dict[str, Any] | None = None
    trigger_id: str = ""
    errors: dict[str, str] | None = None


def asked_of(body: bytes) -> Asked:
    """What an interaction's body asks for; nothing for clicks that decide nothing (a link). Raises ValueError."""
    fields = parse_qs(body.decode("utf-8"), strict_parsing=True, max_num_fields=10)
    payload: Any = json.loads(fields["payload"][0])
    if not isinstance(payload, dict):
        return Asked()
    if payload.get("type") == "view_submission":
        found = submitted(payload)
        return Asked((found,)) if isinstance(found, Decision) else Asked(errors=found)
    if payload.get("type") != "block_actions":
        return Asked()
    person = payload.get("user", {}).get("id")
    if not isinstance(person, str) or not 0 < len(person) <= 64 or not person.isalnum():
        raise ValueError("user.id: missing")
    decisions, wanted = [], None
    for action in payload.get("actions", []):
        name, case_id = str(action.get("action_id")), str(action.get("value", ""))
        if name not in ACTIONS and name not in ASKS:
            continue
        if len(case_id) != 32 or not case_id.isalnum():
            raise ValueError("value: not a case id")
        if name in ASKS:
            wanted = form(ASKS[name], case_id)
        else:
            decisions.append(Decision(case_id, ACTIONS[name], person, "slack", str(action.get("action_ts", ""))[:32]))
    return Asked(tuple(decisions), wanted, str(payload.get("trigger_id", "")))


def slack_router(
    store: Store, signing_secret: str, opener: Opener | None = None, clock: Callable[[], float] = time.time
) -> APIRouter:
    """`POST /slack/interactions`."""
    router = APIRouter()
    signatures = Signatures(signing_secret)
    working: set[asyncio.Task[bool]] = set()

    @router.post("/slack/interactions", include_in_schema=False)
    async def interactions(request: Request) -> Response:
        body = await signed_body(request, signatures, clock)
        if isinstance(body, Response):
            return body
        try:
            asked = asked_of(body)
        except (ValueError, KeyError, TypeError, AttributeError):
            return Response("malformed payload", 400)
        # Not cancelled when it is slow: a database driver gives up in its own time, and the act is recorded once.
        work = asyncio.create_task(_done(store, asked, opener, clock))
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


async def _done(store: Store, asked: Asked, opener: Opener | None, clock: Callable[[], float]) -> bool:
    if asked.form is not None and opener is not None:
        await opener.open(asked.trigger_id, asked.form)
    return await _decide(store, asked.decisions, clock)


async def _decide(store: Store, decisions: Sequence[Decision], clock: Callable[[], float]) -> bool:
    """Apply them; False while the database is away."""
    try:
        for decision in decisions:
            decided = await store.decide(decision, int(clock() * 1000))
            log.info(
                "decided",
                action="decide",
                what=decision.action.value,
                case_id=decision.case_id,
                via="slack",
                known=decided is not None,
                repeated=decided is not None and decided.repeated,
            )
    except NotReady as away:
        log.warning("decision not taken", action="decide_away", why=str(away))
        return False
    return True


async def _body(request: Request) -> bytes | None:
    """The body, or None when it is longer than any that Slack sends."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BYTES:
            return None
    return bytes(parts)
