"""Putting ingest together: settings -> journey, Kafka, sources. The only place of the service that knows every part."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.ingest.intake import KafkaIntake
from services.ingest.journey import Journey
from services.ingest.kafka_gate import KafkaGate
from services.ingest.language import LanguageTeller
from services.ingest.pseudonymise import Pseudonymiser
from services.ingest.settings import SERVICE, IngestSettings
from services.ingest.source import Source
from services.ingest.sources.file import FileSource
from services.ingest.sources.http import HttpSource
from services.ingest.sources.jetstream import JetstreamSource
from services.ingest.supervise import run_sources
from services.stream.producer import ConfirmedProducer
from services.stream.readiness import Readiness
from services.stream.settings import SettingsError, StreamSettings

FLUSH_WITHIN_S = 2.0


def build_journey(settings: IngestSettings) -> Journey:
    """Raises SettingsError naming the setting when a language is unknown."""
    try:
        teller = LanguageTeller(settings.languages)
    except ValueError as error:
        raise SettingsError(f"MYTHWATCH_INGEST_LANGUAGES: {error}; name ISO 639-1 codes such as en,nl") from None
    return Journey(Pseudonymiser(settings.author_key), teller, settings.phone_regions)


def build_sources(settings: IngestSettings, stream: StreamSettings) -> list[Source]:
    """The configured sources; raises SettingsError or PortTaken when one cannot start."""
    sources: list[Source] = []
    for name in settings.sources:
        if name == "file":
            if settings.file_path is None:
                raise SettingsError(
                    "MYTHWATCH_INGEST_FILE_PATH: is missing, and the file source needs it (NDJSON file, or -)"
                )
            sources.append(FileSource(settings.file_path))
        elif name == "http":
            sources.append(HttpSource(settings, stream.listen_host))
        else:
            sources.append(JetstreamSource(settings))
    return sources


@asynccontextmanager
async def open_intake(
    settings: IngestSettings, stream: StreamSettings, readiness: Readiness, stopping: asyncio.Event
) -> AsyncIterator[KafkaIntake]:
    """An intake whose gate is watched; `stopping` is set when the watch fails, and its failure raised at the end."""
    journey = build_journey(settings)
    gate = KafkaGate(stream, readiness, stopping)
    producer = ConfirmedProducer(stream.kafka_bootstrap, SERVICE)
    watch = asyncio.create_task(_stop_when_it_fails(gate, stopping))
    try:
        yield KafkaIntake(journey, producer, gate, stream)
    finally:
        stopping.set()
        try:
            async with asyncio.timeout(FLUSH_WITHIN_S):
                await producer.stop()
        except TimeoutError:
            pass  # Kafka is away; nothing that was answered for is in there
        await watch


async def run_service_body(
    stream: StreamSettings, settings: IngestSettings, readiness: Readiness, stopping: asyncio.Event
) -> None:
    """Everything between start and stop."""
    sources: Sequence[Source] = build_sources(settings, stream)
    async with open_intake(settings, stream, readiness, stopping) as intake:
        await run_sources(sources, intake, readiness, stopping)


async def _stop_when_it_fails(gate: KafkaGate, stopping: asyncio.Event) -> None:
    try:
        await gate.keep_watch()
    except BaseException:
        stopping.set()
        raise
