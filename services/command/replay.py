"""`mythwatch replay`: play a recorded file of posts at a steady rate, through the HTTP door or straight to Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.command.ingest import require_file, summary
from services.ingest.cursor_file import CursorFile
from services.ingest.settings import SERVICE, IngestSettings
from services.ingest.source import Item, Stopped, Taken, Tally
from services.ingest.sources.file import DOOR, FileSource, lines_of, open_posts
from services.stream.codec import content_id
from services.stream.failures import Fatal
from services.stream.readiness import Readiness
from services.stream.settings import SettingsError, StreamSettings, load

# Small enough that a post is at most a tenth of a second late, large enough for thousands a second.
TICK_S = 0.1
MOST_AT_ONCE = 1_000
AGAIN_S = 1.0

# Where the posts go; returns once they are confirmed, one Taken an item. Raises Stopped, or Fatal when we are refused.
Sender = Callable[[Sequence[Item]], Awaitable[Sequence[Taken]]]


def replay(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="NDJSON of posts, .gz too; - for standard input")],
    rate: Annotated[float, typer.Option(min=0.01, max=100_000, help="posts per second")] = 10.0,
    url: Annotated[
        str, typer.Option(help="HTTP door to post to, e.g. http://127.0.0.1:8090; straight to Kafka without")
    ] = "",
    resume: Annotated[
        bool, typer.Option("--resume", help="go on where an earlier replay of this file stopped")
    ] = False,
    now: Annotated[bool, typer.Option("--now", help="date every post to the moment it is played")] = False,
    run: Annotated[str, typer.Option(help="put after each id, so that the posts count as new ones")] = "",
) -> None:
    """Play a recorded file of posts at a steady rate. What comes twice is dropped, so it can be run again at any time.

    Example: mythwatch replay posts.ndjson --rate 5 --url http://127.0.0.1:8090
    """
    require_file(path)
    if url and not url.startswith(("http://", "https://")):
        raise typer.BadParameter(f"--url {url} is no web address; send one such as http://127.0.0.1:8090")
    tally, whole = asyncio.run(play(path, rate, url, resume=resume, change=rewriter(now=now, run=run)))
    print(summary(tally))
    if not whole:
        print("stopped before the end; --resume goes on from here", file=sys.stderr)
        raise typer.Exit(1)


def rewriter(*, now: bool, run: str, clock: Callable[[], float] = time.time) -> Callable[[bytes], bytes]:
    """A function that dates and renames a line as asked; a line that is no JSON object stays as it is."""

    def change(line: bytes) -> bytes:
        if not (now or run):
            return line
        try:
            fields: Any = json.loads(line)
        except ValueError:
            return line
        if not isinstance(fields, dict):
            return line
        if now:
            fields["created_at"] = int(clock() * 1000)
        if run:
            for name in ("id", "reply_to"):
                if fields.get(name):
                    fields[name] = f"{fields[name]}-{run}"
        return json.dumps(fields, ensure_ascii=False).encode()

    return change


async def play(
    path: Path, rate: float, url: str, *, resume: bool = False, change: Callable[[bytes], bytes] = lambda line: line
) -> tuple[Tally, bool]:
    """(what became of the posts, whether the end was reached); SIGTERM and SIGINT stop it once what was sent is confirmed.

    Raises SettingsError without a key, FileUnreadable, or Fatal when the door refuses us.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    cursors = CursorFile(Path(os.environ.get("MYTHWATCH_INGEST_STATE_DIR", ".mythwatch/ingest")) / "replay.json")
    name = content_id(str(path.resolve()), url)
    done = (cursors.get(name) or 0) if resume else 0
    tally = Tally()
    whole = False
    async with _to_door(url, stopping) if url else _to_kafka(stopping) as send:
        with _progress(await asyncio.to_thread(_count_posts, path), done) as show:
            try:
                async for items in paced(FileSource(path).batches(stopping), rate, done, stopping):
                    tally.add(await send([Item(change(item.raw), None, item.place, item.problem) for item in items]))
                    done += len(items)
                    cursors.save(name, done)
                    show(done, tally.rejected)
                whole = not stopping.is_set()
            except Stopped:
                pass
    if whole:
        cursors.save(name, 0)
    return tally, whole


async def paced(
    batches: AsyncIterator[tuple[int, list[Item]]], rate: float, done: int, stopping: asyncio.Event
) -> AsyncIterator[list[Item]]:
    """Items as they fall due at `rate` a second, without the first `done`.

    Time lost (a door that was away) is not made up by a burst: the rate is the most at any time.
    """
    clock = asyncio.get_running_loop().time
    start, sent = clock(), 0
    async for _, batch in batches:
        waiting = batch[done:]
        done = max(0, done - len(batch))
        while waiting and not stopping.is_set():
            due = int((clock() - start) * rate) + 1 - sent
            if due <= 0:
                await _pause(min(max(sent / rate - (clock() - start), 0.001), TICK_S), stopping)
                continue
            if due > max(1.0, rate):
                start, due = clock() - sent / rate, 1
            now = waiting[: min(due, MOST_AT_ONCE)]
            waiting = waiting[len(now) :]
            sent += len(now)
            yield now


@asynccontextmanager
async def _to_kafka(stopping: asyncio.Event) -> AsyncIterator[Sender]:
    from services.ingest.wiring import open_intake

    settings, stream = load(IngestSettings), load(StreamSettings)
    async with open_intake(settings, stream, Readiness(SERVICE, ("kafka",)), stopping) as intake:
        yield lambda items: intake.take_all(DOOR, DOOR, items)


@asynccontextmanager
async def _to_door(url: str, stopping: asyncio.Event) -> AsyncIterator[Sender]:
    key = os.environ.get("MYTHWATCH_INGEST_API_KEY", "")
    if not key:
        raise SettingsError("MYTHWATCH_INGEST_API_KEY: is missing; set it to the key of the HTTP door")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}

    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:

        async def send(items: Sequence[Item]) -> Sequence[Taken]:
            while not stopping.is_set():
                try:
                    answer = await client.post("/v1/posts", content=b"\n".join(item.raw for item in items))
                except httpx.TransportError:
                    await _pause(AGAIN_S, stopping)
                    continue
                if answer.status_code in (429, 503):
                    await _pause(float(answer.headers.get("Retry-After", AGAIN_S)), stopping)
                    continue
                results = answer.json().get("results")
                if answer.status_code in (202, 400) and results is not None:
                    return [Taken(line["status"], line.get("id") or "", line.get("error") or "") for line in results]
                raise Fatal(f"{url} answers {answer.status_code}: {answer.json().get('error', '')}")
            raise Stopped

        yield send


@contextmanager
def _progress(total: int | None, done: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; on anything else nothing but the summary at the end."""
    columns = (
        TextColumn("replay"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=4, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("replay", total=total, completed=done, note="")

        def show(completed: int, rejected: int) -> None:
            bar.update(task, completed=completed, note=f"{rejected:,} rejected" if rejected else "")

        yield show


def _count_posts(path: Path) -> int | None:
    """Lines with something on them; None when that cannot be told (standard input, a broken file)."""
    if str(path) == "-":
        return None
    try:
        with open_posts(path) as file:
            return sum(1 for _, line, _ in lines_of(file) if line.strip())
    except (OSError, EOFError):
        return None


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        pass
