"""Running a service: logs, signals, the observation server; exit codes that a process runner understands."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable

from mode.threads import WorkerThread

from services.stream.logs import configure, log
from services.stream.observe import serve_observation
from services.stream.ports import PortTaken
from services.stream.readiness import Readiness
from services.stream.settings import SettingsError, StreamSettings, load
from services.stream.topic_admin import TopicsDiffer

EXIT_FAILED = 1
EXIT_WRONG_USE = 2
# A service stops within 10 s. A library that waits for a broker which hangs may block the event loop for longer than that.
FORCED_AFTER_S = 9.5


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
    Exit code 0 after a graceful stop, 2 for a wrong setting or a taken port, 1 for anything else. Whatever still hangs
    9.5 s after the signal is abandoned: it was not acknowledged, and will be read again.
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

        def stop() -> None:
            if not stopping.is_set():
                _exit_later()
            stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
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
        _exit(EXIT_FAILED)
    log.info("stopped", action="stop")
    _exit(0)


def _exit(code: int) -> None:
    """End now, even where a consumer's thread still waits for a broker that hangs: our work is done, and none of it is there."""
    if any(isinstance(thread, WorkerThread) for thread in threading.enumerate()):
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _exit_later() -> None:
    """End the process by force when it has not ended by itself, be it in the event loop or in a library's thread."""

    def force() -> None:
        log.error("did not stop in time; what was not acknowledged will be read again", action="stop_forced")
        sys.stderr.flush()
        os._exit(EXIT_FAILED)

    timer = threading.Timer(FORCED_AFTER_S, force)
    timer.daemon = True
    timer.start()
