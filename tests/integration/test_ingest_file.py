"""The file source on a real broker: NDJSON, gzip, standard input; a bad line is a dead letter, and the run goes on."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import sys
import threading
from pathlib import Path
from typing import IO

import pytest

from services.command.embedded_kafka import EmbeddedKafka
from services.ingest.letters import came_through_a_door, take_back
from services.ingest.source import Tally
from services.ingest.sources.file import MAX_LINE_BYTES, FileSource, FileUnreadable
from services.ingest.wiring import open_intake
from services.stream.readiness import Readiness
from services.stream.settings import StreamSettings, load
from services.stream.topic_admin import create_topics
from tests.conftest import free_port
from tests.integration.ingest_running import Written, environment, ingest, written
from tests.malformed_posts import malformed


def line(number: int | str, **more: object) -> bytes:
    return json.dumps(
        {"id": f"f{number}", "text": f"Garlic number {number} cures everything", "author": "jan", **more}
    ).encode()


async def take(bootstrap: str, tmp_path: Path, path: Path, stdin: IO[bytes] | None = None) -> Tally:
    from services.ingest.settings import IngestSettings

    variables = environment(bootstrap, tmp_path)
    stream = load(StreamSettings, {"MYTHWATCH_KAFKA_BOOTSTRAP": bootstrap})
    stopping = asyncio.Event()
    source = FileSource(path, stdin)
    async with open_intake(
        load(IngestSettings, variables), stream, Readiness("ingest", ("kafka",)), stopping
    ) as intake:
        async with asyncio.timeout(60):
            await source.run(intake, stopping)
    return source.tally


async def test_350_malformed_lines_among_good_ones(kafka: str, tmp_path: Path) -> None:
    bad = [body for _, body in malformed(350)]
    path = tmp_path / "mixed.ndjson"
    good = 0
    with path.open("wb") as file:
        for number, body in enumerate(bad):
            file.write(body + b"\n")
            if number % 7 == 0:
                file.write(line(f"mixed{number}") + b"\n\n")
                good += 1
    async with written(kafka) as seen:
        tally = await take(kafka, tmp_path, path)
        assert (tally.accepted, tally.rejected) == (good, 350)
        await seen.until(lambda s: len(s.posts) == good and len(s.letters) == 350)
    assert all("; " in letter.reason and ": " in letter.reason for letter in seen.letters)
    assert all(
        letter.service == "ingest" and letter.offset == -1 and came_through_a_door(letter) for letter in seen.letters
    )
    assert all(letter.headers["mythwatch-place"].startswith(b"line ") for letter in seen.letters)
    # What could not be read at all is kept as it was; what could keeps no person.
    raw = [letter for letter in seen.letters if "mythwatch-redacted" not in letter.headers]
    assert raw
    assert {bytes(letter.original) for letter in raw} <= set(bad)
    for letter in seen.letters:
        if "mythwatch-redacted" in letter.headers:
            assert b'"jan"' not in letter.original


async def test_a_dead_letter_comes_back_as_the_very_same_post(kafka: str, tmp_path: Path) -> None:
    from services.ingest.settings import IngestSettings

    path = tmp_path / "late.ndjson"
    path.write_bytes(line("back", created_at="soon", text="@piet: bel 06-12345678") + b"\n")
    async with written(kafka) as seen:
        await take(kafka, tmp_path, path)
        await seen.until(lambda s: s.letters)
        letter = seen.letters[0]
        assert letter.reason.startswith("created_at: is not a time")
        # The fix: whoever replays has mended the time.
        mended = json.loads(letter.original)
        mended["created_at"] = "2026-05-01T10:00:00Z"
        letter.original = json.dumps(mended).encode()
        stream = load(StreamSettings, {"MYTHWATCH_KAFKA_BOOTSTRAP": kafka})
        settings = load(IngestSettings, environment(kafka, tmp_path))
        async with open_intake(settings, stream, Readiness("ingest", ("kafka",)), asyncio.Event()) as intake:
            assert (await take_back(intake, letter)).outcome == "accepted"
        path.write_bytes(line("back", created_at="2026-05-01T10:00:00Z", text="@piet: bel 06-12345678") + b"\n")
        await take(kafka, tmp_path, path)
        await seen.until(lambda s: len(s.posts) == 2)
    replayed, direct = seen.posts
    assert replayed.author == direct.author != ""
    assert (replayed.id, replayed.text) == (direct.id, direct.text) == ("file:fback", "@USER: bel PHONE")


async def test_gzip_whatever_its_name_and_the_last_line_without_an_end(kafka: str, tmp_path: Path) -> None:
    path = tmp_path / "posts.data"
    path.write_bytes(gzip.compress(b"\n".join(line(f"gz{i}") for i in range(1_000))))
    async with written(kafka) as seen:
        tally = await take(kafka, tmp_path, path)
        assert tally.accepted == 1_000
        await seen.until(lambda s: len(set(s.ids)) == 1_000)


async def test_a_broken_gzip_keeps_what_could_be_read_and_says_where(kafka: str, tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    packed = gzip.compress(b"\n".join(line(f"cut{i}", noise=os.urandom(40).hex()) for i in range(2_000)))
    path.write_bytes(packed[: len(packed) // 2])
    async with written(kafka) as seen:
        with pytest.raises(
            FileUnreadable, match=r"cut\.gz cannot be read \(EOFError\) after line \d+; what was read before"
        ):
            await take(kafka, tmp_path, path)
        await seen.until(lambda s: len(s.posts) > 200)


async def test_a_missing_file_is_one_error(kafka: str, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"none\.ndjson is not there"):
        await take(kafka, tmp_path, tmp_path / "none.ndjson")


async def test_an_overlong_line_is_one_dead_letter_and_the_next_is_read(kafka: str, tmp_path: Path) -> None:
    path = tmp_path / "long.ndjson"
    path.write_bytes(b"x" * (3 * MAX_LINE_BYTES) + b"\n" + line("afterlong") + b"\n")
    async with written(kafka) as seen:
        tally = await take(kafka, tmp_path, path)
        assert (tally.accepted, tally.rejected) == (1, 1)
        await seen.until(lambda s: s.letters and s.posts)
    assert seen.letters[0].truncated
    assert seen.letters[0].headers["mythwatch-place"] == b"line 1"


async def test_standard_input_is_prompt(kafka: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as stdin:
        async with written(kafka) as seen:
            running = asyncio.create_task(take(kafka, tmp_path, Path("-"), stdin))
            os.write(writer, line("pipe1") + b"\n")
            # Taken while the pipe is still open.
            await seen.until(lambda s: "file:fpipe1" in s.ids, 10)
            threading.Thread(target=lambda: (os.write(writer, line("pipe2") + b"\n"), os.close(writer))).start()
            assert (await running).accepted == 2


async def test_the_same_file_twice_in_one_run_is_taken_once(kafka: str, tmp_path: Path) -> None:
    body = b"".join(line(f"dup{i}") + b"\n" for i in range(50))
    tally = await take(kafka, tmp_path, Path("-"), io.BytesIO(body + body))
    assert (tally.accepted, tally.duplicate) == (50, 50)


async def test_kafka_away_at_start_and_in_between_loses_nothing(tmp_path: Path) -> None:
    embedded = EmbeddedKafka(tmp_path / "kafka", free_port(2))
    embedded.start()
    try:
        await create_topics(embedded.bootstrap, 1)
        embedded.stop()
        path = tmp_path / "many.ndjson"
        path.write_bytes(b"".join(line(f"away{i}") + b"\n" for i in range(4_000)))
        async with ingest(embedded.bootstrap, tmp_path, ready=False, sources="file", file_path=str(path)) as running:
            await asyncio.sleep(1.5)
            assert not running.task.done()
            assert "kafka" in running.readiness.awaited
            embedded.start()
            async with reading_from_start(embedded.bootstrap) as seen:
                await seen.until(lambda s: len(s.posts) > 200, 30)
                embedded.stop(kill=True)
                await asyncio.sleep(0.5)
                embedded.start()
                await seen.until(lambda s: len(set(s.ids)) == 4_000, 60)
            await asyncio.wait_for(running.task, 20)
    finally:
        embedded.stop(kill=True)


class reading_from_start:  # noqa: N801
    """As `written`, from the first record on."""

    def __init__(self, bootstrap: str) -> None:
        self._opened = written(bootstrap)

    async def __aenter__(self) -> Written:
        seen = await self._opened.__aenter__()
        await seen._consumer.seek_to_beginning()
        return seen

    async def __aexit__(self, *failure: object) -> None:
        await self._opened.__aexit__(*failure)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [(["file", "{path}"], 0, "3 posts taken, 0 were there already, 1 rejected"), (["file", "-"], 0, "3 posts taken"),
     (["file", "{path}.none"], 2, "is not a file")],
)  # fmt: skip
async def test_the_command(kafka: str, tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    path = tmp_path / "command.ndjson"
    path.write_bytes(b"".join(line(f"command{tmp_path.name}{i}") + b"\n" for i in range(3)) + b"{\n")
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MYTHWATCH_")}
    program = "import sys; from services.command.ingest import app; app(sys.argv[1:])"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, *[a.format(path=path) for a in arguments], env={**plain, **environment(kafka, tmp_path)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(path.read_bytes()), 60)
    assert process.returncode == code, err.decode()
    assert says in " ".join((out + err).decode().replace("│", " ").split())
