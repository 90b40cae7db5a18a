"""A file of posts, one JSON object a line: plain or gzip, or standard input. A bad line does not end the run."""

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from services.ingest.source import Intake, Item, Stopped, Tally
from services.stream.failures import Fatal

DOOR = "file"
BATCH = 256
# A post of 10,000 characters is far below; a longer line is no post, and must not fill the memory.
MAX_LINE_BYTES = 1_000_000
GZIP_MAGIC = b"\x1f\x8b"
READ_AHEAD = 2 * BATCH  # lines


class FileUnreadable(Fatal):
    """The file is missing, may not be read, or breaks off; the message says where."""


@dataclass(frozen=True)
class End:
    """Nothing more comes, and why when that is an error."""

    why: FileUnreadable | None


_Read = tuple[int, Item | None] | End


class FileSource:
    """Implements `source.Source`; `path` `-` is standard input. `tally` counts what became of the lines."""

    name = DOOR

    def __init__(self, path: Path, stdin: IO[bytes] | None = None) -> None:
        self.path = path
        self._stdin = stdin
        self.tally = Tally()
        self.line = 0  # of the last line that Kafka confirmed

    async def run(self, intake: Intake, stopping: asyncio.Event) -> None:
        """Read to the end; raises FileUnreadable when it cannot be, after handing over what could be read."""
        label = "stdin" if str(self.path) == "-" else self.path.name
        try:
            async for number, items in self.batches(stopping):
                if items:
                    self.tally.add(await intake.take_all(DOOR, f"{DOOR}:{label}"[:200], items))
                self.line = number
        except Stopped:
            return

    async def batches(self, stopping: asyncio.Event) -> AsyncIterator[tuple[int, list[Item]]]:
        """(number of the last line, items) until the end or `stopping`; blank lines are passed over."""
        queue: asyncio.Queue[_Read] = asyncio.Queue()
        # Reading blocks (standard input for ever), so it has a thread of its own that ends with the process.
        room = threading.Semaphore(READ_AHEAD)
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(queue, room, loop), daemon=True, name="ingest-file").start()
        stopped = asyncio.create_task(stopping.wait())
        ended: Exception | None = None
        try:
            while True:
                read = asyncio.create_task(queue.get())
                await asyncio.wait([read, stopped], return_when=asyncio.FIRST_COMPLETED)
                if not read.done():
                    read.cancel()
                    return
                got: _Read | None = read.result()
                number, items = 0, []
                # Whatever has been read meanwhile goes along, so that a slow pipe is prompt and a fast one is batched.
                while isinstance(got, tuple):
                    number = got[0]
                    if got[1] is not None:
                        items.append(got[1])
                    room.release()
                    got = None if len(items) >= BATCH or queue.empty() else queue.get_nowait()
                if number:
                    yield number, items
                if isinstance(got, End):
                    ended = got.why
                    break
        finally:
            stopped.cancel()
        if ended is not None:
            raise ended

    def _read(self, queue: asyncio.Queue[_Read], room: threading.Semaphore, loop: asyncio.AbstractEventLoop) -> None:
        def put(what: _Read) -> None:
            try:
                loop.call_soon_threadsafe(queue.put_nowait, what)
            except RuntimeError:
                pass  # the loop is closed: nobody reads any more

        number, why = 0, None
        try:
            with self._open() as file:
                for number, line, whole in lines_of(file):
                    item: Item | None = None
                    if not whole:
                        problem = f"line: over {MAX_LINE_BYTES:,} bytes; send one post a line"
                        item = Item(raw=line, place=f"line {number}", problem=problem)
                    elif line.strip():
                        item = Item(raw=line, place=f"line {number}")
                    room.acquire()
                    put((number, item))
        except (OSError, EOFError, zlib.error) as error:
            what = (
                "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({type(error).__name__})"
            )
            where = f" after line {number}; what was read before is taken in" if number else ""
            why = FileUnreadable(f"{self.path} {what}{where}")
        put(End(why))

    def _open(self) -> IO[bytes]:
        if str(self.path) == "-":
            return self._stdin or sys.stdin.buffer
        return open_posts(self.path)


def open_posts(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where it is gzip whatever its name; raises OSError."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")


def lines_of(file: IO[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """(number, line without its end, whether it is whole) of each line; an overlong one is cut and the rest passed over."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        whole = line.endswith(b"\n") or len(line) <= MAX_LINE_BYTES
        if not whole:
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = file.readline(MAX_LINE_BYTES)
        yield number, line.rstrip(b"\r\n"), whole
