"""The demo's processes: embedded Kafka, and the services under honcho, each with its environment; stopped together."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from services.command.demo_officer import routes
from services.command.demo_settings import DemoSettings
from services.command.embedded_kafka import PROJECT, EmbeddedKafka
from services.stream.ports import require_free

STOP_WITHIN_S = 15.0
PROCFILE = PROJECT / "deploy" / "Procfile"


class DemoProcesses:
    """State lives under `home`; `live` keeps it from run to run and reads Bluesky instead of the sample stream."""

    def __init__(self, settings: DemoSettings, home: Path, live: bool) -> None:
        self.settings = settings
        self.home = home
        self.live = live
        self.kafka = EmbeddedKafka(home / "kafka", settings.kafka_port)
        self.log = home / "services.log"
        self.api_key = secrets.token_hex(16)
        self.slack_token, self.slack_signing_secret = "xoxb-" + secrets.token_hex(16), secrets.token_hex(16)
        self._services: subprocess.Popen[bytes] | None = None

    def start_kafka(self) -> None:
        """Check every port, begin with an empty state unless live, start the broker.

        Raises PortTaken and BrokerError.
        """
        if self.kafka.running_pid() is not None:  # left by a run that was killed
            self.kafka.stop()
        for port, setting in self.settings.ports():
            require_free(port, setting)
        if not self.live and self.home.exists():
            shutil.rmtree(self.home)
        self.home.mkdir(parents=True, exist_ok=True)
        self.kafka.start()

    def start_services(self) -> None:
        """Start the local Slack and mail servers and the three services; their output goes to `log`."""
        (self.home / "routes.yaml").write_text(routes(datetime.now(UTC)), encoding="utf-8")
        with self.log.open("ab") as log:
            self._services = subprocess.Popen(
                [sys.executable, "-m", "honcho", "start", "--no-colour", "-f", str(PROCFILE), "-d", str(PROJECT)],
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def failed(self) -> bool:
        """True when a service has ended: honcho then ends the others."""
        return self._services is not None and self._services.poll() is not None

    def stop(self) -> None:
        """Stop everything; leaves no process."""
        if self._services is not None:
            group = self._services.pid
            self._services.terminate()
            try:
                self._services.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._services.wait()
            self._services = None
        self.kafka.stop()

    def environment(self) -> dict[str, str]:
        """What the services read; secrets are drawn anew for each run, the author key is kept while the state is."""
        ports = self.settings
        slack = f"http://127.0.0.1:{ports.messages_port}"
        console = f"http://127.0.0.1:{ports.console_port}"
        own = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONUNBUFFERED": "1",
            "MYTHWATCH_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "MYTHWATCH_INGEST_SOURCES": "jetstream,http" if self.live else "http",
            "MYTHWATCH_INGEST_AUTHOR_KEY": self._kept_secret("author.key"),
            "MYTHWATCH_INGEST_API_KEY": self.api_key,
            "MYTHWATCH_INGEST_HTTP_PORT": str(ports.ingest_port),
            "MYTHWATCH_INGEST_METRICS_PORT": str(ports.ingest_metrics_port),
            "MYTHWATCH_INGEST_STATE_DIR": str(self.home / "ingest"),
            "MYTHWATCH_CLASSIFY_METRICS_PORT": str(ports.classify_metrics_port),
            "MYTHWATCH_ALERT_METRICS_PORT": str(ports.alert_metrics_port),
            "MYTHWATCH_ALERT_CONSOLE_PORT": str(ports.console_port),
            "MYTHWATCH_ALERT_CONSOLE_URL": console,
            "MYTHWATCH_ALERT_CONSOLE_PASSWORD": "demo-officer",
            "MYTHWATCH_ALERT_DATABASE_URL": f"sqlite+aiosqlite:///{self.home / 'alert.db'}",
            "MYTHWATCH_ALERT_SLACK_TOKEN": self.slack_token,
            "MYTHWATCH_ALERT_SLACK_SIGNING_SECRET": self.slack_signing_secret,
            "MYTHWATCH_ALERT_SLACK_CHANNEL": "C0MYTHWATCH",
            "MYTHWATCH_ALERT_SLACK_BASE_URL": f"{slack}/api/",
            "MYTHWATCH_ALERT_SMTP_HOST": "127.0.0.1",
            "MYTHWATCH_ALERT_SMTP_PORT": str(ports.smtp_port),
            "MYTHWATCH_ALERT_SMTP_STARTTLS": "false",
            # A day of the hospital in a minute: growth shows at once.
            "MYTHWATCH_ALERT_EDIT_INTERVAL_S": "3",
            "MYTHWATCH_ALERT_EMAIL_INTERVAL_S": "30",
            "MYTHWATCH_ALERT_EMAIL_FROM": "mythwatch@hospital.example",
            "MYTHWATCH_ALERT_EMAIL_TO": "officer@hospital.example",
            "MYTHWATCH_ALERT_ROUTES": str(self.home / "routes.yaml"),
            "MYTHWATCH_DEMO_MESSAGES_PORT": str(ports.messages_port),
            "MYTHWATCH_DEMO_SMTP_PORT": str(ports.smtp_port),
            "MYTHWATCH_DEMO_SLACK_TOKEN": self.slack_token,
            "MYTHWATCH_DEMO_SLACK_SIGNING_SECRET": self.slack_signing_secret,
            "MYTHWATCH_DEMO_INTERACTIVITY_URL": f"{console}/slack/interactions",
        }
        # The demo's own win: an exported address of a real Kafka, database or Slack must never receive sample posts.
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("MYTHWATCH_DEMO_")}
        return {**theirs, **own}

    def _kept_secret(self, name: str) -> str:
        path = self.home / name
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32))
        return path.read_text()
