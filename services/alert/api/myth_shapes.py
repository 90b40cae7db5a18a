"""What the API takes and gives of the knowledge base, as JSON. Times are milliseconds since 1970, UTC."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.alert.api.shapes import Shape
from services.alert.myth_desk import MythLine
from services.alert.myth_form import form_of
from services.alert.myth_versions import MythVersion, VersionState
from services.stream import events_pb2 as events

Texts = Annotated[dict[str, str], Field(description="by language code: en, nl, de, es, fr", max_length=20)]


class SourceShape(Shape):
    """Who states the fact, and where."""

    organisation: str
    title: str = ""
    url: str = ""


class MythIn(Shape):
    """A myth as somebody proposes it; it is in force once somebody else approves it."""

    claim: Texts
    fact: Texts
    said_as: list[str] = Field(description="how people say it")
    near_misses: list[str] = Field([], description="what sounds like it and is true")
    topic: str
    specialty: str
    why_misleading: str
    harm: str = Field(description="low, moderate or high")
    harm_reason: str
    sources: list[SourceShape]

    def as_form(self) -> dict[str, str]:
        """The same as the console's form has it, so that both are checked alike."""
        sources = [" | ".join(part for part in (one.organisation, one.title, one.url) if part) for one in self.sources]
        return {
            **{f"claim_{code}": text for code, text in self.claim.items()},
            **{f"fact_{code}": text for code, text in self.fact.items()},
            "said_as": "\n".join(self.said_as), "near_misses": "\n".join(self.near_misses),
            "sources": "\n".join(sources), "topic": self.topic, "specialty": self.specialty,
            "why_misleading": self.why_misleading, "harm": self.harm, "harm_reason": self.harm_reason,
        }  # fmt: skip


class WholeMyth(MythIn):
    """A myth with its id."""

    id: str

    @classmethod
    def of(cls, myth: events.Myth) -> WholeMyth:
        form = form_of(myth)
        return cls(
            id=myth.id, claim=dict(myth.claim), fact=dict(myth.fact), said_as=list(myth.said_as),
            near_misses=list(myth.near_misses), topic=myth.topic, specialty=myth.specialty,
            why_misleading=myth.why_misleading, harm=form["harm"], harm_reason=myth.harm_reason,
            sources=[SourceShape(organisation=o.organisation, title=o.title, url=o.url) for o in myth.sources],
        )  # fmt: skip


class MythListed(Shape):
    """A myth of the list, with the number of its narratives."""

    id: str
    topic: str
    claim: dict[str, str]
    harm: str
    cases: int

    @classmethod
    def of(cls, line: MythLine) -> MythListed:
        myth = line.myth
        return cls(id=myth.id, topic=myth.topic, claim=dict(myth.claim), harm=myth.harm.value, cases=line.cases)


class VersionOut(Shape):
    """A wording of a myth and where it stands."""

    id: str
    state: VersionState
    author: str
    approver: str
    proposed_ms: int
    approved_ms: int
    myth: WholeMyth

    @classmethod
    def of(cls, one: MythVersion) -> VersionOut:
        return cls(
            id=one.id, state=one.state, author=one.author, approver=one.approver, proposed_ms=one.proposed_ms,
            approved_ms=one.approved_ms, myth=WholeMyth.of(one.myth),
        )  # fmt: skip
