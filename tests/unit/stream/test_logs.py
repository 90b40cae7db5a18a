"""Debug lines are ours alone: libraries write at that level what they carry, texts of posts included."""

from __future__ import annotations

import subprocess
import sys

LINES = """
import logging
from services.stream.logs import configure, log
from services.stream.settings import StreamSettings, load

configure("test", load(StreamSettings, {"MYTHWATCH_LOG_LEVEL": "debug"}))
logging.getLogger("websockets.client").debug("< TEXT a post")
logging.getLogger("aiosqlite").debug("executing INSERT a post")
log.debug("ours", action="try")
"""


def test_debug_level_shows_no_library_lines() -> None:
    done = subprocess.run([sys.executable, "-c", LINES], capture_output=True, text=True, check=True)
    assert "a post" not in done.stderr
    assert '"action": "try"' in done.stderr
