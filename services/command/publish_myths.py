"""Publish the built-in knowledge base to the compacted `myths` topic, from which every service has its myths."""

from __future__ import annotations

from services.classify.knowledge_base import Myth, load
from services.stream import events_pb2 as events
from services.stream.codec import Record, new_trace
from services.stream.producer import ConfirmedProducer
from services.stream.topics import MYTHS


async def publish_built_in_myths(bootstrap: str) -> int:
    """Write every built-in myth under its id (writing it again changes nothing); returns how many."""
    myths = load()
    producer = ConfirmedProducer(bootstrap, "command")
    try:
        await producer.write([Record(MYTHS, myth.id, event_of(myth), new_trace()) for myth in myths])
    finally:
        await producer.stop()
    return len(myths)


def event_of(myth: Myth) -> events.Myth:
    """The contract's form of a myth of the knowledge base."""
    return events.Myth(
        id=myth.id,
        topic=myth.topic,
        claim=myth.claim,
        said_as=myth.said_as,
        near_misses=myth.near_misses,
        fact=myth.fact,
        why_misleading=myth.why_misleading,
        harm=events.Harm.Name(events.Harm.Value(f"HARM_{myth.harm.upper()}")),
        harm_reason=myth.harm_reason,
        specialty=myth.specialty,
        sources=[events.Source(organisation=s.organisation, title=s.title, url=s.url) for s in myth.sources],
        reviewed=myth.reviewed,
    )
