"""`/live/events`: tells open pages that something changed, as it happens (server-sent events). What changed, they ask for themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sqlalchemy import func, select
from starlette.responses import Response, StreamingResponse

from services.alert import schema
from services.alert.console.errors import Refused
from services.alert.console.sign_in import Door
from services.alert.store import Store
from services.alert.texts import _
from services.stream.failures import NotReady

LOOK_EVERY_S = 1.0
STILL_HERE_EVERY = 15
"""Looks without news after which a comment keeps proxies from closing the connection."""

MOST_OPEN = 200
"""Pages that are open at once; more of them ask every other second instead."""

HEADERS = {"X-Accel-Buffering": "no"}  # proxies that would wait for more


class Changes:
    """What the database's state is, in a few numbers, looked up once a second however many ask. Another process may have changed it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked_s = 0.0
        self._state: tuple[int, ...] = ()
        self._one_at_a_time = asyncio.Lock()

    async def state(self) -> tuple[int, ...]:
        """Differs from before when a case, its posts or its history changed. Raises NotReady."""
        async with self._one_at_a_time:
            now_s = asyncio.get_running_loop().time()
            if now_s - self._looked_s >= LOOK_EVERY_S:
                latest = select(
                    select(func.max(schema.cases.c.updated_ms)).scalar_subquery(),
                    select(func.max(schema.audit.c.id)).scalar_subquery(),
                    select(func.sum(schema.cases.c.version)).scalar_subquery(),
                )
                async with self._store.database.reading() as connection:
                    self._state = tuple(int(value or 0) for value in (await connection.execute(latest)).one())
                self._looked_s = now_s
            return self._state


def live_router(store: Store, door: Door) -> APIRouter:
    """`/live/events`."""
    router, changes, open_now = APIRouter(), Changes(store), [0]

    @router.get("/live/events")
    async def events(request: Request) -> Response:
        door.session(request)
        if open_now[0] >= MOST_OPEN:
            raise Refused(503, _("Too many pages are open; this one asks by itself."), headers={"Retry-After": "60"})
        return StreamingResponse(_stream(request), media_type="text/event-stream", headers=HEADERS)

    async def _stream(request: Request) -> AsyncIterator[str]:
        open_now[0] += 1
        try:
            seen, quiet = await _state(), 0
            yield "retry: 3000\n\n"
            # Ends with the session, and with the person's place in the people file.
            while door.is_signed_in(request):
                await asyncio.sleep(LOOK_EVERY_S)
                state, quiet = await _state(), quiet + 1
                if state is not None and state != seen:
                    seen, quiet = state, 0
                    yield "event: change\ndata: 1\n\n"
                elif quiet % STILL_HERE_EVERY == 0:
                    yield ": still here\n\n"
        finally:
            open_now[0] -= 1

    async def _state() -> tuple[int, ...] | None:
        try:
            return await changes.state()
        except NotReady:
            return None

    return router
