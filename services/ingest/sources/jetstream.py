"""Bluesky's Jetstream (v1): a websocket of every public post, edit, delete and account event; resumed where we stopped.

The cursor of a host is saved once Kafka has confirmed everything up to it. It is inclusive and a host's own: on the same
host we go back a second (events may come out of order where replay meets live), on another one some seconds more;
what comes twice is dropped by id.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from services.ingest.cursor_file import CursorFile
from services.ingest.settings import IngestSettings
from services.ingest.source import Intake, Item, Stopped
from services.ingest.sources.jetstream_event import COLLECTION, read_event
from services.stream import metrics
from services.stream.logs import log

DOOR = "jetstream"
BATCH = 256
BATCH_WAIT_S = 0.1
# bluesky-social/jetstream-legacy#42: live events may overtake the end of a replay.
SAME_HOST_REWIND_S = 1.0
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A post is 3,000 bytes; its record with facets and embeds stays far below.
MAX_FRAME_BYTES = 2_000_000
TOO_LARGE = 1009  # close code that we send when a frame is larger (RFC 6455)
SAVE_EVERY_S = 1.0


class Silent(Exception):
    """The socket is open and nothing comes."""


class JetstreamSource:
    """Implements `source.Source`."""

    name = DOOR

    def __init__(self, settings: IngestSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._hosts = settings.jetstream_hosts
        self._cursors = CursorFile(settings.state_dir / "jetstream-cursors.json")
        self._clock = clock
        self._unsaved: tuple[str, int] | None = None
        self._saved_at = 0.0

    async def run(self, intake: Intake, stopping: asyncio.Event) -> None:
        """Read until `stopping`; see `source.Source`."""
        place, failures = 0, 0
        last_host = ""
        try:
            while not stopping.is_set():
                host = self._hosts[place % len(self._hosts)]
                delivered, why = await self._one_connection(host, last_host, intake, stopping)
                if stopping.is_set():
                    return
                last_host = host
                failures = 0 if delivered else failures + 1
                # A drop in mid-stream is common: the same host resumes exactly. Silence or refusal: the next one.
                if not delivered or why == "silent":
                    place += 1
                delay = 0.0 if delivered else BACKOFF_S[min(failures - 1, len(BACKOFF_S) - 1)]
                metrics.SOURCE_RECONNECTS.labels(DOOR, why).inc()
                log.warning(
                    "reconnecting", action="source_reconnect", source=DOOR, host=host, why=why, failures=failures
                )
                await _pause(max(0.1, delay * random.uniform(0.5, 1.0)), stopping)
        except Stopped:
            return
        finally:
            metrics.SOURCE_CONNECTED.labels(DOOR).set(0)
            self._save(force=True)

    async def _one_connection(
        self, host: str, last_host: str, intake: Intake, stopping: asyncio.Event
    ) -> tuple[bool, str]:
        """(whether anything was delivered, why it ended): closed, silent, refused or unreachable."""
        cursor = self._start_cursor(host, last_host)
        seen = 0
        try:
            async with connect(
                _url(host, cursor), max_size=MAX_FRAME_BYTES, open_timeout=10, close_timeout=2, max_queue=512,
                user_agent_header="mythwatch",
            ) as socket:  # fmt: skip
                metrics.SOURCE_CONNECTED.labels(DOOR).set(1)
                log.info("connected", action="source_connected", source=DOOR, host=host, resumed=cursor is not None)
                closer = asyncio.create_task(_close_on_stop(socket, stopping))
                try:
                    while True:
                        frames, ended = await self._batch(socket)
                        if frames:
                            if seen == 0:
                                self._begin(frames[0], cursor, host)
                            seen += len(frames)
                            await self._hand_over(host, frames, intake)
                        if ended is not None:
                            raise ended
                finally:
                    closer.cancel()
        except Silent:
            return False, "silent"
        except ConnectionClosed as closed:
            if closed.sent is not None and closed.sent.code == TOO_LARGE:
                self._step_over(host)
                return True, "too_large"
            return seen > 0, "closed"
        except InvalidHandshake:
            return False, "refused"
        except (OSError, TimeoutError, InvalidURI):
            return False, "unreachable"
        finally:
            metrics.SOURCE_CONNECTED.labels(DOOR).set(0)

    async def _batch(self, socket: ClientConnection) -> tuple[list[bytes], Exception | None]:
        """Up to BATCH frames, waiting BATCH_WAIT_S after the first; with what ended the connection after them, if so."""
        frames: list[bytes] = []
        deadline = asyncio.get_running_loop().time() + self._settings.jetstream_idle_s
        try:
            while len(frames) < BATCH:
                async with asyncio.timeout_at(deadline):
                    frame = await socket.recv(decode=False)
                if not frames:
                    deadline = asyncio.get_running_loop().time() + BATCH_WAIT_S
                frames.append(frame)
        except TimeoutError:
            return frames, None if frames else Silent()
        except ConnectionClosed as closed:
            return frames, closed
        return frames, None

    def _step_over(self, host: str) -> None:
        """A frame too large to be a post would be met again and again: go on a second after it, and say so."""
        reached = max(self._unsaved[1] if self._unsaved else 0, self._cursors.get(host) or 0)
        metrics.SOURCE_GAPS.labels(DOOR).inc()
        log.error(
            "frame too large to be a post; a second of the stream is stepped over", action="frame_too_large", source=DOOR,
            host=host, after_us=reached, most_bytes=MAX_FRAME_BYTES,
        )  # fmt: skip
        if reached:
            self._unsaved = (host, reached + int((SAME_HOST_REWIND_S + 1) * 1e6))
            self._save(force=True)

    async def _hand_over(self, host: str, frames: list[bytes], intake: Intake) -> None:
        latest = 0
        items = []
        for frame in frames:
            event = read_event(frame)
            latest = max(latest, event.time_us or 0)
            place = f"{host} time_us {event.time_us}" if event.time_us else host
            if event.problem:
                items.append(Item(raw=frame, place=place, problem=event.problem))
            elif event.fields is not None:
                items.append(Item(fields=event.fields, place=place))
        ignored = len(frames) - len(items)
        if items:
            await intake.take_all(DOOR, f"{DOOR}:{_bare(host)}", items)
        if ignored:
            metrics.SOURCE_EVENTS.labels(DOOR, "ignored").inc(ignored)
            metrics.SOURCE_LAST_EVENT.labels(DOOR).set(self._clock())
        if latest:
            known = self._unsaved[1] if self._unsaved and self._unsaved[0] == host else self._cursors.get(host) or 0
            self._unsaved = (host, max(latest, known))
            self._save()

    def _save(self, force: bool = False) -> None:
        if self._unsaved is None or (not force and time.monotonic() - self._saved_at < SAVE_EVERY_S):
            return
        host, cursor = self._unsaved
        try:
            self._cursors.save(host, cursor)
        except OSError as error:
            # The old cursor stands: a restart reads some events twice, and none is lost.
            log.error("cursor not saved", action="cursor_not_saved", error=type(error).__name__)
            return
        self._unsaved = None
        self._saved_at = time.monotonic()

    def _start_cursor(self, host: str, last_host: str) -> int | None:
        """Where to resume on `host`, µs; None: at the live end, when nothing was ever read."""
        self._save(force=True)
        cursors = self._cursors.all()
        if not cursors:
            return None
        newest = max(cursors, key=lambda name: cursors[name])
        same = newest == host and last_host in ("", host)
        rewind_s = SAME_HOST_REWIND_S if same else self._settings.jetstream_rewind_s
        # A cursor in the future would silently start live.
        return max(1, min(cursors[newest], int(self._clock() * 1e6)) - int(rewind_s * 1e6))

    def _begin(self, frame: bytes, cursor: int | None, host: str) -> None:
        """The first event of a connection: is it where we wanted to go on? And from the very first one on we owe all."""
        first = read_event(frame).time_us
        if first is None:
            return
        if cursor is None:
            self._unsaved = (host, first)
            self._save(force=True)
            return
        missing_s = (first - cursor) / 1e6
        if missing_s > self._settings.jetstream_gap_s:
            metrics.SOURCE_GAPS.labels(DOOR).inc()
            log.error(
                "events between our cursor and the host's oldest were not seen", action="source_gap", source=DOOR, host=host,
                missing_s=round(missing_s), from_us=cursor, to_us=first,
            )  # fmt: skip


def _url(host: str, cursor: int | None) -> str:
    base = host if host.startswith(("ws://", "wss://")) else f"wss://{host}"
    query = [("wantedCollections", COLLECTION)]
    if cursor is not None:
        query.append(("cursor", str(cursor)))
    return f"{base.rstrip('/')}/subscribe?{urlencode(query)}"


def _bare(host: str) -> str:
    return host.removeprefix("wss://").removeprefix("ws://").rstrip("/")


async def _close_on_stop(socket: ClientConnection, stopping: asyncio.Event) -> None:
    await stopping.wait()
    await socket.close()


async def _pause(seconds: float, stopping: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        pass
