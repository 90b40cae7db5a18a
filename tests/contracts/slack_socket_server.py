"""Slack's side of Socket Mode, true to the wire: a one-time address for an app token, envelopes, acknowledgements, disconnects.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

APP_TOKEN = "xapp-1-A04-test"


class SocketServer:
    """Hands out one address for each connection; keeps what was acknowledged, by envelope."""

    def __init__(self) -> None:
        self.base_url = ""
        self.opened = 0
        self.tried = 0
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.troubles: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        """What `apps.connections.open` answers instead, once each: status, body, headers."""
        self.forbidden = 0
        """So many handshakes of the socket are refused first, as with an address that was used before."""
        self._tickets: set[str] = set()
        self._sockets: list[web.WebSocketResponse] = []
        self._news = asyncio.Condition()

    async def open(self, request: web.Request) -> web.Response:
        """`apps.connections.open`."""
        self.tried += 1
        if self.troubles:
            status, body, headers = self.troubles.pop(0)
            return web.json_response(body, status=status, headers=headers)
        given = request.headers.get("Authorization", "").removeprefix("Bearer ") or (await request.post()).get("token")
        if given != APP_TOKEN:
            return web.json_response({"ok": False, "error": "invalid_auth"})
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return web.json_response({"ok": True, "url": f"{self.base_url.replace('http', 'ws', 1)}link/?ticket={ticket}"})

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        """The socket: hello first, then envelopes."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets or self.forbidden:
            self.forbidden = max(0, self.forbidden - 1)
            raise web.HTTPForbidden
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        info = {"app_id": "A04", "connection_info": {"app_id": "A04"}, "num_connections": 1}
        await socket.send_json({"type": "hello", **info})
        self._sockets.append(socket)
        self.opened += 1
        async with self._news:
            self._news.notify_all()
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                said = json.loads(message.data)
                self.acknowledged[said["envelope_id"]] = said.get("payload") or {}
                async with self._news:
                    self._news.notify_all()
        return socket

    async def connected(self, times: int = 1, within_s: float = 15.0) -> None:
        """Until the app has connected so often."""
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(lambda: self.opened >= times)

    async def send(
        self, kind: str, payload: Any, *, envelope: str = "", within_s: float = 3.0
    ) -> dict[str, Any] | None:
        """What the acknowledgement carried; None when none came within the 3 s that Slack waits."""
        envelope = envelope or secrets.token_hex(8)
        self.acknowledged.pop(envelope, None)
        await self.say({"envelope_id": envelope, "type": kind, "payload": payload, "accepts_response_payload": True})
        try:
            async with asyncio.timeout(within_s), self._news:
                await self._news.wait_for(lambda: envelope in self.acknowledged)
        except TimeoutError:
            return None
        return self.acknowledged[envelope]

    async def say(self, what: Any) -> None:
        """Send any JSON at all."""
        await self._sockets[-1].send_json(what)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Slack announces that this connection ends soon, as it does every few hours."""
        await self._sockets[-1].send_json({"type": "disconnect", "reason": reason, "debug_info": {}})

    async def drop(self) -> None:
        """The connection breaks without a word."""
        transport = self._sockets[-1]._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()  # type: ignore[attr-defined]


@asynccontextmanager
async def slack_socket_server() -> AsyncIterator[SocketServer]:
    """Running on a free port."""
    server = SocketServer()
    app = web.Application()
    app.router.add_post("/api/apps.connections.open", server.open)
    app.router.add_get("/api/link/", server.link)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    try:
        yield server
    finally:
        await runner.cleanup()
