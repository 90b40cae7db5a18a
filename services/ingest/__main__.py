"""`python -m services.ingest`: read the configured sources until SIGTERM."""

from __future__ import annotations

import asyncio

from services.ingest.settings import SERVICE, IngestSettings
from services.ingest.wiring import run_service_body
from services.stream.readiness import Readiness
from services.stream.service import run_service
from services.stream.settings import StreamSettings, load


async def body(stream: StreamSettings, readiness: Readiness, stopping: asyncio.Event) -> None:
    """What run_service runs."""
    await run_service_body(stream, load(IngestSettings), readiness, stopping)


def main() -> None:
    """Never returns: exits as services/stream/service.py says."""
    run_service(
        SERVICE, body, port=lambda: load(IngestSettings).metrics_port, port_setting="MYTHWATCH_INGEST_METRICS_PORT"
    )


if __name__ == "__main__":
    main()
