"""A local Jetstream, true to the v1 wire: what a client may rely on, and what it must put up with.

After bluesky-social/jetstream-legacy: `/subscribe`, `wantedCollections` and `wantedDids` filter commits only (account and
identity events pass every filter); `cursor` is inclusive, in microseconds, replays and then goes live; one that is too old
starts at the oldest event without a word, one in the future starts live; a malformed parameter is refused with 400.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Request, Response, Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed

POST = "app.bsky.feed.post"


@dataclass
class Subscription:
    """What a client asked for."""

    cursor: int | None
    collections: list[str]


@dataclass
class Jetstream:
    """The server: events are `add`ed to its log and reach every subscriber."""

    port: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    oldest_us: int = 0  # what is older has been forgotten
    stalled: bool = False  # sockets stay open, pings are answered, no event comes
    refuse: bool = False  # answer 503 instead of upgrading
    drop_after: int | None = None  # cut the next connection (1006) after so many events
    _sockets: set[ServerConnection] = field(default_factory=set)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _server: Server | None = None

    @property
    def host(self) -> str:
        """As MYTHWATCH_INGEST_JETSTREAM_HOSTS takes it."""
        return f"ws://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", self.port, process_request=self._check, ping_interval=0.5, ping_timeout=30
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self.drop()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def add(self, *events: dict[str, Any] | bytes) -> None:
        """Put events into the log; bytes are sent as they are, with no time of their own."""
        for event in events:
            self.log.append({"raw": event} if isinstance(event, bytes) else event)
        async with self._news:
            self._news.notify_all()

    async def drop(self) -> None:
        """Cut every connection without a closing handshake: clients see 1006."""
        for socket in list(self._sockets):
            socket.transport.abort()
        async with self._news:
            self._news.notify_all()

    def _check(self, _: ServerConnection, request: Request) -> Response | None:
        url = urlsplit(request.path)
        if self.refuse:
            return self._refusal(HTTPStatus.SERVICE_UNAVAILABLE, "try later")
        if url.path != "/subscribe":
            return self._refusal(HTTPStatus.NOT_FOUND, "not found")
        query = parse_qs(url.query, keep_blank_values=True)
        if len(query.get("wantedCollections", [])) > 100:
            return self._refusal(HTTPStatus.BAD_REQUEST, "too many wanted collections")
        cursor = query.get("cursor", ["1"])[0]
        if not cursor.lstrip("-").isdigit():
            return self._refusal(HTTPStatus.BAD_REQUEST, f"invalid cursor: {cursor}")
        return None

    def _refusal(self, status: HTTPStatus, text: str) -> Response:
        return Response(status.value, status.phrase, Headers({"Content-Length": str(len(text))}), text.encode())

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        query = parse_qs(urlsplit(socket.request.path).query)
        cursor = int(query["cursor"][0]) if "cursor" in query else None
        wanted = Subscription(cursor, query.get("wantedCollections", []))
        self.subscriptions.append(wanted)
        self._sockets.add(socket)
        gone = asyncio.create_task(self._wake_when_gone(socket))
        try:
            place = self._place(cursor)
            sent = 0
            while socket.close_code is None:
                if self.stalled or place >= len(self.log):
                    async with self._news:
                        await self._news.wait()
                    continue
                event = self.log[place]
                place += 1
                if not _passes(event, wanted.collections):
                    continue
                if self.drop_after is not None and sent >= self.drop_after:
                    self.drop_after = None
                    socket.transport.abort()
                    return
                # A real server sends text frames; bytes that are no UTF-8 go out as a binary one.
                await socket.send(event["raw"] if "raw" in event else json.dumps(event))
                sent += 1
        except ConnectionClosed:
            pass
        finally:
            gone.cancel()
            self._sockets.discard(socket)

    async def _wake_when_gone(self, socket: ServerConnection) -> None:
        await socket.wait_closed()
        async with self._news:
            self._news.notify_all()

    def _place(self, cursor: int | None) -> int:
        if cursor is None:
            return len(self.log)
        newest = max((event.get("time_us", 0) for event in self.log), default=0)
        if cursor > newest:
            return len(self.log)
        from_us = max(cursor, self.oldest_us)
        return next((i for i, event in enumerate(self.log) if event.get("time_us", 0) >= from_us), len(self.log))


def _passes(event: dict[str, Any], collections: list[str]) -> bool:
    commit = event.get("commit")
    return not collections or commit is None or commit.get("collection") in collections


@contextlib.asynccontextmanager
async def jetstream(**settings: Any) -> AsyncIterator[Jetstream]:
    """A running server."""
    server = Jetstream(**settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def post(
    time_us: int, rkey: str, text: str = "", did: str = "did:plc:aaa", operation: str = "create"
) -> dict[str, Any]:
    """A commit event of a post."""
    commit: dict[str, Any] = {"rev": "3l1", "operation": operation, "collection": POST, "rkey": rkey}
    if operation != "delete":
        record = {
            "$type": POST,
            "text": text or f"Post {rkey} about tea",
            "langs": ["en"],
            "createdAt": "2026-05-01T10:00:00.000Z",
        }
        commit |= {"cid": "bafy1", "record": record}
    return {"did": did, "time_us": time_us, "kind": "commit", "commit": commit}


def account(time_us: int, did: str, status: str | None) -> dict[str, Any]:
    """An account event: gone with `status`, or back with None."""
    state: dict[str, Any] = {"active": status is None, "did": did, "seq": 1, "time": "2026-05-01T10:00:00.000Z"}
    return {
        "did": did,
        "time_us": time_us,
        "kind": "account",
        "account": state | ({"status": status} if status else {}),
    }
