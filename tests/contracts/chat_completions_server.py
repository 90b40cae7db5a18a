"""A local chat-completions endpoint as OpenAI's wire has it, with a model whose answers and failures are chosen.

Like a real one it refuses a wrong key (401), an unknown model (404), what is no JSON (415) and messages that are not a
system's and a user's (400). What it then does is its `reply`, one of those below or a coroutine function of a test.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

KEY = "sk-test-5f2c9d81e7"
MODEL = "reader-1"
REASONS = {"spreads": "It urges people to stop insulin.", "does_not_spread": "It warns against the claim."}

Body = dict[str, Any]
Reply = Callable[[web.Request, Body], Awaitable[web.StreamResponse]]


# What the model reads and writes


def nonce_in(body: Body) -> str:
    """The nonce that the answer has to repeat."""
    found = re.search(r'"nonce" is exactly (\w+)\.', body["messages"][0]["content"])
    assert found
    return found.group(1)


def data_in(body: Body) -> Any:
    """What stands between the marks, which are there once each."""
    fence = re.search(r"between <data-(\w+)> and </data-\1>", body["messages"][0]["content"])
    assert fence
    user = body["messages"][1]["content"]
    before, _, rest = user.partition(f"<data-{fence[1]}>\n")
    inside, _, after = rest.partition(f"\n</data-{fence[1]}>")
    assert before == ""
    assert after
    assert user.count("<") == user.count(">") == 2
    return json.loads(inside)


def in_form(body: Body, answer: str = "does_not_spread", **changed: Any) -> str:
    """An answer in the form asked for, but for what is `changed`."""
    return json.dumps({"nonce": nonce_in(body), "reason": REASONS[answer], "answer": answer, **changed})


# What the endpoint replies


def completion(content: str | None, status: int = 200, **more: Any) -> web.Response:
    """The model wrote `content`, or refused with None."""
    message = {"role": "assistant", "content": content, "refusal": None}
    return web.json_response(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 400, "completion_tokens": 40, "total_tokens": 440},
            **more,
        },
        status=status,
    )


def refusal(status: int, message: str = "no", **headers: str) -> web.Response:
    """An error in OpenAI's form."""
    error = {"message": message, "type": "server_error", "param": None, "code": None}
    return web.json_response({"error": error}, status=status, headers=headers)


def answering(
    writes: Callable[[Body], str | None] = in_form, after_s: float = 0.0, status: int = 200, **more: Any
) -> Reply:
    """The model writes what the function makes of the request."""

    async def reply(_: web.Request, body: Body) -> web.StreamResponse:
        await asyncio.sleep(after_s)
        return completion(writes(body), status, **more)

    return reply


def saying(answer: str) -> Reply:
    """The model answers so, in the form asked for."""
    return answering(lambda body: in_form(body, answer))


def writing(content: str | None) -> Reply:
    """The model writes this, whatever it is asked."""
    return answering(lambda _: content)


def refusing(status: int, message: str = "no", **headers: str) -> Reply:
    """The endpoint answers with an error."""

    async def reply(_: web.Request, __: Body) -> web.StreamResponse:
        return refusal(status, message, **headers)

    return reply


def taking(form: Body, status: int) -> Reply:
    """The endpoint refuses every request whose fields beside model and messages are not `form`."""

    async def reply(_: web.Request, body: Body) -> web.StreamResponse:
        if {name: value for name, value in body.items() if name not in ("model", "messages")} != form:
            return refusal(status, "Unsupported parameter")
        return completion(in_form(body))

    return reply


def sending(content: bytes, **headers: str) -> Reply:
    """The endpoint answers 200 with these bytes as JSON."""

    async def reply(_: web.Request, __: Body) -> web.StreamResponse:
        return web.Response(body=content, headers={"Content-Type": "application/json", **headers})

    return reply


async def dropping(request: web.Request, _: Body) -> web.StreamResponse:
    """The connection is cut without an answer."""
    assert request.transport
    request.transport.close()
    return web.Response()


async def dripping(request: web.Request, body: Body) -> web.StreamResponse:
    """A byte now and then, for five seconds, keeps a read from timing out."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(100):
        await asyncio.sleep(0.05)
        await response.write(b" ")
    return response


@dataclass
class Endpoint:
    """The server; it keeps what it was sent."""

    reply: Reply = field(default_factory=answering)
    url: str = ""  # as the settings take it
    bodies: list[Body] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        application = web.Application()
        application.router.add_post("/v1/chat/completions", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.02)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.headers.append(dict(request.headers))
            given = request.headers.get("Authorization")
            if given != f"Bearer {KEY}":
                return refusal(401, f"Incorrect API key provided: {given}")
            if request.content_type != "application/json":
                return refusal(415)
            body = await request.json()
            self.bodies.append(body)
            if body.get("model") != MODEL:
                return refusal(404, "The model does not exist")
            if [message.get("role") for message in body.get("messages", [])] != ["system", "user"]:
                return refusal(400, "messages")
            return await self.reply(request, body)
        finally:
            self.at_once -= 1


@contextlib.asynccontextmanager
async def chat_completions(**settings: Any) -> AsyncIterator[Endpoint]:
    """A running server."""
    endpoint = Endpoint(**settings)
    await endpoint.start()
    try:
        yield endpoint
    finally:
        await endpoint.stop()
