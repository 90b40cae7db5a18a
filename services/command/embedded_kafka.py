"""The embedded Kafka: a real single-node KRaft broker, run from the jars that deploy/kafka/pom.xml fetches."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from services.stream.ports import require_free

PROJECT = Path(__file__).resolve().parents[2]
# As in the design's measurements: about 360 MB resident, answers in 2 to 3 seconds.
JVM_OPTIONS = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
# One fixed id: a log directory formatted by an earlier run stays readable.
CLUSTER_ID = "TXl0aHdhdGNoLWRlbW8tMQ"


class BrokerError(RuntimeError):
    """The broker could not be fetched, started or stopped; the message says what to do."""


@dataclass(frozen=True)
class EmbeddedKafka:
    """One broker with its state under `home`; `port` is the client port, `port + 1` its controller's."""

    home: Path
    port: int = 9092
    jars: Path = PROJECT / ".mythwatch" / "kafka" / "libs"

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid_file(self) -> Path:
        return self.home / "broker.pid"

    @property
    def log_file(self) -> Path:
        return self.home / "broker.log"

    def start(self, timeout: float = 60.0) -> int:
        """Format when new, start, wait until it answers; returns the process id.

        Raises BrokerError when Java or the jars are missing, a port is taken, or it does not answer in
        `timeout` seconds.
        """
        running = self.running_pid()
        if running is not None:
            return running
        java = shutil.which("java")
        if java is None:
            raise BrokerError(
                "no Java runtime found; run `make setup` or install a Java runtime, 17 or later (default-jre-headless)"
            )
        if not any(self.jars.glob("kafka_*.jar")):
            raise BrokerError(f"no Kafka jars in {self.jars}; run `make setup`")
        for port in (self.port, self.port + 1):
            require_free(port, "MYTHWATCH_DEMO_KAFKA_PORT")
        self.home.mkdir(parents=True, exist_ok=True)
        properties = self.home / "server.properties"
        properties.write_text(self._properties())
        command = [java, *JVM_OPTIONS, "-cp", f"{self.jars}/*"]
        if not (self.home / "data" / "meta.properties").exists():
            self._format(command, properties)
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                [*command, f"-Dorg.slf4j.simpleLogger.logFile={self.log_file}", "kafka.Kafka", str(properties)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.pid_file.write_text(str(process.pid))
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise BrokerError(f"Kafka stopped at start (exit {process.returncode}); see {self.log_file}")
            if _answers(self.port):
                return process.pid
            time.sleep(0.1)
        self.stop()
        raise BrokerError(f"Kafka did not answer on port {self.port} within {timeout:.0f} s; see {self.log_file}")

    def stop(self, timeout: float = 20.0, kill: bool = False) -> bool:
        """Stop it (SIGTERM, then SIGKILL after `timeout` seconds; at once when `kill`); False when none ran."""
        pid = self.running_pid()
        if pid is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGKILL if kill else signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and _alive(pid):
            time.sleep(0.05)
        if _alive(pid):
            os.kill(pid, signal.SIGKILL)
            while _alive(pid):
                time.sleep(0.05)
        self.pid_file.unlink(missing_ok=True)
        return True

    def running_pid(self) -> int | None:
        """Process id of the broker that this state belongs to, or None."""
        try:
            pid = int(self.pid_file.read_text())
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if str(self.home / "server.properties").encode() in arguments and _alive(pid) else None

    def _format(self, command: list[str], properties: Path) -> None:
        done = subprocess.run(
            [*command, "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise BrokerError(f"Kafka's storage could not be formatted: {(done.stderr or done.stdout).strip()[-400:]}")

    def _properties(self) -> str:
        return "\n".join(
            [
                "process.roles=broker,controller",
                "node.id=1",
                f"controller.quorum.voters=1@127.0.0.1:{self.port + 1}",
                f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.port + 1}",
                f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}",
                "controller.listener.names=CONTROLLER",
                f"log.dirs={self.home / 'data'}",
                "offsets.topic.replication.factor=1",
                "offsets.topic.num.partitions=8",
                "transaction.state.log.replication.factor=1",
                "transaction.state.log.min.isr=1",
                "share.coordinator.state.topic.replication.factor=1",
                "share.coordinator.state.topic.min.isr=1",
                "group.initial.rebalance.delay.ms=0",
                "auto.create.topics.enable=false",
                # A killed broker may register again only when its former session has run out.
                "broker.session.timeout.ms=2000",
                "broker.heartbeat.interval.ms=400",
                "log.cleaner.dedupe.buffer.size=16777216",
                "",
            ]
        )


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _alive(pid: int) -> bool:
    try:
        # A child that has ended stays a zombie until it is reaped.
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return False
    # Of a killed process the first thread is a zombie while the others still hold its ports.
    return state != "Z" or threads > 1
