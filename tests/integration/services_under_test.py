"""The three services as a user runs them, each a process, on the test's broker, Slack-like server and mail server."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from services.command.embedded_kafka import PROJECT
from services.command.local_mail import LocalMail
from services.command.local_slack.server import LocalSlack
from tests.conftest import free_port

SERVICES = ("ingest", "classify", "alert")
API_KEY = "a key of the tests, long enough"
CONSOLE_PASSWORD = "officer-of-the-tests"


class RunningServices:
    """Starts, kills and restarts services; `stop` ends whatever runs."""

    def __init__(self, bootstrap: str, home: Path, slack: LocalSlack, mail: LocalMail, **more: str) -> None:
        first = free_port(5)
        self.ingest_port, self.console_port = first, first + 1
        self.metrics_ports = dict(zip(SERVICES, range(first + 2, first + 5), strict=True))
        self.home = home
        self.database = home / "alert.db"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        slack.set_interactivity_url(f"http://127.0.0.1:{self.console_port}/slack/interactions")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MYTHWATCH_")},
            "MYTHWATCH_KAFKA_BOOTSTRAP": bootstrap,
            "MYTHWATCH_SESSION_TIMEOUT_S": "6",
            "MYTHWATCH_INGEST_SOURCES": "http",
            "MYTHWATCH_INGEST_AUTHOR_KEY": "a key for the authors of the tests",
            "MYTHWATCH_INGEST_API_KEY": API_KEY,
            "MYTHWATCH_INGEST_HTTP_PORT": str(self.ingest_port),
            "MYTHWATCH_INGEST_METRICS_PORT": str(self.metrics_ports["ingest"]),
            "MYTHWATCH_INGEST_STATE_DIR": str(home / "ingest"),
            "MYTHWATCH_CLASSIFY_METRICS_PORT": str(self.metrics_ports["classify"]),
            "MYTHWATCH_ALERT_METRICS_PORT": str(self.metrics_ports["alert"]),
            "MYTHWATCH_ALERT_CONSOLE_PORT": str(self.console_port),
            "MYTHWATCH_ALERT_CONSOLE_PASSWORD": CONSOLE_PASSWORD,
            "MYTHWATCH_ALERT_DATABASE_URL": f"sqlite+aiosqlite:///{self.database}",
            "MYTHWATCH_ALERT_SLACK_TOKEN": slack.token,
            "MYTHWATCH_ALERT_SLACK_SIGNING_SECRET": slack.signing_secret,
            "MYTHWATCH_ALERT_SLACK_CHANNEL": slack.channel,
            "MYTHWATCH_ALERT_SLACK_BASE_URL": slack.base_url,
            "MYTHWATCH_ALERT_SMTP_HOST": "127.0.0.1",
            "MYTHWATCH_ALERT_SMTP_PORT": str(mail.port),
            "MYTHWATCH_ALERT_SMTP_STARTTLS": "false",
            "MYTHWATCH_ALERT_EMAIL_FROM": "mythwatch@hospital.example",
            "MYTHWATCH_ALERT_EMAIL_TO": "officer@hospital.example",
            "MYTHWATCH_ALERT_EDIT_INTERVAL_S": "1",
            **more,
        }

    @property
    def ingest_url(self) -> str:
        return f"http://127.0.0.1:{self.ingest_port}"

    @property
    def console_url(self) -> str:
        return f"http://127.0.0.1:{self.console_port}"

    def start(self, *names: str) -> None:
        for name in names or SERVICES:
            with (self.home / f"{name}.log").open("ab") as log:
                self._processes[name] = subprocess.Popen(
                    [sys.executable, "-m", f"services.{name}"],
                    cwd=PROJECT, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip

    def kill(self, name: str) -> None:
        """SIGKILL: no chance to tidy up."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def terminate(self, name: str, timeout: float = 12.0) -> int:
        """SIGTERM; returns the exit code."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout)

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()

    def log(self, name: str) -> str:
        return (self.home / f"{name}.log").read_text(errors="replace")

    async def ready(self, *names: str, timeout: float = 90.0) -> None:
        """Until each says so on /readyz; fails with its log when it has ended."""
        deadline = time.monotonic() + timeout
        async with httpx.AsyncClient(timeout=2) as client:
            for name in names or SERVICES:
                while True:
                    try:
                        if (await client.get(f"http://127.0.0.1:{self.metrics_ports[name]}/readyz")).status_code == 200:
                            break
                    except httpx.HTTPError:
                        pass
                    ended = self._processes[name].poll()
                    assert ended is None, f"{name} ended with {ended}: {self.log(name)[-3000:]}"
                    assert time.monotonic() < deadline, f"{name} is not ready: {self.log(name)[-3000:]}"
                    await asyncio.sleep(0.2)

    async def metrics(self, name: str) -> str:
        async with httpx.AsyncClient(timeout=5) as client:
            return (await client.get(f"http://127.0.0.1:{self.metrics_ports[name]}/metrics")).text
