"""The console in real Chromium, before the real alert service on a real Kafka: what the officer does, Slack shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, expect

from services.alert.people import MAY, Act, Role
from tests.e2e.console_desk import MYTH, Desk, assert_accessible, picture, running_desk, sign_in, until


@pytest.fixture(scope="module")
async def desk(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with running_desk(kafka, tmp_path_factory.mktemp("console")) as desk:
        yield desk


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
