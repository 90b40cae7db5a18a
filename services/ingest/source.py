"""What a source is: it hands batches to the intake, and goes on (saves its cursor, answers 202) once Kafka has confirmed them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Outcome = Literal["accepted", "duplicate", "rejected"]


@dataclass(frozen=True)
class Item:
    """One thing that a source read: JSON bytes of an incoming post (services/ingest/post.py), or its decoded fields.

    `problem` says why a source could not make a post of `raw`; such an item goes to the dead letters as it is.
    """

    raw: bytes = b""
    fields: Mapping[str, Any] | None = None
    place: str = ""  # where in the source, for the dead letter: "line 17"
    problem: str = ""
    trace: str = ""  # W3C traceparent of the caller; a fresh one where empty


@dataclass(frozen=True)
class Taken:
    """What became of an item; `reason` names field and fix of a rejected one, `too_long` marks it as an oversize."""

    outcome: Outcome
    post_id: str = ""
    reason: str = ""
    too_long: bool = False


class Intake(Protocol):
    """Takes posts on their journey to Kafka."""

    @property
    def is_open(self) -> bool:
        """False while Kafka is away: a door that can tell its client so should not wait."""

    async def take(self, door: str, source: str, items: Sequence[Item], *, dead_letters: bool = True) -> list[Taken]:
        """One Taken an item, in order, once Kafka has confirmed all; raises NotReady when it did not."""

    async def take_all(self, door: str, source: str, items: Sequence[Item]) -> list[Taken]:
        """As `take` with dead letters, waiting while Kafka is away; raises Stopped when told to stop meanwhile."""


class Stopped(Exception):
    """The service stops before Kafka confirmed: leave the cursor where it was."""


class Source(Protocol):
    """A door through which posts come in."""

    name: str

    async def run(self, intake: Intake, stopping: asyncio.Event) -> None:
        """Read until there is no more or `stopping` is set; whatever was handed over is confirmed when this returns."""


@dataclass
class Tally:
    """How many items ended how."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, taken: Sequence[Taken]) -> None:
        """Count; the first few reasons are kept for the summary."""
        for one in taken:
            setattr(self, one.outcome, getattr(self, one.outcome) + 1)
            if one.reason and len(self.reasons) < 5:
                self.reasons.append(one.reason)
