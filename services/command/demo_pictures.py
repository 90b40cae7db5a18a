"""The README's pictures, taken from a running demo: the console, a case, the Slack message, the mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.command.demo_settings import DemoSettings
from services.command.screenshots import ARGS, SIZES, chromium

DEMO_OFFICER, DEMO_PASSWORD = "officer", "demo-officer"


async def draw_demo(settings: DemoSettings, folder: Path) -> list[Path]:
    """Write console.png, case.png, console-phone.png, slack.png and mail.png into `folder`; returns their paths.

    Raises NoBrowser when there is no Chromium.
    """
    # Playwright is for development: the product runs without it.
    from playwright.async_api import async_playwright

    folder.mkdir(parents=True, exist_ok=True)
    console = f"http://127.0.0.1:{settings.console_port}"
    messages = f"http://127.0.0.1:{settings.messages_port}"
    drawn: list[Path] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(ARGS))

        async def shot(page: Any, name: str, element: str = "") -> None:
            path = folder / f"{name}.png"
            target = page.locator(element).first if element else page
            await target.screenshot(path=path)
            drawn.append(path)

        try:
            width, height, scale = SIZES["desktop"]
            page = await browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
            await page.goto(console)
            await page.fill("input[name=user]", DEMO_OFFICER)
            await page.fill("input[name=password]", DEMO_PASSWORD)
            await page.press("input[name=password]", "Enter")
            await page.wait_for_load_state("load")
            await page.wait_for_timeout(800)
            await shot(page, "console")
            await page.set_viewport_size({"width": SIZES["phone"][0], "height": SIZES["phone"][1]})
            await shot(page, "console-phone")
            await page.set_viewport_size({"width": width, "height": 1500})
            await page.locator("a[href*='/cases/']").first.click()
            await page.wait_for_load_state("load")
            await page.wait_for_timeout(500)
            await shot(page, "case")
            await page.set_viewport_size({"width": 1000, "height": 2400})
            await page.goto(f"{messages}/")
            await page.wait_for_timeout(500)
            await shot(page, "slack", ".message")
            await page.set_viewport_size({"width": 1100, "height": 1000})
            await page.goto(f"{messages}/mail")
            await page.locator("a.row").first.click()
            await page.wait_for_timeout(500)
            await shot(page, "mail")
        finally:
            await browser.close()
    return drawn
