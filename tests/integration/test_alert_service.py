"""The alert service as a process, on a real Kafka: killed at random while verdicts flow, every case is told exactly once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.command.local_mail import LocalMail, local_mail
from services.command.local_slack import LocalSlack, local_slack
from services.stream import events_pb2 as events
from services.stream.codec import Record, new_trace
from services.stream.producer import ConfirmedProducer
from services.stream.topics import CASES, FEEDBACK, MYTHS, NOTIFICATIONS, VERDICTS, dead_letter_topic
from tests.conftest import free_port
from tests.unit.alert.examples import DELETE, myth_event, verdict

# Other tests of the session share the broker: every case of this file is told apart by this run's name.
RUN = f"run{random.randrange(10**9)}"
MYTH_IDS = [f"{RUN}-myth-{n}" for n in range(12)]


class Service:
    """The process, restarted at will."""

    def __init__(self, kafka: str, slack: LocalSlack, mail: LocalMail, folder: Path) -> None:
        self.database = folder / "alert.db"
        self.port = free_port(2)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MYTHWATCH_")},
            "MYTHWATCH_KAFKA_BOOTSTRAP": kafka,
            "MYTHWATCH_SESSION_TIMEOUT_S": "6",
            "MYTHWATCH_ALERT_DATABASE_URL": f"sqlite+aiosqlite:///{self.database}",
            "MYTHWATCH_ALERT_SLACK_TOKEN": slack.token,
            "MYTHWATCH_ALERT_SLACK_SIGNING_SECRET": slack.signing_secret,
            "MYTHWATCH_ALERT_SLACK_CHANNEL": slack.channel,
            "MYTHWATCH_ALERT_SLACK_BASE_URL": slack.base_url,
            "MYTHWATCH_ALERT_SLACK_INTERVAL_S": "0.05",
            "MYTHWATCH_ALERT_EDIT_INTERVAL_S": "0.3",
            "MYTHWATCH_ALERT_SMTP_HOST": mail.host,
            "MYTHWATCH_ALERT_SMTP_PORT": str(mail.port),
            "MYTHWATCH_ALERT_SMTP_STARTTLS": "false",
            "MYTHWATCH_ALERT_EMAIL_FROM": "mythwatch@hospital.example",
            "MYTHWATCH_ALERT_EMAIL_TO": "officer@hospital.example",
            "MYTHWATCH_ALERT_EMAIL_INTERVAL_S": "3600",
            "MYTHWATCH_ALERT_CONSOLE_PORT": str(self.port),
            "MYTHWATCH_ALERT_CONSOLE_PASSWORD": "a-long-password",
            "MYTHWATCH_ALERT_METRICS_PORT": str(self.port + 1),
            "MYTHWATCH_ALERT_MYTH_WAIT_S": "5",
        }
        self.log = (folder / "log").open("ab")
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.alert", env=self.environment, stdout=self.log, stderr=self.log
        )

    async def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return await self.process.wait()

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://127.0.0.1:{self.port + 1}{path}")

    async def until_ready(self) -> None:
        async with asyncio.timeout(60):
            while True:
                try:
                    if (await self.get("/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        if not self.database.exists():
            return []
        with sqlite3.connect(self.database) as database:
            try:
                return database.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []


@asynccontextmanager
async def service(kafka: str, folder: Path) -> AsyncIterator[tuple[Service, LocalSlack, LocalMail]]:
    async with local_slack(posts_per_second=None) as slack, local_mail() as mail:
        running = Service(kafka, slack, mail, folder)
        slack.set_interactivity_url(f"http://127.0.0.1:{running.port}/slack/interactions")
        await running.start()
        try:
            yield running, slack, mail
        finally:
            if running.process is not None and running.process.returncode is None:
                await running.end(signal.SIGKILL)
            running.log.close()


async def write(kafka: str, records: list[Record]) -> None:
    producer = ConfirmedProducer(kafka, "test")
    await producer.write(records)
    await producer.stop()


def verdict_record(post: str, author: str, myth: str, **more: object) -> Record:
    taken = verdict(post, f"words of {post}", author=author, myth=myth, at_ms=int(time.time() * 1000), **more)  # type: ignore[arg-type]
    return Record(VERDICTS, post, taken.verdict, taken.trace)


async def read_all(kafka: str, topic: str) -> list[tuple[bytes, bytes]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=None)
    await consumer.start()
    places = [
        TopicPartition(topic, number)
        for number in consumer.partitions_for_topic(topic) or await _partitions(consumer, topic)
    ]
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    found = []
    while any([await consumer.position(place) < ends[place] for place in places]):
        for records in (await consumer.getmany(timeout_ms=300)).values():
            found += [(record.key, record.value) for record in records]
    await consumer.stop()
    return found


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.force_metadata_update()
    return set(await consumer._client._wait_on_metadata(topic) or ())


@pytest.mark.timeout(240)
async def test_killed_at_random_every_case_is_told_exactly_once(kafka: str, tmp_path: Path) -> None:
    rng = random.Random(7)
    await write(kafka, [Record(MYTHS, myth, myth_event(myth), new_trace()) for myth in MYTH_IDS])
    posts = 1_200
    async with service(kafka, tmp_path) as (alert, slack, mail):
        writing = asyncio.create_task(_flow(kafka, posts))
        for _ in range(3):
            # Long enough for the killed member's partitions to move, so that the next kill hits work in hand.
            await asyncio.sleep(rng.uniform(6.5, 9.0))
            await alert.end(signal.SIGKILL)
            await alert.start()
        await writing
        mine = f"SELECT myth_id, posts FROM cases WHERE myth_id LIKE '{RUN}%' ORDER BY 1"
        expected = [(myth, posts // len(MYTH_IDS)) for myth in sorted(MYTH_IDS)]
        due = "channel = 'slack' OR next_attempt_ms < unixepoch() * 1000 OR state <> 'pending'"  # an e-mail on growth may wait for its hour
        unfinished = f"SELECT count(*) FROM notifications WHERE state <> 'sent' AND ({due})"
        async with asyncio.timeout(90):
            while alert.rows(mine) != expected or alert.rows(unfinished) != [(0,)]:
                await asyncio.sleep(0.3)
        wanted = {str(case) for (case,) in alert.rows(f"SELECT id FROM cases WHERE myth_id LIKE '{RUN}%'")}
        told = [m.metadata["event_payload"]["case_id"] for m in slack.workspace.messages if m.metadata]
        assert sorted(case for case in told if case in wanted) == sorted(wanted)
        for message in slack.messages:
            if message.metadata and message.metadata["event_payload"]["case_id"] in wanted:
                assert f"{posts // len(MYTH_IDS)} posts" in str(message.blocks)
        # By e-mail a case is one thread; a mail that had to be sent twice is the same mail to every reader.
        threads = [thread for thread in mail.threads() if thread[0].header("X-Mythwatch-Case") in wanted]
        assert len(threads) == len(wanted)
        firsts = {one.message_id for thread in threads for one in thread if not one.references}
        assert len(firsts) == len(wanted)

        assert await alert.end(signal.SIGTERM) == 0
    on_topic = [events.Notification.FromString(value) for _, value in await read_all(kafka, NOTIFICATIONS.name)]
    posted = {n.id for n in on_topic if n.case_id in wanted and n.channel == events.CHANNEL_SLACK}
    assert len(posted) >= len(wanted)
    latest = {key: events.MythCase.FromString(value) for key, value in await read_all(kafka, CASES.name)}
    assert {case.posts for case in latest.values() if case.id in wanted} == {posts // len(MYTH_IDS)}


async def _flow(kafka: str, posts: int) -> None:
    producer = ConfirmedProducer(kafka, "test")
    for start in range(0, posts, 40):
        batch = [
            verdict_record(f"{RUN}:{n}", f"author{n}", MYTH_IDS[n % len(MYTH_IDS)]) for n in range(start, start + 40)
        ]
        await producer.write(batch + batch[:5])
        await asyncio.sleep(0.8)
    await producer.stop()


async def test_a_day_of_the_service(kafka: str, tmp_path: Path) -> None:
    """Bad input, a click, a delete, the topics that it writes, its size, and a graceful stop."""
    myth = f"{RUN}-day"
    await write(kafka, [Record(MYTHS, myth, myth_event(myth, events.HARM_HIGH), new_trace())])
    bad = events.ClaimVerdict(
        id="x", flag=True, myth_id=myth, post=events.SocialPost(id=f"{RUN}:bad", action=1, received_ms=1)
    )
    async with service(kafka, tmp_path) as (alert, slack, mail):
        await alert.until_ready()
        await write(kafka, [Record(VERDICTS, f"{RUN}:bad", bad, new_trace())])
        await write(kafka, [verdict_record(f"{RUN}:d{n}", f"a{n}", myth) for n in range(3)])

        def ours() -> list[object]:
            return [m for m in slack.messages if f"words of {RUN}:d" in str(m.blocks)]

        async with asyncio.timeout(60):
            while not ours() or not [m for m in mail.mails if RUN in m.text]:
                await asyncio.sleep(0.1)
        (message,) = ours()
        answer = await slack.click(message.ts, "acknowledge")  # type: ignore[attr-defined]
        assert answer["ok"], answer
        await write(kafka, [verdict_record(f"{RUN}:d1", "a1", myth, action=DELETE)])
        async with asyncio.timeout(30):
            while "Acknowledged" not in str(message.blocks) or f"{RUN}:d1" in str(message.blocks):  # type: ignore[attr-defined]
                await asyncio.sleep(0.1)
        assert alert.process is not None
        resident = psutil.Process(alert.process.pid).memory_info().rss / 2**20
        assert resident < 300, f"{resident:.0f} MiB"
        scraped = (await alert.get("/metrics")).text
        assert 'mythwatch_notifications_total{channel="slack",outcome="sent"}' in scraped
        assert 'mythwatch_alert_seconds_count{channel="email"}' in scraped
        started = time.monotonic()
        assert await alert.end(signal.SIGTERM) == 0
        assert time.monotonic() - started < 10
    letters = [
        events.DeadLetter.FromString(value) for _, value in await read_all(kafka, dead_letter_topic("verdicts").name)
    ]
    assert any("post.text" in letter.reason for letter in letters)
    feedback = [events.Feedback.FromString(value) for _, value in await read_all(kafka, FEEDBACK.name)]
    (mine,) = [found for found in feedback if found.myth_id == myth]
    assert (mine.action, mine.via, mine.person) == (events.FEEDBACK_ACTION_ACKNOWLEDGE, "slack", "U04OFFICER1")


async def test_wrong_settings_are_one_line(kafka: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.alert", stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "MYTHWATCH_ALERT_SLACK_TOKN": "xoxb-secret"},
    )  # fmt: skip
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"did you mean MYTHWATCH_ALERT_SLACK_TOKEN" in errors
    assert b"xoxb-secret" not in errors
