"""The classify service as a process on a real broker: what it tells, what it rejects, when it refuses to start."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest
from aiokafka import AIOKafkaConsumer

from services.classify.knowledge_base import load as load_knowledge
from services.classify.model_files import WEIGHTS
from services.command.embedded_kafka import PROJECT, EmbeddedKafka
from services.stream import events_pb2 as events
from services.stream.codec import Record, content_id, new_trace
from services.stream.producer import ConfirmedProducer
from services.stream.topic_admin import create_topics
from services.stream.topics import FEEDBACK, MYTHS, POSTS
from tests.conftest import free_port

SPREADING = (
    "MMR causes autism. They have known it for thirty years and they hide it from you. Don't let them jab your kid."
)
CREATE, UPDATE, DELETE = events.POST_ACTION_CREATE, events.POST_ACTION_UPDATE, events.POST_ACTION_DELETE
MOST_MEMORY = 2_000_000_000


@pytest.fixture
async def own_kafka(tmp_path: Path) -> AsyncIterator[str]:
    embedded = EmbeddedKafka(tmp_path / "kafka", free_port(2))
    embedded.start()
    await create_topics(embedded.bootstrap, 1)
    yield embedded.bootstrap
    embedded.stop(kill=True)


def start(bootstrap: str, port: int, **more: str) -> subprocess.Popen[bytes]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MYTHWATCH_")},
        "MYTHWATCH_KAFKA_BOOTSTRAP": bootstrap,
        "MYTHWATCH_CLASSIFY_METRICS_PORT": str(port),
        **more,
    }
    command = [sys.executable, "-m", "services.classify"]
    return subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


async def get(port: int, path: str) -> httpx.Response | None:
    async with httpx.AsyncClient(timeout=2) as client:
        try:
            return await client.get(f"http://127.0.0.1:{port}{path}")
        except httpx.HTTPError:
            return None


def post(identifier: str, text: str = "", action: int = CREATE) -> events.SocialPost:
    now = int(time.time() * 1000)
    return events.SocialPost(id=identifier, text=text, action=action, language="en", created_ms=now, received_ms=now)  # type: ignore[arg-type]


async def write(bootstrap: str, *posts: events.SocialPost) -> None:
    producer = ConfirmedProducer(bootstrap, "test")
    await producer.write([Record(POSTS, one.id, one, new_trace()) for one in posts])
    await producer.stop()


async def read(bootstrap: str, topic: str, count: int, timeout: float = 60.0) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    found: list[bytes] = []
    deadline = time.monotonic() + timeout
    try:
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} records on {topic}"
            batches = await consumer.getmany(timeout_ms=500)
            found += [record.value for batch in batches.values() for record in batch]
        return found
    finally:
        await consumer.stop()


async def ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 120
    while (answer := await get(port, "/readyz")) is None or answer.status_code != 200:
        assert process.poll() is None
        assert time.monotonic() < deadline
        await asyncio.sleep(0.3)


async def test_flagged_posts_updates_and_deletes_are_told_and_bad_ones_dead_lettered(own_kafka: str) -> None:
    port = free_port()
    process = start(own_kafka, port)
    try:
        # The page answers while the model still loads: loading is not on the event loop.
        while (early := await get(port, "/readyz")) is None:
            assert process.poll() is None
            await asyncio.sleep(0.1)
        assert early.status_code == 503
        assert "model" in early.json()["waiting_for"]
        await ready(process, port)

        sent = [
            post("spreads", SPREADING),
            post("chats", "what a goal last night, what a match"),
            post("edited", "Vaccines do not cause autism; the paper was withdrawn.", UPDATE),
            post("gone", action=DELETE),
            post("no text", " "),
        ]
        await write(own_kafka, *sent)
        verdicts = {
            verdict.post.id: verdict
            for verdict in map(events.ClaimVerdict.FromString, await read(own_kafka, "verdicts", 3))
        }
        assert verdicts.keys() == {"spreads", "edited", "gone"}
        spreads = verdicts["spreads"]
        assert (spreads.flag, spreads.myth_id, spreads.stance) == (True, "vaccines-cause-autism", events.STANCE_ENDORSE)
        assert spreads.id == content_id("spreads", SPREADING, spreads.model_version)
        assert spreads.reasons
        assert not verdicts["edited"].flag
        assert verdicts["gone"].post.action == DELETE
        (letter,) = map(events.DeadLetter.FromString, await read(own_kafka, "posts.dlq", 1))
        assert letter.reason.startswith("text:")

        metrics = await get(port, "/metrics")
        assert metrics is not None
        for outcome, count in (("flagged", 1), ("passed", 2), ("deleted", 1)):
            assert f'mythwatch_posts_classified_total{{outcome="{outcome}"}} {count}.0' in metrics.text
        assert psutil.Process(process.pid).memory_info().rss < MOST_MEMORY

        process.send_signal(signal.SIGTERM)
        assert process.wait(12) == 0
    finally:
        process.kill()
        process.wait()


SNAILS = "Rubbing a garden snail on warts and hanging it on a thorn makes the warts disappear."
FLAGGED = (
    "Rub a garden snail over your warts and hang it on a thorn, the warts are gone within a week. No doctor needed!"
)
SIBLING = "rub a garden snail over the warts, hang it on a thorn and the warts are gone in a week!! no doctor needed"
CHANGE_WITHIN_S = 5.0


async def changed(port: int, name: str, value: str) -> None:
    """Until a metric of the service has this value, within the time that a change may take."""
    deadline = time.monotonic() + CHANGE_WITHIN_S
    while f"{name} {value}" not in (page := await get(port, "/metrics")).text:  # type: ignore[union-attr]
        assert time.monotonic() < deadline, [line for line in page.text.splitlines() if line.startswith(name)]
        await asyncio.sleep(0.1)


async def test_a_new_myth_is_matched_and_not_a_myth_teaches(own_kafka: str) -> None:
    port = free_port()
    process = start(own_kafka, port)
    producer = ConfirmedProducer(own_kafka, "test")
    try:
        await ready(process, port)
        # Nothing like it is known: a candidate narrative, not a case of the nearest myth.
        await write(own_kafka, post("before", FLAGGED))
        (verdict,) = map(events.ClaimVerdict.FromString, await read(own_kafka, "verdicts", 1))
        assert not verdict.flag
        assert verdict.narrative_id.startswith("narrative-")

        myth = events.Myth(id="snails-cure-warts", claim={"en": SNAILS}, harm=events.HARM_LOW)
        known = len(load_knowledge())
        await producer.write([Record(MYTHS, myth.id, myth, new_trace())])
        await changed(port, "mythwatch_myths_known", f"{known + 1}.0")
        await write(own_kafka, post("first", FLAGGED + " Works on verrucas too."))
        verdicts = list(map(events.ClaimVerdict.FromString, await read(own_kafka, "verdicts", 2)))
        assert {one.post.id: one.myth_id for one in verdicts} == {"before": "", "first": "snails-cure-warts"}

        judged = events.Feedback(
            id="f1", case_id="c1", myth_id=myth.id, action=events.FEEDBACK_ACTION_NOT_A_MYTH, post_ids=["first"],
            decided_ms=1,
        )  # fmt: skip
        await producer.write([Record(FEEDBACK, "c1", judged, new_trace())])
        await changed(port, "mythwatch_lessons", "1.0")
        await write(own_kafka, post("sibling", SIBLING))
        await changed(port, 'mythwatch_posts_classified_total{outcome="passed"}', "2.0")

        undone = events.Feedback(
            id="f2", case_id="c1", myth_id=myth.id, action=events.FEEDBACK_ACTION_REOPEN, decided_ms=2
        )
        await producer.write([Record(FEEDBACK, "c1", undone, new_trace())])
        await changed(port, "mythwatch_lessons", "0.0")
        await write(own_kafka, post("sibling again", SIBLING + " really"))
        verdicts = list(map(events.ClaimVerdict.FromString, await read(own_kafka, "verdicts", 3)))
        assert {one.post.id for one in verdicts} == {"before", "first", "sibling again"}
    finally:
        await producer.stop()
        process.kill()
        process.wait()


def test_a_missing_model_file_refuses_to_start_and_says_what_makes_it(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(WEIGHTS, weights)
    (weights / "stance.safetensors").unlink()
    process = start("127.0.0.1:1", free_port(), MYTHWATCH_CLASSIFY_WEIGHTS=str(weights))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert str(weights / "stance.safetensors") in output.decode()
    assert "mythwatch train" in output.decode()
    assert "Traceback" not in output.decode()


async def test_told_to_stop_while_it_loads_it_stops(tmp_path: Path) -> None:
    port = free_port()
    process = start("127.0.0.1:1", port)
    while await get(port, "/healthz") is None:
        assert process.poll() is None
        await asyncio.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 10) == 0
