"""A real Chromium, and pages in it that may break nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from services.command.screenshots import ARGS, chromium
from tests.e2e.console_desk import SIZES, Desk


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
