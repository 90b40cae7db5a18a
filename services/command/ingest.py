"""`mythwatch ingest`: run the service, or take in one file of posts."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.ingest.settings import SERVICE, IngestSettings
from services.ingest.source import Tally
from services.ingest.sources.file import FileSource
from services.stream.readiness import Readiness
from services.stream.settings import StreamSettings, load

app = typer.Typer(
    help="Read posts into Kafka. Without a subcommand: run the service with the sources of MYTHWATCH_INGEST_SOURCES.\n\n"
    "Example: MYTHWATCH_INGEST_SOURCES=jetstream mythwatch ingest",
    invoke_without_command=True,
)


@app.callback()
def service(context: typer.Context) -> None:
    """Run the service unless a subcommand was given."""
    if context.invoked_subcommand is None:
        from services.ingest.__main__ import main

        main()


@app.command("file", help="Take in a file of posts, one JSON object a line (.gz too; - is standard input).\n\n"
             "Example: mythwatch ingest file posts.ndjson.gz")  # fmt: skip
def file(path: Annotated[Path, typer.Argument(help="NDJSON file, or - for standard input")]) -> None:
    """Exit 0 when the file was read to its end (rejected lines are dead letters), 1 when not, 2 for wrong use."""
    require_file(path)
    tally, whole = asyncio.run(take_file(path, load(IngestSettings), load(StreamSettings)))
    print(summary(tally))
    if not whole:
        print("stopped before the end; run it again, what was taken is not taken twice", file=sys.stderr)
        raise typer.Exit(1)


def require_file(path: Path) -> None:
    """Raise typer.BadParameter unless `path` can be opened as a file or is standard input."""
    if str(path) != "-" and not path.is_file():
        raise typer.BadParameter(f"{path} is not a file; name an NDJSON file, or - for standard input")


async def take_file(path: Path, settings: IngestSettings, stream: StreamSettings) -> tuple[Tally, bool]:
    """(what became of the lines, whether the end was reached); waits while Kafka is away.

    Raises FileUnreadable, SettingsError, TopicsDiffer, or Fatal when most lines are no posts.
    """
    from services.ingest.wiring import open_intake
    from services.stream.logs import configure

    configure(SERVICE, stream)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    source = FileSource(path)
    async with open_intake(settings, stream, Readiness(SERVICE, ("kafka",)), stopping) as intake:
        await source.run(intake, stopping)
        whole = not stopping.is_set()
    return source.tally, whole


def summary(tally: Tally) -> str:
    """One paragraph for the person who ran it."""
    lines = [f"{tally.accepted:,} posts taken, {tally.duplicate:,} were there already, {tally.rejected:,} rejected"]
    if tally.rejected:
        lines.append("the rejected ones are dead letters (`mythwatch deadletters list`), the first for these reasons:")
        lines += [f"  {reason}" for reason in tally.reasons]
    return "\n".join(lines)
