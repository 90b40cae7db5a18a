"""What the API takes and gives, as JSON. Times are milliseconds since 1970, UTC; 0 is never."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.alert import cases, responses
from services.alert.cases import Action, Channel, Harm, Status, Telling, Triage


class Shape(BaseModel):
    """A wrong or unknown field is refused by its name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CaseOut(Shape):
    """A narrative."""

    id: str
    myth_id: str = Field(description="the myth it repeats; begins with narrative- for one that no known myth explains")
    claim: str
    status: Status
    triage: Triage = Field(description="what the officer is advised to do")
    triage_reason: str
    harm: Harm
    posts: int
    authors: int
    posts_last_hour: int
    shares: int
    platforms: dict[str, int] = Field(description="posts by platform")
    languages: dict[str, int] = Field(description="posts by language")
    coordinated: str = Field(description="why it looks copied or coordinated; empty when it doesn't")
    first_seen_ms: int
    last_seen_ms: int
    assigned_to: str
    decided_by: str
    decided_ms: int
    muted_until_ms: int
    answered_ms: int
    answer_url: str
    merged_into: str

    @classmethod
    def of(cls, case: cases.Case) -> CaseOut:
        counts = case.counts
        return cls(
            id=case.id, myth_id=case.myth_id, claim=case.claim, status=case.status, triage=case.triage,
            triage_reason=case.triage_reason, harm=case.harm, posts=counts.posts, authors=counts.authors,
            posts_last_hour=counts.last_hour, shares=counts.shares, platforms=dict(counts.platforms),
            languages=dict(counts.languages), coordinated=counts.coordinated, first_seen_ms=counts.first_seen_ms,
            last_seen_ms=counts.last_seen_ms, assigned_to=case.assigned_to, decided_by=case.decided_by,
            decided_ms=case.decided_ms, muted_until_ms=case.muted_until_ms, answered_ms=case.answered_ms,
            answer_url=case.answer_url, merged_into=case.merged_into,
        )  # fmt: skip


class CasesOut(Shape):
    """A page of the inbox; `total` is of all that match."""

    cases: list[CaseOut]
    total: int


class MythOut(Shape):
    """The myth behind a case; `claim` and `fact` by language code."""

    id: str
    topic: str
    specialty: str
    claim: dict[str, str]
    fact: dict[str, str]
    why_misleading: str
    harm_reason: str
    sources: list[str]

    @classmethod
    def of(cls, myth: cases.Myth) -> MythOut:
        return cls(
            id=myth.id, topic=myth.topic, specialty=myth.specialty, claim=dict(myth.claim), fact=dict(myth.fact),
            why_misleading=myth.why_misleading, harm_reason=myth.harm_reason,
            sources=[f"{one.organisation}, {one.title}".strip(", ") for one in myth.sources],
        )  # fmt: skip


class CaseWithMyth(CaseOut):
    """One case, with its myth where the knowledge base has it, and its posts an hour over the last 24 hours, oldest first."""

    myth: MythOut | None
    hours: list[int]


class PostOut(Shape):
    """A flagged post held as evidence. `author` is a pseudonym; scores are 0 to 1."""

    id: str
    text: str
    language: str
    platform: str
    author: str
    url: str
    seen_ms: int
    kind: str
    stance: str
    match_score: float
    flag_score: float
    reasons: list[str]

    @classmethod
    def of(cls, post: cases.Post) -> PostOut:
        return cls(
            id=post.id, text=post.text, language=post.language, platform=post.platform, author=post.author, url=post.url,
            seen_ms=post.seen_ms, kind=post.kind, stance=post.stance, match_score=post.match_score,
            flag_score=post.flag_score, reasons=list(post.reasons),
        )  # fmt: skip


class ChangeOut(Shape):
    """An entry of a case's audit log."""

    at_ms: int
    who: str
    via: str
    what: str
    why: str


class AnswerOut(Shape):
    """An answer proposed or approved for the case's myth."""

    id: str
    language: str
    place: str
    text: str
    version: int
    state: responses.ResponseState
    author: str
    approver: str
    expires_ms: int

    @classmethod
    def of(cls, one: responses.Response) -> AnswerOut:
        return cls(
            id=one.id, language=one.language, place=one.place, text=one.text, version=one.version, state=one.state,
            author=one.author, approver=one.approver, expires_ms=one.expires_ms,
        )  # fmt: skip


class TellingOut(Shape):
    """One notification; `state`: pending, sending, unsure, sent or failed."""

    channel: Channel
    recipient: str
    action: str
    reason: str
    state: str
    attempts: int
    error: str
    created_ms: int
    sent_ms: int

    @classmethod
    def of(cls, one: Telling) -> TellingOut:
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class TopicOut(Shape):
    """Narratives of a topic."""

    topic: str
    cases: int
    respond: int
    posts: int
    not_a_myth: int


class InsightOut(Shape):
    """What the desk did; times from telling to decision, none while there are none."""

    topics: list[TopicOut]
    told: int
    waiting: int
    decided: int
    agreed: int
    median_ms: int | None
    slow_ms: int | None
    answered: int


Why = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")]
CaseId = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]


class DecisionIn(Shape):
    """`not_a_myth` needs a note, `assign` an assignee, `answered` an answer_url; `mute` takes hours."""

    action: Action
    note: Why = ""
    assignee: str = Field("", max_length=100)
    answer_url: str = Field("", max_length=2_000)
    mute_hours: int = Field(24, description="1, 24 or 168")


class MergeIn(Shape):
    """The case that takes over."""

    into: CaseId
    why: Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")] = ""


class SplitIn(Shape):
    """Posts that tell something else."""

    posts: list[Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")]] = Field(min_length=1, max_length=2_000)
    why: Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")] = ""


class UndoIn(Shape):
    """Why."""

    why: Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")] = ""


class AnswerIn(Shape):
    """A wording to be approved; `place`: long, mastodon, bluesky or x."""

    language: str
    place: str
    text: str
