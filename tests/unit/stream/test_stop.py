"""A service ends in time, whatever hangs in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import free_port

SERVICE = """
import asyncio, os, sys, time
from services.stream import service

service.FORCED_AFTER_S = 1.0

async def body(settings, readiness, stopping):
    print("running", flush=True)
    await stopping.wait()
    if sys.argv[1] == "hangs":
        time.sleep(60)
    if sys.argv[1] == "thread":
        from mode.threads import WorkerThread
        WorkerThread(None, target=None).start()

from mode import threads
threads.WorkerThread.run = lambda self: time.sleep(60)
service.run_service("test", body, port=lambda: int(os.environ["PORT"]), port_setting="PORT")
"""


@pytest.mark.parametrize(
    ("what", "code", "said"), [("ends", 0, "stop"), ("hangs", 1, "stop_forced"), ("thread", 0, "stop")]
)
def test_a_service_ends_in_time(what: str, code: int, said: str) -> None:
    environment = {**os.environ, "PORT": str(free_port())}
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, what],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert service.stdout is not None
    assert service.stdout.readline() == "running\n"
    started = time.monotonic()
    service.send_signal(signal.SIGTERM)
    _, errors = service.communicate(timeout=30)
    assert service.returncode == code
    assert time.monotonic() - started < 5
    assert f'"action": "{said}"' in errors
