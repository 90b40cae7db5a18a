"""Faults that a test asks for: the next calls are answered as Slack answers on a bad day."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal, get_args

from aiohttp import web

FaultKind = Literal[
    "ratelimited",  # 429 with Retry-After
    "error500",  # 500, JSON body
    "html503",  # 503 with an HTML page instead of JSON, as Slack's edge answers
    "hang",  # no answer for `seconds`
    "disconnect",  # the connection is cut before the call is processed
    "drop_after",  # the call is processed (a message is stored), then the connection is cut before the answer
    "error",  # 200 with {"ok": false, "error": <error>}: invalid_auth, token_revoked, internal_error, ...
]


@dataclass
class Fault:
    """`count` calls (of `method`, or of any) are answered with `kind`; hangs last `seconds`, 429 says `retry_after` seconds."""

    kind: FaultKind
    count: int = 1
    method: str | None = None
    retry_after: int = 1
    seconds: float = 60.0
    error: str = "invalid_auth"

    @classmethod
    def of(cls, wish: dict[str, Any]) -> Fault:
        """The fault that a control request asks for; ValueError names what is wrong."""
        if wish.get("kind") not in get_args(FaultKind):
            raise ValueError(f"kind: one of {', '.join(get_args(FaultKind))}")
        unknown = set(wish) - set(cls.__dataclass_fields__)
        if unknown:
            raise ValueError(
                f"{', '.join(sorted(unknown))}: unknown field; known are {', '.join(cls.__dataclass_fields__)}"
            )
        return cls(**wish)


class FaultPlan:
    """The faults still to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []
        self.stopping = asyncio.Event()

    def take(self, method: str) -> Fault | None:
        """The fault for this call, used up by one; None when the call is to go well."""
        for fault in self.waiting:
            if fault.method in (None, method):
                fault.count -= 1
                if fault.count <= 0:
                    self.waiting.remove(fault)
                return fault
        return None

    async def answer(self, fault: Fault, request: web.Request) -> web.Response:
        """What the client gets for `fault`; for `drop_after` call it once the message is stored."""
        if fault.kind == "ratelimited":
            return ratelimited(fault.retry_after)
        if fault.kind == "error500":
            return web.json_response({"ok": False, "error": "internal_error"}, status=500)
        if fault.kind == "html503":
            page = "<!DOCTYPE html><html><head><title>Server Error | Slack</title></head><body><h1>Server Error</h1></body></html>"
            return web.Response(status=503, text=page, content_type="text/html")
        if fault.kind == "error":
            return web.json_response({"ok": False, "error": fault.error})
        if fault.kind == "hang":
            try:
                await asyncio.wait_for(self.stopping.wait(), fault.seconds)
            except TimeoutError:
                pass
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def ratelimited(retry_after: int) -> web.Response:
    """Slack's 429, https://docs.slack.dev/apis/web-api/rate-limits: `retry_after` in whole seconds."""
    return web.json_response(
        {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(retry_after)}
    )
