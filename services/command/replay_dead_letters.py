"""Send dead letters through their door again: back to the topic and key that they were read from, or through ingest."""

from __future__ import annotations

from collections.abc import Sequence

from services.stream import events_pb2 as events
from services.stream.producer import ConfirmedProducer


async def replay_letters(bootstrap: str, letters: Sequence[events.DeadLetter]) -> None:
    """Write each original again, as it was; returns when Kafka has confirmed all."""
    producer = ConfirmedProducer(bootstrap, "deadletters")
    try:
        await producer.write_raw(
            [
                (letter.topic, bytes(letter.original_key), bytes(letter.original), list(letter.headers.items()))
                for letter in letters
            ]
        )
    finally:
        await producer.stop()
