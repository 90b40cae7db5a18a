"""Send dead letters through their door again: back to the topic and key that they were read from, or through ingest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.ingest.settings import SERVICE, IngestSettings
from services.stream import events_pb2 as events
from services.stream.producer import ConfirmedProducer
from services.stream.readiness import Readiness
from services.stream.settings import StreamSettings, load


async def replay_letters(bootstrap: str, letters: Sequence[events.DeadLetter]) -> int:
    """Send each original again; returns, when Kafka has confirmed all, how many of ingest's own failed once more.

    Raises SettingsError when one came through a door of ingest and MYTHWATCH_INGEST_AUTHOR_KEY is not set.
    """
    at_the_door = [letter for letter in letters if letter.service == SERVICE and letter.offset < 0]
    producer = ConfirmedProducer(bootstrap, "deadletters")
    try:
        await producer.write_raw(
            [
                (letter.topic, bytes(letter.original_key), bytes(letter.original), list(letter.headers.items()))
                for letter in letters
                if letter not in at_the_door
            ]
        )
    finally:
        await producer.stop()
    return await _through_ingest(bootstrap, at_the_door) if at_the_door else 0


async def _through_ingest(bootstrap: str, letters: Sequence[events.DeadLetter]) -> int:
    """They hold a raw post, not a record of Kafka: it takes its journey from the start."""
    from services.ingest.letters import take_back
    from services.ingest.wiring import open_intake

    stream = load(StreamSettings).model_copy(update={"kafka_bootstrap": bootstrap})
    async with open_intake(load(IngestSettings), stream, Readiness(SERVICE, ("kafka",)), asyncio.Event()) as intake:
        taken = [await take_back(intake, letter) for letter in letters]
    return sum(one.outcome == "rejected" for one in taken)
