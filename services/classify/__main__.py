"""`python -m services.classify`: settings, wiring, run."""

from __future__ import annotations

import asyncio

from services.classify.service import SERVICE, serve
from services.classify.settings import ClassifySettings
from services.stream.readiness import Readiness
from services.stream.service import run_service
from services.stream.settings import StreamSettings, load


def main() -> None:
    """Run classify until it is told to stop; never returns."""

    async def body(stream: StreamSettings, readiness: Readiness, stopping: asyncio.Event) -> None:
        await serve(stream, load(ClassifySettings), readiness, stopping)

    run_service(
        SERVICE,
        body,
        port=lambda: load(ClassifySettings).metrics_port,
        port_setting="MYTHWATCH_CLASSIFY_METRICS_PORT",
        awaiting=("kafka", "model", "myths"),
    )


if __name__ == "__main__":
    main()
