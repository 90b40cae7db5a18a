"""Slack over a connection that this service opens itself (Socket Mode), so that a hospital opens no port to the outside.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from services.alert.people import People
from services.alert.retry import BACKOFF_S, SLOWLY_S, Ending
from services.alert.slack import ending
from services.alert.slack_asks import Malformed, Opener, asked_of, do
from services.alert.slack_home import SlackDesk
from services.alert.store import Store
from services.stream.logs import log

SETTING = "MYTHWATCH_ALERT_SLACK_APP_TOKEN"
# Slack waits 3 s for an acknowledgement.
ANSWER_WITHIN_S = 2.5
OPEN_WITHIN_S = 10.0
_Result = TypeVar("_Result")


class NoAddress(Exception):
    """Slack gave no address to connect to."""


class SlackSocket:
    """Takes what people do in Slack; each envelope is acknowledged once what it asks for is recorded."""

    def __init__(
        self,
        app_token: str,
        base_url: str,
        store: Store,
        opener: Opener | None,
        desk: SlackDesk,
        clock: Callable[[], float] = time.time,
        ping_s: float = 5.0,
        people: People | None = None,
    ) -> None:
        # It logs requests with their tokens.
        self._quiet = logging.getLogger("mythwatch.slack_sdk")
        self._quiet.setLevel("CRITICAL")
        self._token, self._base_url, self._ping_s = app_token, base_url, ping_s
        self._store, self._opener, self._desk, self._clock = store, opener, desk, clock
        self._people = people
        self._working: set[asyncio.Task[Any]] = set()
        self._failures = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`; whatever Slack does, alerts go on."""
        async with aiohttp.ClientSession() as session:
            while not stopping.is_set():
                wait_s = await self._connected(session, stopping)
                await _unless(stopping, asyncio.sleep(wait_s))

    async def _connected(self, session: aiohttp.ClientSession, stopping: asyncio.Event) -> float:
        """One connection, from its one-time address to its end; how long to wait before the next, seconds."""
        try:
            async with asyncio.timeout(OPEN_WITHIN_S):
                socket = await _unless(stopping, self._open(session))
        except SlackApiError as refused:
            return self._refused(refused)
        except (NoAddress, SlackClientError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as away:
            status = f" {away.status}" if isinstance(away, aiohttp.WSServerHandshakeError) else ""
            return self._away(type(away).__name__ + status)
        if socket is None:
            return 0.0
        async with socket:
            wait_s = await self._listen(socket, stopping)
            # What people did is answered on the connection that it came by.
            if self._working:
                await asyncio.wait(self._working, timeout=ANSWER_WITHIN_S)
        return wait_s

    async def _open(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        client = AsyncWebClient(base_url=self._base_url, session=session, retry_handlers=[], logger=self._quiet)
        if urlsplit(self._base_url).hostname in ("127.0.0.1", "localhost", "::1"):
            client.proxy = None
        url = (await client.apps_connections_open(app_token=self._token)).get("url")
        if not isinstance(url, str) or not url.startswith(("wss://", "ws://")):
            raise NoAddress
        return await session.ws_connect(url, heartbeat=self._ping_s, proxy=client.proxy)

    def _refused(self, error: SlackApiError) -> float:
        attempt = ending(error)
        if attempt.ending in (Ending.BROKEN, Ending.REJECTED):
            why = str(error.response.get("error", "unknown"))[:100]
            log.error("Slack refuses the socket", action="slack_socket_refused", why=why, setting=SETTING)
            return SLOWLY_S
        return max(attempt.retry_after_s, self._away(attempt.error))

    def _away(self, why: str) -> float:
        """A wait that grows with every failure in a row."""
        wait_s = BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
        self._failures += 1
        log.warning("Slack's socket waits", action="slack_socket_away", why=why, wait_s=wait_s)
        return wait_s

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse, stopping: asyncio.Event) -> float:
        """Until the connection ends; how long to wait before the next, seconds."""
        while True:
            message = await _unless(stopping, socket.receive())
            if message is None:
                return 0.0
            if message.type is not aiohttp.WSMsgType.TEXT:
                if message.type is aiohttp.WSMsgType.BINARY:
                    continue
                return self._away("lost")
            try:
                said = json.loads(message.data)
            except ValueError:
                said = None
            if not isinstance(said, dict):
                log.warning("Slack sent what can't be read", action="slack_socket_malformed", why="no object")
            elif said.get("type") == "hello":
                self._failures = 0
                log.info("Slack's socket is open", action="slack_socket_open")
            elif said.get("type") == "disconnect":
                # Every few hours Slack asks for a new connection; with "link_disabled" somebody has turned Socket Mode off.
                return self._away("Socket Mode is off") if said.get("reason") == "link_disabled" else 0.0
            else:
                self._keep(asyncio.create_task(self._take(socket, said)))

    async def _take(self, socket: aiohttp.ClientWebSocketResponse, said: dict[str, Any]) -> None:
        try:
            reply = await self._answered(str(said.get("type")), said.get("payload"))
        except Malformed as wrong:
            # Acknowledged: sent again it would be no better.
            log.warning("Slack sent what can't be read", action="slack_socket_malformed", why=str(wrong)[:200])
            reply = {}
        except Exception as ours:
            log.error("Slack's request failed", action="slack_socket_failed", why=type(ours).__name__)
            reply = None
        if reply is None:
            # Not acknowledged: Slack shows the person that it did not work, or sends it again.
            return
        answer = {"envelope_id": said.get("envelope_id")} | ({"payload": reply} if reply else {})
        try:
            await socket.send_json(answer)
        except (aiohttp.ClientError, OSError) as away:
            log.warning("not acknowledged", action="slack_socket_not_acknowledged", why=type(away).__name__)

    async def _answered(self, kind: str, payload: Any) -> dict[str, Any] | None:
        """What the acknowledgement carries; None when what is asked for could not be recorded in time. Raises Malformed."""
        if not isinstance(payload, dict):
            raise Malformed("payload: no object")
        if kind == "slash_commands":
            return await self._desk.command(str(payload.get("text", "")), str(payload.get("user_id", "")))
        if kind == "events_api":
            if not isinstance(payload.get("event"), dict):
                raise Malformed("event: no object")
            return {} if await self._desk.event(payload) else None
        if kind != "interactive":
            return {}
        asked = asked_of(payload)
        # Not cancelled when it is slow: a database driver gives up in its own time, and the act is recorded once.
        work = self._keep(asyncio.create_task(do(self._store, asked, self._opener, self._clock, self._people)))
        done, _ = await asyncio.wait({work}, timeout=ANSWER_WITHIN_S)
        if not done or not work.result():
            return None
        return {"response_action": "errors", "errors": asked.errors} if asked.errors else {}

    def _keep(self, task: asyncio.Task[_Result]) -> asyncio.Task[_Result]:
        """Tasks that nobody holds may be collected while they run."""
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, _Result]) -> _Result | None:
    """What `work` returns; None, and `work` is given up, once it is time to stop."""
    task, stop = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
        stop.cancel()
