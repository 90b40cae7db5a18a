"""`mythwatch demo`: the whole product on this machine, with a sample stream, and a live view of one post's journey."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL

import typer

from services.command.demo_officer import play_officer
from services.command.demo_processes import DemoProcesses
from services.command.demo_settings import DemoSettings
from services.command.demo_watch import DemoWatch
from services.command.embedded_kafka import PROJECT
from services.stream.service import CannotStart
from services.stream.settings import load

SAMPLE = Path(__file__).with_name("sample_stream.jsonl")
READY_WITHIN_S = 120.0
SETTLE_S = 12.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(
    live: bool = typer.Option(
        False, "--live", help="read the public Bluesky stream instead of the sample (needs internet)"
    ),
    once: bool = typer.Option(False, "--once", help="stop when the sample is played and its alerts are out"),
    screenshots: Path | None = typer.Option(
        None, help="draw the console, the Slack message and the mail there, then stop"
    ),
) -> None:
    """Start Kafka, the three services, a Slack-like server and a mail server; play posts; show what happens."""
    settings = load(DemoSettings)
    home = PROJECT / ".mythwatch" / ("live" if live else "demo")
    processes = DemoProcesses(settings, home, live)
    # A closed terminal and `kill` stop it as Ctrl-C does, from the first moment on.
    for number in _SIGNALS:
        signal.signal(number, signal.default_int_handler)
    print("Starting Kafka, then ingest, classify and alert (the model takes a few seconds) ...", file=sys.stderr)
    try:
        processes.start_kafka()
        asyncio.run(_run(processes, live, once, screenshots))
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave a process behind
        _say("Stopping ...")
        processes.stop()
        _say("Stopped; every process has ended.")


def _say(words: str) -> None:
    with suppress(OSError):  # the terminal may be gone
        print(words, file=sys.stderr, flush=True)


async def _run(processes: DemoProcesses, live: bool, once: bool, screenshots: Path | None) -> None:
    from services.command.publish_myths import publish_built_in_myths
    from services.stream.topic_admin import create_topics

    await create_topics(processes.kafka.bootstrap, 1)
    await publish_built_in_myths(processes.kafka.bootstrap)
    processes.start_services()
    stopping = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    watch = DemoWatch(processes)
    watching = asyncio.create_task(watch.run())
    playing: asyncio.Task[None] | None = None
    settled: asyncio.Task[None] | None = None
    officer: asyncio.Task[None] | None = None
    try:
        await _until_ready(processes, watch, stopping)
        if not live and not stopping.is_set():
            playing = asyncio.create_task(_play(processes))
            officer = asyncio.create_task(play_officer(processes.settings))
        while not stopping.is_set():
            if processes.failed():
                raise CannotStart(f"a service has ended; the last lines of {processes.log}:\n{_tail(processes.log)}")
            if playing is not None and playing.done():
                await playing
                if once or screenshots:
                    settled = settled or asyncio.create_task(watch.settled(SETTLE_S))
                    if settled.done():
                        break
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    await stopping.wait()
        if screenshots is not None and not stopping.is_set():
            from services.command.demo_pictures import draw_demo

            await draw_demo(processes.settings, screenshots)
    finally:
        tasks = [task for task in (playing, officer, settled, watching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_ready(processes: DemoProcesses, watch: DemoWatch, stopping: asyncio.Event) -> None:
    deadline = asyncio.get_running_loop().time() + READY_WITHIN_S
    while not watch.all_ready and not stopping.is_set():
        if processes.failed() or asyncio.get_running_loop().time() > deadline:
            raise CannotStart(f"the services did not start; the last lines of {processes.log}:\n{_tail(processes.log)}")
        await asyncio.sleep(0.2)


async def _play(processes: DemoProcesses) -> None:
    """Play the sample through the door that any client would use, by the command that anyone can use."""
    door = f"http://127.0.0.1:{processes.settings.ingest_port}"
    arguments = ["replay", str(SAMPLE), "--rate", str(processes.settings.rate), "--url", door, "--now"]
    with processes.log.open("ab") as log:
        replay = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.command.main", *arguments,
            env=processes.environment(), cwd=PROJECT, stdin=DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    try:
        code = await replay.wait()
    except asyncio.CancelledError:
        replay.terminate()
        await replay.wait()
        raise
    if code:
        raise CannotStart(f"the sample could not be played; the last lines of {processes.log}:\n{_tail(processes.log)}")


def _tail(path: Path, lines: int = 12) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""
