"""The page of received messages in real Chromium: it follows what arrives, and its buttons are Slack's."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright, expect
from slack_sdk.web.async_client import AsyncWebClient

from services.command.local_messages import LocalMessages, start_local_messages
from services.command.screenshots import ARGS, chromium

CONFIRM = {
    "title": {"type": "plain_text", "text": "Sure?"},
    "text": {"type": "plain_text", "text": "Nobody is told again."},
    "confirm": {"type": "plain_text", "text": "Yes"},
    "deny": {"type": "plain_text", "text": "No"},
}


def blocks(posts: int) -> list[dict[str, object]]:
    def button(action: str, **more: object) -> dict[str, object]:
        return {
            "type": "button",
            "action_id": action,
            "value": "c",
            "text": {"type": "plain_text", "text": action},
            **more,
        }

    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{posts} posts*"}},
        {
            "type": "actions",
            "block_id": "b",
            "elements": [button("acknowledge"), button("not_a_myth", confirm=CONFIRM)],
        },
    ]


@pytest.fixture
async def received() -> AsyncIterator[LocalMessages]:
    running = await start_local_messages("127.0.0.1", 0, 0, "xoxb-1", "secret")
    yield running
    await running.stop()


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(ARGS))
        opened = await browser.new_page()
        yield opened
        await browser.close()


async def test_a_message_appears_grows_in_place_and_its_button_edits_it(received: LocalMessages, page: Page) -> None:
    slack = AsyncWebClient(token="xoxb-1", base_url=received.slack.base_url)
    clicks: list[str] = []

    async def endpoint(request: web.Request) -> web.Response:
        clicks.append(str((await request.post())["payload"]))
        await slack.chat_update(channel=received.slack.channel, ts=ts, text="acknowledged")
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/slack/interactions", endpoint)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    received.slack.set_interactivity_url(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/interactions")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))

    await page.goto(received.url)
    await expect(page.locator(".nothing")).to_be_visible()
    ts = (await slack.chat_postMessage(channel=received.slack.channel, text="12", blocks=blocks(12)))["ts"]
    await expect(page.locator(".message")).to_contain_text("12 posts")
    await slack.chat_update(channel=received.slack.channel, ts=ts, text="13", blocks=blocks(13))
    await expect(page.locator(".message")).to_contain_text("13 posts")
    await expect(page.locator(".message")).to_have_count(1)

    asked: list[str] = []

    async def deny(dialog: object) -> None:
        asked.append(dialog.message)  # type: ignore[attr-defined]
        await dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", deny)
    await page.click("[data-action=not_a_myth]")
    assert asked == ["Nobody is told again."]
    assert clicks == []
    await page.click("[data-action=acknowledge]")
    await expect(page.locator(".message")).to_contain_text("acknowledged")
    assert len(clicks) == 1
    assert problems == []
    await runner.cleanup()
