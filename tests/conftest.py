"""The real things that tests use: a Kafka broker of their own, with the product's topics."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.command.embedded_kafka import EmbeddedKafka


def free_port(count: int = 1) -> int:
    """The first of `count` consecutive ports that nothing listens on."""
    # Another place for each process and worker: test runs side by side do not race for the same ports.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for start in range(20_000 + worker % 2 * 6_000 + os.getpid() % 800 * 7, 60_000, 7):
        probes = []
        try:
            for port in range(start, start + count):
                probe = socket.socket()
                probes.append(probe)
                probe.bind(("127.0.0.1", port))
            return start
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise RuntimeError("no free port")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A running single-node broker, without topics; stopped at the end."""
    embedded = EmbeddedKafka(Path(tmp_path_factory.mktemp("kafka")), free_port(2))
    embedded.start()
    yield embedded
    embedded.stop(kill=True)


@pytest.fixture(scope="session")
async def kafka(broker: EmbeddedKafka) -> str:
    """Bootstrap address of that broker, with the product's topics."""
    from services.stream.topic_admin import create_topics

    await create_topics(broker.bootstrap, 1)
    return broker.bootstrap
