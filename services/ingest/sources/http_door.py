"""What the HTTP door answers. One post (application/json) or many (application/x-ndjson, one a line)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, SecretStr
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from services.ingest.in_flight import Full, Hold, InFlight
from services.ingest.journey import split_id
from services.ingest.post import PLATFORM, IncomingPost
from services.ingest.source import Intake, Item, Taken
from services.stream import metrics
from services.stream.codec import TRACEPARENT
from services.stream.failures import Invalid, NotReady
from services.stream.logs import log

DOOR = "http"
MAX_BODY_BYTES = 5_000_000
MAX_DRAINED_BYTES = 20_000_000
MAX_LINES = 50_000
CHUNK_LINES = 1_000
JSON_TYPES = ("application/json", "")
NDJSON_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")


class Accepted(BaseModel):
    """Kafka has the post."""

    id: str = Field(description="the post's id in Mythwatch: <platform>:<id on the platform>")
    status: str = Field("accepted", description="accepted, or duplicate: the very same was taken in a moment ago")


class Line(BaseModel):
    """What became of one line."""

    line: int = Field(description="its number, from 1")
    id: str | None = Field(None, description="the post's id in Mythwatch, where it was taken")
    status: str = Field(description="accepted, duplicate or rejected")
    error: str | None = Field(None, description="which field is wrong and how to mend it")


class AcceptedLines(BaseModel):
    """Kafka has every line that is not rejected; mend the rejected ones and send them again."""

    accepted: int = Field(description="lines taken, duplicates included")
    rejected: int = Field(description="lines not taken")
    results: list[Line]


class Problem(BaseModel):
    """Why a request was not taken."""

    error: str = Field(description="what is wrong, and what to do about it")
    accepted: int | None = Field(None, description="for NDJSON of which every line was rejected: 0")
    rejected: int | None = Field(None, description="for NDJSON of which every line was rejected: all")
    results: list[Line] | None = Field(
        None, description="for NDJSON of which every line was rejected: why, line by line"
    )


class Refused(Exception):
    """An answer other than 202."""

    def __init__(
        self, status: int, error: str, headers: dict[str, str] | None = None, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(error)
        self.status, self.headers = status, headers
        self.content = {"error": error, **(details or {})}


class Door:
    """The decisions of the door, apart from the routes; `intake` is where posts go. Raises Full, too, for a 429."""

    def __init__(self, intake: Intake, api_key: SecretStr, most_requests: int, most_bytes: int) -> None:
        self._intake = intake
        self._key = hashlib.sha256(api_key.get_secret_value().encode()).digest()
        self._in_flight = InFlight(most_requests, most_bytes)

    async def posts(self, request: Request) -> dict[str, Any]:
        """The body of a 202; raises Refused for anything else."""
        self._check_key(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in JSON_TYPES + NDJSON_TYPES:
            raise Refused(
                415, "content-type: unknown; send application/json for one post or application/x-ndjson for many"
            )
        if request.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise Refused(415, "content-encoding: unknown; send the body unpacked")
        with self._in_flight.request() as hold:
            self._check_kafka()
            body = await self._body(request, hold)
            trace = _trace(request)
            if kind in NDJSON_TYPES:
                return await self._many(body, trace)
            return _one(await self._take([Item(raw=body, trace=trace)]))

    async def delete(self, request: Request, post_id: str, platform: str | None) -> dict[str, Any]:
        """As `posts`, for one deleted post."""
        self._check_key(request)
        if platform is not None and not PLATFORM.match(platform.lower()):
            raise Refused(400, "platform: is not a platform name; send lower-case letters, digits, - and _")
        with self._in_flight.request():
            self._check_kafka()
            if platform is None:
                name, full = split_id(post_id, DOOR)
            else:
                name, full = platform.lower(), post_id
            fields = {"id": full, "platform": name, "action": "delete"}
            return _one(await self._take([Item(fields=fields, trace=_trace(request))]))

    def _check_key(self, request: Request) -> None:
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        sent = bearer.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        if not sent or not hmac.compare_digest(hashlib.sha256(sent.encode("utf-8", "replace")).digest(), self._key):
            raise Refused(
                401, "key: missing or wrong; send `Authorization: Bearer <key>` or `X-API-Key: <key>`",
                {"WWW-Authenticate": "Bearer"},
            )  # fmt: skip

    def _check_kafka(self) -> None:
        if not self._intake.is_open:
            raise Refused(503, "Kafka is away; nothing was taken, send it again later", {"Retry-After": "5"})

    async def _body(self, request: Request, hold: Hold) -> bytes:
        too_large = Refused(413, f"body: over {MAX_BODY_BYTES:,} bytes; send fewer posts at once")
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > MAX_DRAINED_BYTES:
                break
            if size > MAX_BODY_BYTES:
                # Read on without keeping: a client that is still sending would not see the answer.
                parts.clear()
                continue
            hold.add(len(part))
            parts.append(part)
        if size > MAX_BODY_BYTES:
            raise too_large
        if not size:
            raise Refused(400, "body: empty; send a post as JSON")
        return b"".join(parts)

    async def _many(self, body: bytes, trace: str) -> dict[str, Any]:
        lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
        if not lines:
            raise Refused(400, "body: has no line; send one JSON object a line")
        if len(lines) > MAX_LINES:
            raise Refused(413, f"body: {len(lines):,} lines; send at most {MAX_LINES:,} at once")
        results: list[dict[str, Any]] = []
        for start in range(0, len(lines), CHUNK_LINES):
            chunk = lines[start : start + CHUNK_LINES]
            taken = await self._take([Item(raw=line, place=f"line {number}", trace=trace) for number, line in chunk])
            results += [_line(number, one) for (number, _), one in zip(chunk, taken, strict=True)]
        rejected = sum(result["status"] == "rejected" for result in results)
        answer = {"accepted": len(results) - rejected, "rejected": rejected, "results": results}
        if rejected == len(results):
            raise Refused(400, f"line {results[0]['line']}: {results[0]['error']}", details=answer)
        return answer

    async def _take(self, items: list[Item]) -> list[Taken]:
        try:
            return await self._intake.take(DOOR, DOOR, items, dead_letters=False)
        except NotReady:
            raise Refused(
                503, "Kafka did not confirm; send it again, what came twice is dropped", {"Retry-After": "5"}
            ) from None
        except Invalid as invalid:
            raise Refused(413, str(invalid)) from None


def build_app(door: Door) -> FastAPI:
    """The ASGI application: /v1/posts and its description at /v1/openapi.json."""
    app = FastAPI(
        title="Mythwatch ingest", version="1", openapi_url="/v1/openapi.json", docs_url=None, redoc_url=None,
        description="Send public posts to Mythwatch. Every request needs the key, as `Authorization: Bearer` or `X-API-Key`.",
    )  # fmt: skip
    problems: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": meaning}
        for status, meaning in {
            400: "a field is wrong: the answer names it and the fix", 401: "the key is missing or wrong",
            413: "the body or a text is too large", 415: "neither JSON nor NDJSON",
            429: "too much at once: wait for Retry-After seconds", 503: "Kafka is away: wait for Retry-After seconds",
        }.items()
    }  # fmt: skip
    post_schema = IncomingPost.model_json_schema(ref_template="#/components/schemas/{model}")
    definitions = post_schema.pop("$defs", {})
    body = {
        "required": True,
        "content": {
            "application/json": {"schema": post_schema},
            "application/x-ndjson": {"schema": {"type": "string", "description": "one such object a line"}},
        },
    }

    @app.post(
        "/v1/posts", status_code=202, response_model=Accepted | AcceptedLines, responses=problems,
        openapi_extra={"requestBody": body, "security": [{"key": []}]}, summary="Take in one post, or one a line",
    )  # fmt: skip
    async def posts(request: Request) -> JSONResponse:
        return _answer(202, await door.posts(request))

    @app.delete(
        "/v1/posts/{post_id:path}", status_code=202, response_model=Accepted, responses=problems,
        openapi_extra={"security": [{"key": []}]}, summary="A post is gone from its platform: everything held on it goes",
    )  # fmt: skip
    async def delete(request: Request, post_id: str, platform: str | None = None) -> JSONResponse:
        return _answer(202, await door.delete(request, post_id, platform))

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return _answer(error.status, error.content, error.headers)

    @app.exception_handler(Full)
    async def full(_: Request, __: Full) -> JSONResponse:
        return _answer(429, {"error": "too much at once; wait a second and send it again"}, {"Retry-After": "1"})

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> JSONResponse:
        return _answer(400, {"error": "body: broke off; send it again"})

    @app.exception_handler(HTTPException)
    async def no_route(_: Request, error: HTTPException) -> JSONResponse:
        fix = {404: "no such path; see /v1/openapi.json", 405: "no such method here; see /v1/openapi.json"}
        return _answer(
            error.status_code, {"error": fix.get(error.status_code, "the request is malformed")}, error.headers
        )

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        log.error("request failed", action="http_failed", error=type(error).__name__)
        return _answer(500, {"error": "an error of ours; nothing was confirmed, send it again"})

    describe = app.openapi

    def openapi() -> dict[str, Any]:
        described = describe()
        components = described.setdefault("components", {})
        components.setdefault("schemas", {}).update(definitions)
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        return described

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _answer(status: int, content: dict[str, Any], headers: Any = None) -> JSONResponse:
    metrics.HTTP_REQUESTS.labels(str(status)).inc()
    return JSONResponse(content, status_code=status, headers=headers)


def _one(taken: list[Taken]) -> dict[str, Any]:
    one = taken[0]
    if one.outcome == "rejected":
        raise Refused(413 if one.too_long else 400, one.reason)
    return {"id": one.post_id, "status": one.outcome}


def _line(number: int, one: Taken) -> dict[str, Any]:
    if one.outcome == "rejected":
        return {"line": number, "status": "rejected", "error": one.reason}
    return {"line": number, "status": one.outcome, "id": one.post_id}


def _trace(request: Request) -> str:
    sent = request.headers.get("traceparent", "")
    return sent if TRACEPARENT.match(sent) else ""
