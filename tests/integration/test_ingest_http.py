"""The HTTP door on a real broker: what it takes, what it answers, and that 202 means Kafka has it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from services.command.embedded_kafka import EmbeddedKafka
from services.stream import events_pb2 as events
from services.stream.topic_admin import create_topics
from tests.conftest import free_port
from tests.integration.ingest_running import API_KEY, AUTHOR_KEY, Running, client, ingest, until, written
from tests.malformed_posts import KINDS, malformed

POST = {
    "id": "h1",
    "text": "Bel 06-12345678: knoflook geneest kanker, zegt @piet",
    "author": "jan",
    "created_at": "2026-05-01T10:00:00Z",
}
NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
async def door(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with ingest(kafka, tmp_path_factory.mktemp("ingest")) as running:
        yield running


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncIterator[EmbeddedKafka]:
    embedded = EmbeddedKafka(tmp_path / "kafka", free_port(2))
    embedded.start()
    await create_topics(embedded.bootstrap, 1)
    yield embedded
    embedded.stop(kill=True)


async def test_a_post_is_on_kafka_when_202_is_answered(kafka: str, door: Running) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    async with written(kafka) as seen, client(door) as http:
        answer = await http.post("/v1/posts", json=POST, headers={"traceparent": trace})
        assert (answer.status_code, answer.json()) == (202, {"id": "http:h1", "status": "accepted"})
        await seen.until(lambda s: s.posts, 5)
        post = seen.posts[0]
        assert (post.text, post.language, post.platform) == (
            "Bel PHONE: knoflook geneest kanker, zegt @USER",
            "nl",
            "http",
        )
        assert len(post.author) == 32
        assert seen.keys == [b"http:h1"]
        assert seen.headers[0]["traceparent"].decode() == trace
        assert seen.headers[0]["ce_type"] == b"org.mythwatch.v1.SocialPost"
        again = await http.post("/v1/posts", json=POST)
        assert (again.status_code, again.json()["status"]) == (202, "duplicate")
        edited = await http.post("/v1/posts", json={**POST, "text": "Thee dan", "action": "update"})
        assert edited.json()["status"] == "accepted"
        gone = await http.delete("/v1/posts/http:h1")
        assert (gone.status_code, gone.json()["id"]) == (202, "http:h1")
        await seen.until(lambda s: len(s.posts) >= 3, 5)
        assert [p.action for p in seen.posts] == [
            events.POST_ACTION_CREATE,
            events.POST_ACTION_UPDATE,
            events.POST_ACTION_DELETE,
        ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/v1/posts/9", "http:9"), ("/v1/posts/9?platform=forum", "forum:9"), ("/v1/posts/forum:9", "forum:9"),
     ("/v1/posts/bluesky:at%3A%2F%2Fdid%3Aplc%3Aa%2Fapp.bsky.feed.post%2F1", "bluesky:at://did:plc:a/app.bsky.feed.post/1")],
)  # fmt: skip
async def test_deletes_by_id(door: Running, path: str, expected: str) -> None:
    async with client(door) as http:
        answer = await http.delete(path)
    assert (answer.status_code, answer.json()["id"]) == (202, expected)


async def test_of_many_lines_the_good_are_taken_and_the_bad_named(kafka: str, door: Running) -> None:
    lines = [json.dumps({**POST, "id": f"n{i}", "text": f"Thee nummer {i} helpt"}).encode() for i in range(3)]
    body = b"\n".join([lines[0], b"{", b"", lines[1], b'{"id": "x"}', lines[0], lines[2]]) + b"\r\n"
    async with written(kafka) as seen, client(door) as http:
        answer = await http.post("/v1/posts", content=body, headers=NDJSON)
        assert answer.status_code == 202
        result = answer.json()
        assert (result["accepted"], result["rejected"]) == (4, 2)
        assert [(r["line"], r["status"]) for r in result["results"]] == [
            (1, "accepted"), (2, "rejected"), (4, "accepted"), (5, "rejected"), (6, "duplicate"), (7, "accepted"),
        ]  # fmt: skip
        assert result["results"][3]["error"].startswith("text: is missing; send ")
        await seen.until(lambda s: len(s.posts) == 3, 5)
        await seen.read(500)
        assert seen.letters == []
        only_bad = await http.post("/v1/posts", content=b"{\n[]\n", headers=NDJSON)
        assert only_bad.status_code == 400
        assert only_bad.json()["error"].startswith("line 1: body: not JSON")
        assert len(only_bad.json()["results"]) == 2


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {API_KEY}"}, {"X-API-Key": API_KEY + "x"}, {"X-API-Key": ""},
     {"Authorization": "Bearer"}, {"X-API-Key": "\u00e9".encode("latin-1").decode("latin-1")}],
)  # fmt: skip
async def test_without_the_key_nothing(door: Running, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    async with httpx.AsyncClient(base_url=door.url) as http:
        for answer in (
            await http.post("/v1/posts", json=POST, headers=raw),
            await http.delete("/v1/posts/1", headers=raw),
        ):
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert API_KEY not in answer.text


async def test_the_key_in_either_header(door: Running) -> None:
    async with httpx.AsyncClient(base_url=door.url) as http:
        answer = await http.post("/v1/posts", json=POST, headers={"X-API-Key": API_KEY})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("content", "headers", "status", "says"),
    [
        (b"x" * 6_000_000, {}, 413, "body: over 5,000,000 bytes"),
        (b"x" * 6_000_000, NDJSON, 413, "body: over 5,000,000 bytes"),
        (json.dumps({**POST, "text": "word " * 200_000}).encode(), {}, 413, "text: has"),
        (
            json.dumps({**POST, "text": "word " * 2_100}).encode(),
            {},
            413,
            "text: has 10,499 characters; send at most 10,000",
        ),
        (b"\n" * 10 + b"{}\n" * 50_001, NDJSON, 413, "lines; send at most"),
        (b"", {}, 400, "body: empty"),
        (b" \n ", NDJSON, 400, "body: has no line"),
        (b"<post/>", {"Content-Type": "text/xml"}, 415, "content-type: unknown"),
        (b"\x1f\x8b", {"Content-Encoding": "gzip"}, 415, "content-encoding: unknown"),
        (b"[]", {"Content-Type": "application/json; charset=utf-8"}, 400, "body: not a JSON object"),
    ],
)
async def test_what_is_refused_says_why(
    door: Running, content: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    async with client(door) as http:
        answer = await http.post("/v1/posts", content=content, headers={"Content-Type": "application/json", **headers})
    assert answer.status_code == status
    assert says in answer.json()["error"]


async def test_350_malformed_bodies_are_each_answered_and_the_door_stays_open(kafka: str, door: Running) -> None:
    async with written(kafka) as seen, client(door) as http:
        for kind, body in malformed(350):
            answer = await http.post("/v1/posts", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 413), (kind, answer.status_code, answer.text)
            field, _, fix = answer.json()["error"].partition(": ")
            assert field, kind
            assert "; send " in fix, (kind, fix)
        assert len(KINDS) > 30
        lines = b"\n".join(line for _, line in malformed(350) if len(line) < 100_000)
        answer = await http.post("/v1/posts", content=lines, headers=NDJSON)
        assert answer.status_code == 400
        assert all(result["error"] for result in answer.json()["results"])
        alive = await http.post("/v1/posts", json={**POST, "id": "after350"})
        assert alive.status_code == 202
        await seen.until(lambda s: s.posts, 5)
        assert seen.ids == ["http:after350"]
        assert seen.letters == []


async def test_it_is_described(door: Running) -> None:
    async with httpx.AsyncClient(base_url=door.url) as http:
        described = (await http.get("/v1/openapi.json")).json()
        assert (await http.get("/nowhere")).json()["error"] == "no such path; see /v1/openapi.json"
    post = described["paths"]["/v1/posts"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) >= {
        "id",
        "text",
        "created_at",
        "author",
        "platform",
        "url",
        "language",
        "action",
        "engagement",
    }
    assert all(field.get("description") for field in schema["properties"].values())
    assert set(post["responses"]) >= {"202", "400", "401", "413", "415", "429", "503"}
    reference = schema["properties"]["engagement"]["anyOf"][0]["$ref"]
    assert reference.rsplit("/", 1)[1] in described["components"]["schemas"]


async def test_too_much_at_once_is_429(kafka: str, tmp_path: Path) -> None:
    async with ingest(kafka, tmp_path, max_in_flight="1") as running, client(running) as http:
        held = asyncio.Event()

        async def slow_body() -> AsyncIterator[bytes]:
            yield b'{"id": "slow", '
            await held.wait()
            yield b'"text": "Tea cures everything"}'

        slow = asyncio.create_task(
            http.post("/v1/posts", content=slow_body(), headers={"Content-Type": "application/json"})
        )
        await asyncio.sleep(0.3)
        answer = await http.post("/v1/posts", json=POST)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        held.set()
        assert (await slow).status_code == 202
        assert (await http.post("/v1/posts", json=POST)).status_code == 202


async def test_a_body_that_breaks_off_gives_its_place_back(kafka: str, tmp_path: Path) -> None:
    async with ingest(kafka, tmp_path, max_in_flight="1") as running:
        for _ in range(3):
            _, writer = await asyncio.open_connection("127.0.0.1", running.settings.http_port)
            head = f"POST /v1/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {API_KEY}\r\nContent-Length: 100\r\n\r\n{{"
            writer.write(head.encode())
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        async with client(running) as http:
            await asyncio.sleep(0.2)
            assert (await http.post("/v1/posts", json=POST)).status_code == 202


async def test_kafka_away_is_503_said_once_and_over_when_it_is_back(own_kafka: EmbeddedKafka, tmp_path: Path) -> None:
    async with ingest(own_kafka.bootstrap, tmp_path) as running, client(running) as http:
        assert (await http.post("/v1/posts", json={**POST, "id": "before"})).status_code == 202
        with capture_logs() as logs:
            own_kafka.stop(kill=True)
            away = [await http.post("/v1/posts", json={**POST, "id": f"away{i}"}) for i in range(3)]
            await until(lambda: not running.readiness.ready, 10)
            started = time.monotonic()
            away += [await http.post("/v1/posts", json={**POST, "id": f"later{i}"}) for i in range(20)]
            # Once it is known, nobody waits for it.
            assert time.monotonic() - started < 2
            assert {answer.status_code for answer in away} == {503}
            assert all(int(answer.headers["retry-after"]) > 0 for answer in away)
            assert "kafka" in running.readiness.awaited
            await asyncio.sleep(1)
        assert [line["action"] for line in logs].count("kafka_away") == 1
        own_kafka.start()
        await running.until_ready()
        async with written(own_kafka.bootstrap) as seen:
            # A post that was refused is no duplicate.
            assert (await http.post("/v1/posts", json={**POST, "id": "away0"})).json()["status"] == "accepted"
            await seen.until(lambda s: "http:away0" in s.ids, 10)


async def test_202_is_not_answered_before_kafka_confirmed(own_kafka: EmbeddedKafka, tmp_path: Path) -> None:
    pid = own_kafka.running_pid()
    assert pid is not None
    async with ingest(own_kafka.bootstrap, tmp_path) as running, client(running) as http:
        assert (await http.post("/v1/posts", json=POST)).status_code == 202
        os.kill(pid, signal.SIGSTOP)  # its sockets take bytes, and nothing is confirmed
        try:
            waiting = asyncio.create_task(http.post("/v1/posts", json={**POST, "id": "unconfirmed"}))
            await asyncio.sleep(2)
            assert not waiting.done()
            answer = await waiting
            assert answer.status_code == 503
            assert "retry-after" in answer.headers
        finally:
            os.kill(pid, signal.SIGCONT)


async def test_no_secret_text_or_author_is_logged(
    kafka: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with capture_logs() as logs:
        async with ingest(kafka, tmp_path) as running, client(running) as http:
            await http.post("/v1/posts", json={**POST, "id": "quiet", "author": "someperson"})
            await http.post(
                "/v1/posts", json={**POST, "id": "quiet", "author": "someperson", "created_at": "badtimevalue"}
            )
            await http.post("/v1/posts", content=b"\xffbadbytesvalue", headers={"Content-Type": "application/json"})
            await http.post("/v1/posts", json=POST, headers={"Authorization": "Bearer wrongkeyvalue"})
    out, err = capfd.readouterr()
    said = json.dumps(logs, default=str) + out + err
    for secret in (API_KEY, AUTHOR_KEY, "someperson", "knoflook", "badtimevalue", "badbytesvalue", "wrongkeyvalue"):
        assert secret not in said
