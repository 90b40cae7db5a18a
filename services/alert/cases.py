"""What the alert service talks about: cases, the posts held in them, the myths they are about, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.alert.responses import Response

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Status(StrEnum):
    """Where a case stands with the people who handle it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    MUTED = "muted"
    DISMISSED = "dismissed"
    ANSWERED = "answered"
    MERGED = "merged"


class Triage(StrEnum):
    """What the officer is advised to do."""

    IGNORE = "ignore"
    MONITOR = "monitor"
    RESPOND = "respond"

    @property
    def rank(self) -> int:
        """0 to 2, most urgent highest."""
        return ("ignore", "monitor", "respond").index(self.value)


class Harm(StrEnum):
    """How much harm somebody who believed the myth could come to."""

    UNKNOWN = "unknown"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """1 to 3; an unknown harm is treated as moderate."""
        return {"low": 1, "moderate": 2, "unknown": 2, "high": 3}[self.value]


class Channel(StrEnum):
    """How people are told."""

    SLACK = "slack"
    EMAIL = "email"
    CHAT = "chat"
    WEBHOOK = "webhook"


class Action(StrEnum):
    """What a person can decide about a case."""

    ACKNOWLEDGE = "acknowledge"
    NOT_A_MYTH = "not_a_myth"
    MUTE = "mute"
    REOPEN = "reopen"
    ASSIGN = "assign"
    RESPOND = "respond"
    ANSWERED = "answered"


@dataclass(frozen=True)
class Destination:
    """One place that is told: a Slack channel id, an e-mail address, or a name from the routes."""

    channel: Channel
    recipient: str


@dataclass(frozen=True)
class Source:
    """Who states a fact, and where."""

    organisation: str
    title: str
    url: str = ""


@dataclass(frozen=True)
class Myth:
    """A myth of the knowledge base as alerts show it; `claim` and `fact` by language code."""

    id: str
    topic: str = ""
    claim: Mapping[str, str] = field(default_factory=dict)
    fact: Mapping[str, str] = field(default_factory=dict)
    why_misleading: str = ""
    harm: Harm = Harm.UNKNOWN
    harm_reason: str = ""
    specialty: str = ""
    sources: tuple[Source, ...] = ()
    reviewed: str = ""

    def in_language(self, texts: Mapping[str, str], language: str) -> str:
        """Of `claim` or `fact`: the text in `language`, else in English, else any; empty when there is none."""
        return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


@dataclass(frozen=True)
class Post:
    """A flagged post, held as evidence. Scores are 0 to 1, times milliseconds UTC."""

    id: str
    case_id: str
    verdict_id: str
    text: str
    language: str
    platform: str
    author: str  # pseudonym; empty when unknown
    url: str
    created_ms: int
    received_ms: int
    seen_ms: int  # when it counts: as its author dates it, but never after it was received
    edited: bool
    likes: int
    reposts: int
    replies: int
    views: int
    kind: str
    stance: str
    stance_score: float
    match_score: float  # how surely it is about the case's myth
    flag_score: float
    reasons: tuple[str, ...]
    model_version: str
    classified_ms: int


@dataclass(frozen=True)
class Counts:
    """How far a narrative has spread, counted over the posts held now."""

    posts: int = 0
    authors: int = 0
    last_hour: int = 0
    hour_before: int = 0
    shares: int = 0
    likes: int = 0
    views: int = 0
    doubling_ms: int = 0  # how long the posts take to double; 0 when they don't
    pace: float = 0.0  # posts of the last hour, as a multiple of the usual, when that is no accident
    coordinated: str = ""  # why it looks copied or coordinated, one sentence
    platforms: Mapping[str, int] = field(default_factory=dict)  # posts by platform, most first
    languages: Mapping[str, int] = field(default_factory=dict)  # posts by language, most first
    first_seen_ms: int = 0
    last_seen_ms: int = 0


@dataclass(frozen=True)
class Case:
    """A narrative: a myth and all the posts that repeat it."""

    id: str
    myth_id: str
    generation: int
    claim: str  # the myth's claim in the officer's language; the myth id while the myth is unknown
    status: Status
    triage: Triage
    triage_reason: str
    harm: Harm
    counts: Counts
    muted_until_ms: int
    decided_by: str  # person of the latest decision; empty when there was none
    decided_via: str  # slack or console
    decided_ms: int
    myth_digest: str  # changes when what is shown of the myth changes
    version: int
    created_ms: int
    updated_ms: int
    assigned_to: str = ""  # who handles it; empty when nobody is named
    answered_ms: int = 0  # when an answer was published; 0 when none was
    answer_url: str = ""
    merged_into: str = ""  # the case that holds its posts now


@dataclass(frozen=True)
class CaseView:
    """All that an alert or a page shows of one case."""

    case: Case
    myth: Myth | None
    evidence: tuple[Post, ...]  # the best few, most convincing first
    hours: tuple[int, ...]  # posts in each of the last 24 hours, oldest first
    responses: tuple[Response, ...] = ()  # approved for its myth and in force


@dataclass(frozen=True)
class AuditEntry:
    """One change of a case: who, what, why, when. Never holds the text of a post."""

    at_ms: int
    who: str  # a person, or "mythwatch"
    via: str  # slack, console or mythwatch
    what: str
    why: str


@dataclass(frozen=True)
class Telling:
    """One notification, as the case page lists it."""

    id: str
    channel: Channel
    recipient: str
    action: str  # post or update
    reason: str
    state: str  # pending, sending, unsure, sent or failed
    attempts: int
    error: str
    created_ms: int
    sent_ms: int


@dataclass(frozen=True)
class Decision:
    """What a person decided; `act_id` is the same for every delivery of one click."""

    case_id: str
    action: Action
    person: str
    via: str
    act_id: str
    note: str = ""
    mute_ms: int = DAY_MS
    assignee: str = ""  # for ASSIGN: to whom
    answer_url: str = ""  # for ANSWERED: where the answer was published


@dataclass(frozen=True)
class Decided:
    """What became of a decision: the case as it stands, and whether this very act was known already."""

    case: Case
    repeated: bool


@dataclass(frozen=True)
class Job:
    """A notification to send. `external_id` and `thread_id` are the live message's, empty before the first."""

    id: str
    case_id: str
    channel: Channel
    recipient: str
    sequence: int
    action: str  # post, update or rise
    reason: str
    attempts: int  # this one included
    unsure: bool  # an earlier attempt may have arrived
    external_id: str
    thread_id: str
    cause_ms: int
    first_ms: int  # when the first attempt that may have arrived began, ms UTC
    created_ms: int
    trace: str
