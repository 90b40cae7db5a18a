"""Pictures of the pages for the README and for looking at one's own work: Playwright with the system's Chromium.

`python -m services.command.screenshots http://127.0.0.1:8025/ docs/slack.png [--phone] [--dark] [--element CSS]`
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Literal

ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync")
# Width and height in CSS pixels, and device pixels a CSS pixel.
SIZES: dict[str, tuple[int, int, float]] = {"desktop": (1280, 860, 2), "phone": (390, 844, 2)}
NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(RuntimeError):
    """There is no Chromium on this machine; the message names what to install."""


def chromium() -> str:
    """Path of the system's Chromium; raises NoBrowser."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise NoBrowser("no Chromium found; install it with: apt-get install -y chromium")


def screenshot(
    url: str,
    path: Path,
    size: Literal["desktop", "phone"] = "desktop",
    *,
    dark: bool = False,
    element: str | None = None,
    width: int | None = None,
    height: int | None = None,
    settle_ms: int = 300,
) -> Path:
    """Write a PNG of `url` (or of the first `element` in it) to `path` and return it; `settle_ms` waits for live parts."""
    # Playwright is for development: the product runs without it.
    from playwright.sync_api import sync_playwright

    usual_width, usual_height, scale = SIZES[size]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(ARGS))
        try:
            page = browser.new_page(
                viewport={"width": width or usual_width, "height": height or usual_height},
                device_scale_factor=scale,
                is_mobile=size == "phone",
                color_scheme="dark" if dark else "light",
            )
            page.goto(url, wait_until="load")
            page.wait_for_timeout(settle_ms)
            path.parent.mkdir(parents=True, exist_ok=True)
            if element:
                # A part inside a scrolling region is cut off unless the window is tall enough to show all of it.
                part = page.locator(element).first
                box = part.bounding_box()
                page.set_viewport_size(
                    {"width": width or usual_width, "height": int(box["height"] if box else 0) + 400}
                )
                part.screenshot(path=path)
            else:
                page.screenshot(path=path)
        finally:
            browser.close()
    return path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m services.command.screenshots", description="A picture of a page.")
    parser.add_argument("url")
    parser.add_argument("path", type=Path)
    parser.add_argument("--phone", action="store_true")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--element", help="CSS selector of the part to show")
    parser.add_argument("--width", type=int)
    parser.add_argument("--height", type=int)
    given = parser.parse_args()
    try:
        size: Literal["desktop", "phone"] = "phone" if given.phone else "desktop"
        screenshot(
            given.url, given.path, size, dark=given.dark, element=given.element, width=given.width, height=given.height
        )
    except NoBrowser as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
