"""Running the sources beside one another: one that fails is said, tried again, and does not stop the others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from services.ingest.source import Intake, Source
from services.stream import metrics
from services.stream.failures import Fatal
from services.stream.logs import log
from services.stream.readiness import Readiness

AGAIN_S = (1.0, 5.0, 15.0, 60.0)
STOP_WITHIN_S = 8.0


class SourcesFailed(RuntimeError):
    """No source is left and one of them failed; the message names it."""


async def run_sources(sources: Sequence[Source], intake: Intake, readiness: Readiness, stopping: asyncio.Event) -> None:
    """Return when all have ended or, after `stopping`, within 8 s; raises SourcesFailed when none is left and one failed."""
    running = {asyncio.create_task(_keep(source, intake, readiness, stopping)): source for source in sources}
    stopped = asyncio.create_task(stopping.wait())
    try:
        pending = set(running)
        while pending and not stopped.done():
            done, _ = await asyncio.wait([*pending, stopped], return_when=asyncio.FIRST_COMPLETED)
            pending -= done
        if pending:
            _, late = await asyncio.wait(pending, timeout=STOP_WITHIN_S)
            for task in late:
                log.warning("source did not stop in time", action="stop_slow", source=running[task].name)
    finally:
        stopped.cancel()
        for task in running:
            task.cancel()
        ended = await asyncio.gather(*running, return_exceptions=True)
    failures = [failure for failure in ended if isinstance(failure, str)]
    if failures and not stopping.is_set():
        raise SourcesFailed("; ".join(failures))


async def _keep(source: Source, intake: Intake, readiness: Readiness, stopping: asyncio.Event) -> str | None:
    """None when the source ended, else why it failed for good."""
    attempt = 0
    while True:
        try:
            await source.run(intake, stopping)
            log.info("source ended", action="source_ended", source=source.name)
            readiness.is_there(f"source_{source.name}")
            return None
        except Fatal as failure:
            log.error("source failed for good", action="source_failed", source=source.name, error=str(failure))
            readiness.wait_for(f"source_{source.name}", str(failure))
            return str(failure)
        except Exception as failure:
            # The traceback names code, not data.
            log.error(
                "source failed", action="source_failed", source=source.name, error=type(failure).__name__, exc_info=True
            )
            readiness.wait_for(f"source_{source.name}", f"failed ({type(failure).__name__}); tried again")
            metrics.SOURCE_RECONNECTS.labels(source.name, "failed").inc()
        try:
            async with asyncio.timeout(AGAIN_S[min(attempt, len(AGAIN_S) - 1)] * random.uniform(0.8, 1.2)):
                await stopping.wait()
                return None
        except TimeoutError:
            attempt += 1
