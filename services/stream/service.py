"""Running a service: logs, signals, the observation server; exit codes that a process runner understands."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

from services.stream.logs import configure, log
from services.stream.observe import serve_observation
from services.stream.ports import PortTaken
from services.stream.readiness import Readiness
from services.stream.settings import SettingsError, StreamSettings, load
from services.stream.topic_admin import TopicsDiffer

EXIT_FAILED = 1
EXIT_WRONG_USE = 2


class CannotStart(RuntimeError):
    """A service refuses to start; the message names what is missing and the command that makes it."""


def run_service(
    service: str,
    body: Callable[[StreamSettings, Readiness, asyncio.Event], Awaitable[None]],
    *,
    port: Callable[[], int],
    port_setting: str,
    awaiting: tuple[str, ...] = ("kafka",),
) -> None:
    """Run `body(settings, readiness, stopping)` until it returns; never returns itself.

    SIGTERM and SIGINT set `stopping`; `port` gives the observation port, `port_setting` names its variable.
    Exit code 0 after a graceful stop, 2 for a wrong setting or a taken port, 1 for anything else.
    """
    try:
        settings = load(StreamSettings)
        observation_port = port()
    except SettingsError as error:
        print(f"{service}: {error}", file=sys.stderr)
        sys.exit(EXIT_WRONG_USE)
    configure(service, settings)

    async def main() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        readiness = Readiness(service, awaiting)
        runner = await serve_observation(settings.listen_host, observation_port, port_setting, readiness)
        log.info("started", action="start", port=observation_port)
        try:
            await body(settings, readiness, stopping)
        finally:
            await runner.cleanup()

    try:
        asyncio.run(main())
    except (SettingsError, PortTaken, TopicsDiffer, CannotStart) as error:
        log.error(str(error), action="refused")
        sys.exit(EXIT_WRONG_USE)
    except Exception as error:
        # The traceback names code, not data: records are never part of our messages.
        log.error("failed", action="fatal", error=f"{type(error).__name__}: {error}", exc_info=True)
        sys.exit(EXIT_FAILED)
    log.info("stopped", action="stop")
    sys.exit(0)
