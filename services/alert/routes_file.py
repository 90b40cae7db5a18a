"""Follows the routes file: a good change is in force within seconds, a mistake is said loudly and the old routes stay."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from services.alert.routes import Routes, RoutesError, read_routes
from services.alert.store import Store
from services.stream import metrics
from services.stream.failures import NotReady
from services.stream.logs import log

LOOK_EVERY_S = 3.0


async def follow_routes(path: Path, first: Routes, store: Store, stopping: asyncio.Event) -> None:
    """Put `first` in force, then whatever the file becomes, until `stopping`."""
    seen = _state(path)
    waiting: Routes | None = first
    while not stopping.is_set():
        try:
            if waiting is not None:
                await store.use_routes(waiting, int(time.time() * 1000))
                log.info("routes in force", action="routes_in_force", rules=len(waiting.rules))
                waiting = None
        except NotReady as away:
            log.warning("routes wait", action="routes_away", why=str(away))
        try:
            async with asyncio.timeout(LOOK_EVERY_S):
                await stopping.wait()
        except TimeoutError:
            pass
        now = _state(path)
        if now != seen:
            seen, waiting = now, _read(path) or waiting


def _read(path: Path) -> Routes | None:
    try:
        found = read_routes(path)
    except RoutesError as wrong:
        metrics.ROUTES_BROKEN.set(1)
        log.error("routes not taken: the ones before stay in force", action="routes_broken", why=str(wrong))
        return None
    metrics.ROUTES_BROKEN.set(0)
    return found


def _state(path: Path) -> tuple[int, int] | None:
    """Changes when the file does; None while it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
