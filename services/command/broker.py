"""`mythwatch broker`: the embedded Kafka, for a demo, for development and for tests."""

from __future__ import annotations

from pathlib import Path

import typer

from services.command.embedded_kafka import PROJECT, BrokerError, EmbeddedKafka

app = typer.Typer(
    help="The embedded Kafka broker: start, stop.", no_args_is_help=True, epilog="Example: mythwatch broker start"
)
__all__ = ["BrokerError", "app"]

_HOME = typer.Option(PROJECT / ".mythwatch" / "kafka" / "broker", help="folder that keeps its state")
_PORT = typer.Option(9092, envvar="MYTHWATCH_DEMO_KAFKA_PORT", help="client port; the next one is its controller's")


@app.command(epilog="Example: mythwatch broker start --port 9092")
def start(home: Path = _HOME, port: int = _PORT) -> None:
    """Start it in the background (a single KRaft node) and wait until it answers."""
    broker = EmbeddedKafka(home.resolve(), port)
    pid = broker.start()
    print(f"Kafka answers on {broker.bootstrap} (process {pid}); next: mythwatch topics create")


@app.command(epilog="Example: mythwatch broker stop")
def stop(home: Path = _HOME, port: int = _PORT) -> None:
    """Stop it; its topics stay in its home folder."""
    stopped = EmbeddedKafka(home.resolve(), port).stop()
    print("stopped" if stopped else "it was not running")
