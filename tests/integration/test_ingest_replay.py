"""`mythwatch replay` and `mythwatch deadletters replay`, as processes against a real broker."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import sys
import time
from pathlib import Path

from services.command.replay import rewriter
from tests.integration.ingest_running import environment, ingest, reached, written


def posts(name: str, count: int) -> bytes:
    old = "2026-05-01T10:00:00Z"
    texts = (f"Garlic number {i} cures everything" for i in range(count))
    return b"".join(
        json.dumps({"id": f"{name}{i}", "text": t, "created_at": old}).encode() + b"\n" for i, t in enumerate(texts)
    )


async def mythwatch(variables: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MYTHWATCH_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.command.main", *arguments, env={**plain, **variables},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def finished(process: asyncio.subprocess.Process, within_s: float = 60) -> str:
    out, err = await asyncio.wait_for(process.communicate(), within_s)
    return out.decode() + err.decode()


async def test_through_the_door_at_its_rate_even_when_the_door_opens_late(kafka: str, tmp_path: Path) -> None:
    path = tmp_path / "posts.ndjson.gz"
    path.write_bytes(gzip.compress(posts("door", 60) + b"{\n"))
    variables = environment(kafka, tmp_path)
    url = f"http://127.0.0.1:{variables['MYTHWATCH_INGEST_HTTP_PORT']}"
    started_ms = time.time() * 1000
    async with written(kafka) as seen:
        replay = await mythwatch(variables, "replay", str(path), "--rate", "30", "--url", url, "--now")
        await asyncio.sleep(3)
        assert replay.returncode is None  # it waits for the door
        async with ingest(kafka, tmp_path, http_port=variables["MYTHWATCH_INGEST_HTTP_PORT"]):
            said = await finished(replay)
            await seen.until(lambda s: len(s.posts) == 60)
    assert replay.returncode == 0, said
    assert "60 posts taken, 0 were there already, 1 rejected" in said
    received = sorted(post.received_ms for post in seen.posts)
    # 60 posts at 30 a second take 2 s, and no burst makes up for the wait.
    assert 1_500 < received[-1] - received[0] < 6_000
    assert all(post.created_ms >= started_ms for post in seen.posts)


async def test_straight_to_kafka_stopped_and_resumed(kafka: str, tmp_path: Path) -> None:
    path = tmp_path / "resume.ndjson"
    path.write_bytes(posts("resume", 200))
    variables = environment(kafka, tmp_path)
    async with written(kafka) as seen:
        replay = await mythwatch(variables, "replay", str(path), "--rate", "40")
        await seen.until(lambda s: len(s.posts) >= 30, 30)
        replay.send_signal(signal.SIGTERM)
        said = await finished(replay, 15)
        assert replay.returncode == 1
        assert "--resume goes on from here" in said
        await seen.read()
        first = len(seen.posts)
        assert first < 200
        again = await mythwatch(variables, "replay", str(path), "--rate", "400", "--resume")
        said = await finished(again)
        assert again.returncode == 0, said
        await seen.until(lambda s: len(s.posts) >= 200)
    # Neither lost nor repeated.
    assert sorted(seen.ids) == sorted(f"file:resume{i}" for i in range(200))


async def test_a_door_that_refuses_the_key_ends_it(kafka: str, tmp_path: Path) -> None:
    path = tmp_path / "refused.ndjson"
    path.write_bytes(posts("refused", 3))
    async with ingest(kafka, tmp_path) as running:
        variables = {**environment(kafka, tmp_path), "MYTHWATCH_INGEST_API_KEY": "another key of the tests"}
        replay = await mythwatch(variables, "replay", str(path), "--url", running.url)
        said = await finished(replay)
    assert replay.returncode == 1
    assert "answers 401: key: missing or wrong" in said
    assert "another key" not in said
    assert "Traceback" not in said


async def test_a_dead_letter_of_a_door_is_replayed_through_it(kafka: str, tmp_path: Path) -> None:
    path = tmp_path / "letters.ndjson"
    # Too far in the future for now, and not any more in a while, which a busy machine needs to start a process.
    soon_ms = int(time.time() * 1000) + 5 * 60_000 + 15_000
    bad = [
        {"id": "letter-late", "text": "bel 06-12345678", "author": "jan", "created_at": soon_ms},
        {"id": "letter-bad", "author": "piet"},
    ]
    path.write_bytes(b"\n".join(json.dumps(line).encode() for line in bad))
    variables = environment(kafka, tmp_path)
    async with written(kafka) as seen:
        assert "2 rejected" in await finished(await mythwatch(variables, "ingest", "file", str(path)))
        await seen.until(lambda s: len(s.letters) == 2)
        await reached(soon_ms - 5 * 60_000 + 500)
        letters = {letter.reason.partition(":")[0]: letter for letter in seen.letters}
        for field, says in (("created_at", "replayed 1"), ("text", "replayed 1; 1 failed again")):
            replay = await mythwatch(variables, "deadletters", "replay", letters[field].id, "--topic", "posts")
            said = await finished(replay)
            assert replay.returncode == 0, said
            assert says in said
        await seen.until(lambda s: s.posts and len(s.letters) == 3)
    assert (seen.posts[0].id, seen.posts[0].text) == ("file:letter-late", "bel PHONE")
    assert len(seen.posts[0].author) == 32
    # What fails again is the same letter.
    assert seen.letters[2].id == letters["text"].id
    assert seen.letters[2].original == letters["text"].original


def test_rewriting_a_line() -> None:
    change = rewriter(now=True, run="b", clock=lambda: 5.0)
    assert json.loads(change(b'{"id": "1", "reply_to": "0", "text": "x"}')) == {
        "id": "1-b", "reply_to": "0-b", "text": "x", "created_at": 5000,
    }  # fmt: skip
    assert change(b"{broken") == b"{broken"
    assert change(b"[]") == b"[]"
    assert rewriter(now=False, run="")(b'{"id":  "1"}') == b'{"id":  "1"}'
