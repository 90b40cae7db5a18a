"""A dead letter of ingest, back on its journey after a fix."""

from __future__ import annotations

from services.ingest.intake import DOOR_HEADER, PLACE_HEADER, KafkaIntake
from services.ingest.settings import SERVICE
from services.ingest.source import Item, Taken
from services.stream import events_pb2 as events


def came_through_a_door(letter: events.DeadLetter) -> bool:
    """True for a letter that holds a raw post of ingest rather than a record of Kafka."""
    return letter.service == SERVICE and letter.offset < 0


async def take_back(intake: KafkaIntake, letter: events.DeadLetter) -> Taken:
    """Hand the letter's post in again; what fails again becomes a dead letter again, with the same id."""
    door = letter.headers[DOOR_HEADER].decode("ascii", "replace") or "file"
    place = letter.headers[PLACE_HEADER].decode("utf-8", "replace")
    item = Item(raw=letter.original, place=place, trace=letter.trace)
    return (await intake.take_all(door, f"{door}:replay", [item], trusted=True))[0]
