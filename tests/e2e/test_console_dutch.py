"""The console in Dutch, in real Chromium: what templates, script and store say."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.e2e.console_desk import MYTH, Desk, assert_accessible, picture, running_desk, sign_in, until


@pytest.fixture(scope="module")
async def desk(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with running_desk(kafka, tmp_path_factory.mktemp("dutch"), "nl") as desk:
        yield desk


async def test_an_officer_works_in_dutch(desk: Desk, visit: Callable[..., Awaitable[Page]]) -> None:
    await desk.publish_myths(MYTH)
    await desk.post(6)
    await until(lambda: desk.message() is not None)
    page = await visit()
    await sign_in(page, desk)
    await expect(page.locator("html")).to_have_attribute("lang", "nl")
    row = page.locator(f"#row-{desk.case()}")
    await expect(row.locator(".badge")).to_have_text("Reageren")
    await expect(row).to_contain_text("accounts plaatsten het 6 keer")
    # The script says the same as the server did.
    await expect(row.locator("time").first).to_have_text(re.compile("zojuist|min geleden"))
    await row.locator(".pick").check()
    await expect(page.locator("#picked")).to_have_text("Beslis over 1 gekozen verhaal")
    await assert_accessible(page, "inbox")
    await picture(page, "dutch-inbox")

    await page.goto(f"{desk.url}/cases/{desk.case()}")
    await page.get_by_role("button", name="Oppakken").click()
    await expect(page.locator("#outcome")).to_contain_text("Opgepakt.")
    await expect(page.locator(".logs")).to_contain_text("Opgepakt door officer in de console")
    post = page.locator(".post").first
    await expect(post).to_contain_text("De woorden: “")
    await expect(post.locator("mark")).to_be_visible()
    await assert_accessible(page, "case")
    await picture(page, "dutch-case")
    message = desk.message()
    assert message is not None
    await until(lambda: "Opgepakt door officer" in str(message.blocks))
    for path in ("insight", "myths", "team"):
        await page.goto(f"{desk.url}/{path}")
        await assert_accessible(page, path)
        await picture(page, f"dutch-{path}")
