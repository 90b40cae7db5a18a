"""The HTTP door: clients post what they collected; 202 means that Kafka has confirmed it, and nothing else does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn

from services.ingest.settings import IngestSettings
from services.ingest.source import Intake
from services.ingest.sources.http_door import DOOR, Door, build_app
from services.stream.ports import require_free
from services.stream.settings import SettingsError

# Within the 10 s that a service has to stop.
GRACE_S = 7


class HttpSource:
    """Implements `source.Source` with FastAPI and uvicorn in the service's own event loop."""

    name = DOOR

    def __init__(self, settings: IngestSettings, host: str) -> None:
        """Raises SettingsError without an API key and PortTaken when the port is in use."""
        if settings.api_key is None:
            raise SettingsError(
                "MYTHWATCH_INGEST_API_KEY: is missing, and the http source needs it (secret that clients send, at least "
                "16 characters); or take http out of MYTHWATCH_INGEST_SOURCES"
            )
        require_free(settings.http_port, "MYTHWATCH_INGEST_HTTP_PORT", host)
        self._settings = settings
        self._api_key = settings.api_key
        self._host = host

    async def run(self, intake: Intake, stopping: asyncio.Event) -> None:
        """Serve until `stopping`; requests in flight are answered first. See `source.Source`."""
        door = Door(intake, self._api_key, self._settings.max_in_flight, self._settings.max_in_flight_bytes)
        config = uvicorn.Config(
            build_app(door), host=self._host, port=self._settings.http_port, log_config=None, access_log=False, server_header=False,
            timeout_graceful_shutdown=GRACE_S, timeout_keep_alive=15, h11_max_incomplete_event_size=65_536, lifespan="off", ws="none",
        )  # fmt: skip
        server = _Server(config)
        serving = asyncio.create_task(server.serve())
        stopped = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        finally:
            stopped.cancel()
        if not stopping.is_set():
            raise RuntimeError("the HTTP server ended by itself")


class _Server(uvicorn.Server):
    """Signals belong to the service."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
