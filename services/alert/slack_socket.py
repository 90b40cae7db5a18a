"""Slack over a connection that this service opens itself (Socket Mode), so that a hospital opens no port to the outside.

https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from services.alert.slack_asks import Malformed, Opener, asked_of, do
from services.alert.slack_home import SlackDesk
from services.alert.store import Store
from services.stream.logs import log

SETTING = "MYTHWATCH_ALERT_SLACK_APP_TOKEN"
# Slack waits 3 s for an acknowledgement.
ANSWER_WITHIN_S = 2.5
LOOK_EVERY_S = 1.0
REOPEN_AFTER_S = 30.0
"""Without a connection for so long the library's own attempts are given up for a new one."""

REFUSED_S = 60.0
AWAY_S = 5.0


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
    ) -> None:
        # It logs payloads, and every attempt with its traceback.
        logging.getLogger("slack_sdk.socket_mode").setLevel("CRITICAL")
        self._token, self._base_url, self._ping_s = app_token, base_url, ping_s
        self._store, self._opener, self._desk, self._clock = store, opener, desk, clock
        self._working: set[asyncio.Task[bool]] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`; whatever Slack does, alerts go on."""
        while not stopping.is_set():
            wait_s = await self._connected(stopping)
            await _sleep(stopping, wait_s)

    async def _connected(self, stopping: asyncio.Event) -> float:
        """One connection, with what the library renews of it; how long to wait before the next."""
        client = SocketModeClient(
            app_token=self._token, web_client=AsyncWebClient(base_url=self._base_url), ping_interval=self._ping_s,
            logger=logging.getLogger("slack_sdk.socket_mode"),
        )  # fmt: skip
        client.socket_mode_request_listeners.append(self._take)
        try:
            client.wss_uri = await client.issue_new_wss_url()
            await client.connect()  # type: ignore[no-untyped-call]
            log.info("Slack's socket is open", action="slack_socket_open")
            await self._until_lost(client, stopping)
        except SlackApiError as refused:
            why = str(refused.response.get("error", "unknown"))[:100]
            log.error("Slack refuses the socket", action="slack_socket_refused", why=why, setting=SETTING)
            return REFUSED_S
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as away:
            log.warning("Slack's socket waits", action="slack_socket_away", why=type(away).__name__)
        finally:
            await client.close()  # type: ignore[no-untyped-call]
        return AWAY_S

    async def _until_lost(self, client: SocketModeClient, stopping: asyncio.Event) -> None:
        lost_s = 0.0
        while not stopping.is_set() and lost_s < REOPEN_AFTER_S:
            await _sleep(stopping, LOOK_EVERY_S)
            lost_s = 0.0 if await client.is_connected() else lost_s + LOOK_EVERY_S
        if not stopping.is_set():
            log.warning("Slack's socket is lost", action="slack_socket_lost")

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        try:
            reply = await self._answered(request.type, request.payload)
        except (Malformed, AttributeError, ValueError) as wrong:
            # Acknowledged: sent again it would be no better.
            log.warning("Slack sent what can't be read", action="slack_socket_malformed", why=str(wrong)[:200])
            reply = {}
        if reply is None:
            # Not acknowledged: Slack shows the person that it did not work, or sends it again.
            return
        await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, reply or None))

    async def _answered(self, kind: str, payload: Any) -> dict[str, Any] | None:
        """What the acknowledgement carries; None when what is asked for could not be recorded in time."""
        if kind == "slash_commands":
            return await self._desk.command(str(payload.get("text", "")))
        if kind == "events_api":
            return {} if await self._desk.event(payload) else None
        if kind != "interactive":
            return {}
        asked = asked_of(payload)
        # Not cancelled when it is slow: a database driver gives up in its own time, and the act is recorded once.
        work = asyncio.create_task(do(self._store, asked, self._opener, self._clock))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        done, _ = await asyncio.wait({work}, timeout=ANSWER_WITHIN_S)
        if not done or not work.result():
            return None
        return {"response_action": "errors", "errors": asked.errors} if asked.errors else {}


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        pass
