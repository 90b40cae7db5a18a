"""The alert service on a real Kafka, the Slack it tells, and a browser before its console: what the console's tests have in common.

Pictures of each page are left in the folder named by MYTHWATCH_TEST_PICTURES, when it is set.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import yaml
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from services.alert.grouping import Taken, case_id
from services.alert.people import Role, hashed
from services.classify.knowledge_base import load
from services.command.local_slack import LocalSlack, Message, local_slack
from services.command.publish_myths import event_of
from services.stream import events_pb2 as events
from services.stream.codec import Record, content_id, new_trace
from services.stream.producer import ConfirmedProducer
from services.stream.topics import MYTHS, VERDICTS
from tests.conftest import free_port

PASSWORD = "the officer's password"
MYTH = "herbs-replace-diabetes-medicine"
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


class Desk:
    """The running alert service, the Slack it tells, and a way to feed it posts."""

    def __init__(self, kafka: str, slack: LocalSlack, folder: Path, language: str = "en") -> None:
        self.slack, self.folder = slack, folder
        # Other tests share the broker's topics: this test's myths are its own, so that its cases are too.
        self.run = f"console-{os.getpid()}-{time.monotonic_ns() % 10**6}"
        self.port = free_port(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.producer = ConfirmedProducer(kafka, "classify")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MYTHWATCH_")},
            "MYTHWATCH_KAFKA_BOOTSTRAP": kafka,
            "MYTHWATCH_SESSION_TIMEOUT_S": "6",
            "MYTHWATCH_ALERT_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'alert.db'}",
            "MYTHWATCH_ALERT_SLACK_TOKEN": slack.token,
            "MYTHWATCH_ALERT_SLACK_SIGNING_SECRET": slack.signing_secret,
            "MYTHWATCH_ALERT_SLACK_CHANNEL": slack.channel,
            "MYTHWATCH_ALERT_SLACK_BASE_URL": slack.base_url,
            "MYTHWATCH_ALERT_SLACK_INTERVAL_S": "0.1",
            "MYTHWATCH_ALERT_EDIT_INTERVAL_S": "0.3",
            "MYTHWATCH_ALERT_MYTH_WAIT_S": "5",
            "MYTHWATCH_ALERT_CONSOLE_PORT": str(self.port),
            "MYTHWATCH_ALERT_METRICS_PORT": str(self.port + 1),
            "MYTHWATCH_ALERT_PEOPLE": str(folder / "people.yaml"),
            "MYTHWATCH_ALERT_LANGUAGE": language,
        }
        password = hashed(PASSWORD)
        people = {role.value: {"role": role.value, "password": password} for role in Role}
        (folder / "people.yaml").write_text(yaml.safe_dump(people), encoding="utf-8")
        self.myths = {myth.id: event_of(myth) for myth in load()}

    def myth_id(self, myth: str) -> str:
        return f"{self.run}-{myth}"

    def case(self, myth: str = MYTH) -> str:
        return case_id(self.myth_id(myth))

    async def publish_myths(self, *ids: str) -> None:
        records = []
        for name in ids:
            event = events.Myth()
            event.CopyFrom(self.myths[name])
            event.id = self.myth_id(name)
            # A mark in the claim finds this run's cases among those of other tests.
            for language in event.claim:
                event.claim[language] = f"{event.claim[language].rstrip('.')} ({self.run})."
            records.append(Record(MYTHS, event.id, event, new_trace()))
        await self.producer.write(records)

    async def post(self, count: int, start: int = 0, myth: str = MYTH, spread_ms: int = 60_000) -> None:
        """`count` verdicts on posts that repeat `myth`, numbered from `start`, over the last `spread_ms`."""
        now_ms = int(time.time() * 1000)
        taken = [self.verdict(number, myth, now_ms - spread_ms * (count - 1 - index) // count) for index, number in
                 enumerate(range(start, start + count))]  # fmt: skip
        await self.producer.write([Record(VERDICTS, item.verdict.post.id, item.verdict, item.trace) for item in taken])

    def verdict(self, number: int, myth: str, at_ms: int) -> Taken:
        said = self.myths[myth].said_as
        words = said[number % len(said)]
        post = events.SocialPost(
            id=f"bluesky:{self.run}-{myth}-{number}", action=events.POST_ACTION_CREATE, text=f"{words} #{number}",
            platform=("bluesky", "mastodon")[number % 3 == 0], language="en", author=content_id("author", number),
            url=f"https://bsky.app/profile/example/post/{number}", created_ms=at_ms, received_ms=at_ms + 200,
        )  # fmt: skip
        return Taken(
            events.ClaimVerdict(
                id=content_id("verdict", post.id), post=post, kind=events.POST_KIND_CLAIM, health=0.98, claim=0.95, flag=True,
                flag_score=0.8 + number % 15 / 100, stance=events.STANCE_ENDORSE, stance_score=0.94, classified_ms=at_ms + 300,
                candidates=[events.Candidate(myth_id=self.myth_id(myth), score=0.9)], myth_id=self.myth_id(myth),
                reasons=["Asserts it as a fact and recommends it to others.", f"Its words: “{words}”"], model_version="tests",
            ),
            new_trace(),
        )  # fmt: skip

    def message(self, myth: str = MYTH) -> Message | None:
        """The Slack message about a myth of this test; never more than one."""
        found = [message for message in self.slack.messages if self.case(myth) in str(message.blocks)]
        assert len(found) < 2
        return found[0] if found else None


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Wait until `true()` is."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running_desk(kafka: str, folder: Path, language: str = "en") -> AsyncIterator[Desk]:
    """A desk whose alert service is ready."""
    async with local_slack(posts_per_second=None) as slack:
        desk = Desk(kafka, slack, folder, language)
        with (desk.folder / "log").open("wb") as log:
            service = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "services.alert", env=desk.environment, stdout=log, stderr=log
            )
            try:
                async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
                    while True:
                        assert service.returncode is None, (desk.folder / "log").read_text()[-2_000:]
                        try:
                            if (await client.get(f"http://127.0.0.1:{desk.port + 1}/readyz")).status_code == 200:
                                break
                        except httpx.TransportError:
                            pass
                        await asyncio.sleep(0.1)
                yield desk
            finally:
                await desk.producer.stop()
                if service.returncode is None:
                    service.send_signal(signal.SIGTERM)
                await service.wait()


async def sign_in(page: Page, desk: Desk, path: str = "/", user: str = "officer") -> None:
    await page.goto(desk.url + path)
    await page.locator("#user").fill(user)
    await page.locator("#password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(desk.url + path)


async def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("MYTHWATCH_TEST_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def assert_accessible(page: Page, where: str) -> None:
    found = await Axe().run(page)
    wrong = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found.response["violations"]]
    assert not wrong, (where, wrong)
