"""The console in real Chromium, before the real alert service on a real Kafka: what the officer does, Slack shows.

Pictures of each page are left in the folder named by MYTHWATCH_TEST_PICTURES, when it is set.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import yaml
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from services.alert.grouping import Taken, case_id
from services.alert.people import MAY, Act, Role, hashed
from services.classify.knowledge_base import load
from services.command.local_slack import LocalSlack, Message, local_slack
from services.command.publish_myths import event_of
from services.command.screenshots import ARGS, chromium
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

    def __init__(self, kafka: str, slack: LocalSlack, folder: Path) -> None:
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
            event.claim["en"] = f"{event.claim['en'].rstrip('.')} ({self.run})."
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
        post = events.SocialPost(
            id=f"bluesky:{self.run}-{myth}-{number}", action=events.POST_ACTION_CREATE, text=f"{said[number % len(said)]} #{number}",
            platform=("bluesky", "mastodon")[number % 3 == 0], language="en", author=content_id("author", number),
            url=f"https://bsky.app/profile/example/post/{number}", created_ms=at_ms, received_ms=at_ms + 200,
        )  # fmt: skip
        return Taken(
            events.ClaimVerdict(
                id=content_id("verdict", post.id), post=post, kind=events.POST_KIND_CLAIM, health=0.98, claim=0.95, flag=True,
                flag_score=0.8 + number % 15 / 100, stance=events.STANCE_ENDORSE, stance_score=0.94, classified_ms=at_ms + 300,
                candidates=[events.Candidate(myth_id=self.myth_id(myth), score=0.9)], myth_id=self.myth_id(myth),
                reasons=["Asserts it as a fact and recommends it to others."], model_version="tests",
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


@pytest.fixture(scope="module")
async def desk(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with local_slack(posts_per_second=None) as slack:
        desk = Desk(kafka, slack, tmp_path_factory.mktemp("console"))
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


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=list(ARGS))
        yield opened
        await opened.close()


@pytest.fixture
async def visit(browser: Browser, desk: Desk) -> AsyncIterator[Callable[..., Awaitable[Page]]]:
    """Opens a page; the test fails when a page broke its policy or a script failed."""
    problems: list[str] = []
    contexts: list[BrowserContext] = []

    async def open_page(size: str = "desktop", dark: bool = False) -> Page:
        context = await browser.new_context(
            viewport=SIZES[size],  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light", is_mobile=size == "phone", has_touch=size == "phone",
            permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(desk.url) else problems.append(request.url))
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert not problems


async def sign_in(page: Page, desk: Desk, path: str = "/", user: str = "officer") -> None:
    await page.goto(desk.url + path)
    await page.get_by_label("Name").fill(user)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(desk.url + path)


async def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("MYTHWATCH_TEST_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def assert_accessible(page: Page, where: str) -> None:
    found = await Axe().run(page)
    wrong = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found.response["violations"]]
    assert not wrong, (where, wrong)


async def test_acknowledging_a_case_edits_its_slack_message(desk: Desk, visit: Callable[..., Awaitable[Page]]) -> None:
    await desk.publish_myths(MYTH)
    await desk.post(6)
    await until(lambda: desk.message() is not None)
    message = desk.message()
    assert message is not None
    assert "Acknowledged" not in str(message.blocks)
    await until(lambda: "#5" in str(message.blocks) or "6 posts" in str(message.blocks))

    page = await visit()
    await sign_in(page, desk)
    row = page.locator(f"#row-{desk.case()}")
    await expect(row).to_contain_text(desk.run)
    await expect(row.locator(".badge")).to_have_text("Respond")
    await expect(page).to_have_title("(1) Inbox · Mythwatch")

    # By keyboard alone: to the case, then to its first button.
    link = row.get_by_role("link")
    for _ in range(40):
        if await link.evaluate("link => link === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text(desk.run)
    await expect(page.locator(".case-head .badge")).to_have_text("Respond")
    button = page.get_by_role("button", name="Acknowledge")
    for _ in range(20):
        if await button.evaluate("button => button === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(button).to_be_focused()
    edits = message.updates
    await page.keyboard.press("Enter")

    outcome = page.locator("#outcome")
    await expect(outcome).to_contain_text("Acknowledged.")
    await expect(outcome).to_be_focused()
    await expect(page.locator(".case-head .status")).to_have_text("Acknowledged by officer")
    await expect(page.locator(".log").last).to_contain_text("Acknowledged by officer in the console")
    await until(lambda: message.updates > edits)
    assert desk.message() is message, "the same message, not another one"
    assert "Acknowledged by officer" in str(message.blocks)
    assert [call["method"] for call in desk.slack.calls if call["ts"] == message.ts].count("chat.postMessage") == 1
    # And the page follows what became of it, without being asked.
    await expect(page.locator(".logs")).to_contain_text("message edited")


async def test_the_inbox_follows_what_happens_and_keeps_the_reader_s_place(
    desk: Desk, visit: Callable[..., Awaitable[Page]]
) -> None:
    myth = "vaccines-cause-autism"
    page = await visit()
    await sign_in(page, desk)
    await desk.publish_myths(myth)
    await desk.post(3, myth=myth)
    row = page.locator(f"#row-{desk.case(myth)}")
    await expect(row.locator(".figures")).to_contain_text("3")
    link = row.get_by_role("link")
    await link.focus()
    await desk.post(4, start=3, myth=myth)
    await expect(row.locator(".figures dd").first).to_have_text("7")
    await expect(link).to_be_focused()
    await page.get_by_label("Search claims").press_sequentially("autism " + desk.run, delay=5)
    await expect(page.locator(".row")).to_have_count(1)
    await expect(page).to_have_url(f"{desk.url}/?q=autism+{desk.run}")
    await page.get_by_label("Search claims").fill("nothing says this")
    await expect(page.locator(".empty")).to_contain_text("No claim matches")


async def test_several_cases_are_decided_on_while_the_list_stands_still(
    desk: Desk, visit: Callable[..., Awaitable[Page]]
) -> None:
    myths = ("measles-is-a-harmless-childhood-illness", "garlic-replaces-blood-pressure-tablets")
    await desk.publish_myths(*myths)
    for number, myth in enumerate(myths):
        await desk.post(4, start=400 + 10 * number, myth=myth)
    page = await visit()
    await sign_in(page, desk)
    rows = [page.locator(f"#row-{desk.case(myth)}") for myth in myths]
    bar = page.get_by_role("button", name="Mute for 24 hours")
    await expect(rows[1]).to_be_visible()
    await expect(bar).to_be_hidden()
    await rows[0].locator(".pick").check()
    await rows[1].get_by_role("link").focus()
    await page.keyboard.press("x")
    await expect(page.locator("#picked")).to_have_text("Decide on 2 chosen narratives")
    await desk.post(3, start=450, myth=myths[0])
    await asyncio.sleep(4)  # longer than any page asks
    await expect(rows[0].locator(".pick")).to_be_checked()
    await bar.click()
    await expect(page.locator(".notice.done")).to_have_text("2 narratives muted.")
    for row in rows:
        await expect(row).to_have_count(0)


async def test_a_reason_being_typed_survives_new_posts_and_is_kept(
    desk: Desk, visit: Callable[..., Awaitable[Page]]
) -> None:
    myth = "cutting-out-sugar-starves-cancer"
    await desk.publish_myths(myth)
    await desk.post(4, myth=myth)
    await until(lambda: desk.message(myth) is not None)
    page = await visit()
    await sign_in(page, desk, f"/cases/{desk.case(myth)}")
    await page.get_by_text("Not a myth…").click()
    note = page.get_by_label("Why is it not a myth?")
    await note.press_sequentially("It is the title ")
    await desk.post(3, start=4, myth=myth)
    await page.locator("h1").click()  # the focus leaves the field: what was typed stays
    await expect(page.locator(".spread .figures dd").first).to_have_text("7")
    await expect(note).to_have_value("It is the title ")
    await note.press_sequentially("of a film.")
    await page.get_by_role("button", name="Not a myth").click()
    await expect(page.locator(".case-head .status")).to_have_text("Judged not a myth by officer")
    await expect(page.locator(".logs")).to_contain_text("It is the title of a film.")
    message = desk.message(myth)
    assert message is not None
    await until(lambda: "Not a myth" in str(message.blocks[0]))
    await page.get_by_role("button", name="Reopen").click()
    await expect(page.locator(".case-head .status")).to_have_text("Open")


@pytest.mark.parametrize(("size", "dark"), [("desktop", False), ("desktop", True), ("phone", False), ("phone", True)])
async def test_every_page_is_accessible_and_fits(
    desk: Desk, visit: Callable[..., Awaitable[Page]], size: str, dark: bool
) -> None:
    await desk.publish_myths(MYTH)
    await desk.post(30, start=100, spread_ms=5 * 3_600_000)
    page = await visit(size, dark)
    named = f"{size}{'-dark' if dark else ''}"
    await page.goto(desk.url)
    await assert_accessible(page, "sign-in")
    await picture(page, f"{named}-sign-in")
    await sign_in(page, desk)
    for path, name in (
        ("/?status=all", "inbox"),
        (f"/cases/{desk.case()}", "case"),
        ("/?q=nothing", "empty"),
        ("/insight", "insight"),
        ("/myths?q=" + desk.run, "myths"),
        (f"/myths/{desk.myth_id(MYTH)}", "myth"),
        ("/team", "team"),
        ("/?status=all&q=" + desk.run, "chosen"),
    ):
        await page.goto(desk.url + path)
        if name == "chosen":
            await page.locator(".pick").first.check()
        if name == "case":
            await page.get_by_text("Not a myth…").click()
            await page.get_by_text("The figures as a table").click()
        await assert_accessible(page, f"{named} {name}")
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            f"{named} {name} is too wide"
        )
        await picture(page, f"{named}-{name}")


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_finds_its_pages_accessible_and_only_its_buttons(
    desk: Desk, visit: Callable[..., Awaitable[Page]], role: Role
) -> None:
    await desk.publish_myths(MYTH)
    await desk.post(4, start=300)
    page = await visit()
    await sign_in(page, desk, f"/cases/{desk.case()}", role.value)
    await expect(page.get_by_role("heading", level=1)).to_contain_text(desk.run)
    await expect(page.get_by_text("Write another…")).to_have_count(4 if Act.PROPOSE in MAY[role] else 0)
    await expect(page.get_by_text("Mark as answered…")).to_have_count(1 if Act.DECIDE in MAY[role] else 0)
    await expect(page.get_by_text("Merge…")).to_have_count(1 if Act.ARRANGE in MAY[role] else 0)
    for path in (
        f"/cases/{desk.case()}",
        "/?status=all",
        "/insight",
        "/team",
        "/myths",
        f"/myths/{desk.myth_id(MYTH)}",
    ):
        await page.goto(desk.url + path)
        await assert_accessible(page, f"{role.value} {path}")
    await picture(page, f"insight-{role.value}")


async def test_copying_the_suggested_answer_and_working_without_script(
    desk: Desk, visit: Callable[..., Awaitable[Page]], browser: Browser
) -> None:
    await desk.publish_myths(MYTH)
    await desk.post(3, start=200)
    page = await visit()
    await sign_in(page, desk, f"/cases/{desk.case()}")
    await page.get_by_role("button", name="Copy the answer for Long").click()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == (await page.locator("#answer").inner_text()).strip()

    plain = await (await browser.new_context(java_script_enabled=False)).new_page()
    await sign_in(plain, desk, f"/cases/{desk.case()}")
    await plain.get_by_role("button", name="24 hours").click()
    await expect(plain.locator(".case-head .status")).to_contain_text("Muted by officer")
    await plain.get_by_role("button", name="Reopen").click()
    await expect(plain.locator(".case-head .status")).to_have_text("Open")
    await plain.get_by_role("button", name="Sign out").click()
    await expect(plain.get_by_role("heading", name="Sign in")).to_be_visible()
    await plain.context.close()
