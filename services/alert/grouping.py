"""Which case a post belongs to, and what a verdict does to it: held, replaced, taken back, deleted, or too late.

Verdicts come at least once and, over restarts, out of order; the answers here make every delivery end in the same state.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from services.alert.cases import DAY_MS, HOUR_MS
from services.stream import events_pb2 as events
from services.stream.codec import content_id

FIRST_GENERATION = 1
CANDIDATE = "narrative-"
"""What the ids of candidate narratives begin with."""
MOST_CHARACTERS = 10_000


@dataclass(frozen=True)
class Taken:
    """A verdict and the trace (W3C traceparent) of its post."""

    verdict: events.ClaimVerdict
    trace: str = ""


@dataclass(frozen=True)
class Held:
    """What is held of a post already."""

    case_id: str
    verdict_id: str
    author: str
    received_ms: int
    classified_ms: int
    edited: bool


@dataclass(frozen=True)
class Gone:
    """A tombstone: `kind` is deleted, withdrawn or author; `at_ms` is when ingest received what took the post away."""

    kind: str
    at_ms: int


class Step(Enum):
    """What a verdict does."""

    HOLD = auto()  # the post joins its case, or replaces what is held of it
    WITHDRAW = auto()  # edited into something harmless: it leaves its case
    DELETE = auto()  # gone from the platform
    FORGET_AUTHOR = auto()  # the account is gone: all its posts go
    NOTHING = auto()  # known already, or overtaken by something later


def case_id(myth_id: str, generation: int = FIRST_GENERATION) -> str:
    """Id of the case about a myth. A later generation is a new narrative of the same myth."""
    return content_id("case", myth_id, generation)


def subject(verdict: events.ClaimVerdict) -> str:
    """What a post is counted under: the myth it spreads, or a candidate narrative; empty when it is counted nowhere."""
    return verdict.myth_id if verdict.flag else verdict.narrative_id


def is_candidate(myth_id: str) -> bool:
    """Is it a candidate narrative: risky claims that no known myth explains, gathered by likeness."""
    return myth_id.startswith(CANDIDATE)


def post_key(post_id: str) -> str:
    """Key of a post's tombstone."""
    return content_id("post", post_id)


def author_key(author: str) -> str:
    """Key of an author's tombstone."""
    return content_id("author", author)


def seen_ms(post: events.SocialPost) -> int:
    """When a post counts: as its author dates it, but never after it was received, and never without a date."""
    return min(post.created_ms, post.received_ms) if post.created_ms > 0 else post.received_ms


def mistake(verdict: events.ClaimVerdict, now_ms: int) -> str:
    """Why a verdict can never be processed, naming the field and the fix; empty when it can."""
    post = verdict.post
    if not post.id:
        return "post.id: empty; send the id of the post"
    if post.action == events.POST_ACTION_UNSPECIFIED:
        return "post.action: unspecified; send create, update or delete"
    if post.received_ms <= 0:
        return "post.received_ms: missing; send when ingest took the post in, ms UTC"
    if post.received_ms > now_ms + HOUR_MS or post.created_ms > now_ms + DAY_MS:
        return "post: its time is in the future; check the clock of what wrote it"
    if "\0" in "".join(
        (post.id, post.text, post.author, post.author_deleted, post.url, post.language, post.platform, verdict.id)
    ):
        return "post: holds a NUL character; remove it"
    for name, value, most in (("id", post.id, 500), ("author", post.author, 200), ("author_deleted", post.author_deleted, 200),
                              ("platform", post.platform, 100), ("language", post.language, 100)):  # fmt: skip
        if len(value) > most:
            return f"post.{name}: {len(value):,} characters; the most is {most}"
    if not (verdict.flag or verdict.narrative_id) or post.action == events.POST_ACTION_DELETE:
        return ""
    if not verdict.id:
        return "id: empty; send the id of the verdict"
    if verdict.flag and (not verdict.myth_id or len(verdict.myth_id) > 200 or "\0" in verdict.myth_id):
        return "myth_id: a flagged post needs one of 1 to 200 characters"
    name = verdict.narrative_id
    if not verdict.flag and (not is_candidate(name) or len(name) > 200 or "\0" in name):
        return f"narrative_id: begins with {CANDIDATE} and has at most 200 characters"
    if not post.text.strip():
        return "post.text: empty; a flagged post has a text"
    if len(post.text) > MOST_CHARACTERS:
        return f"post.text: {len(post.text):,} characters; the most is {MOST_CHARACTERS:,}"
    return ""


def step(verdict: events.ClaimVerdict, held: Held | None, gone: Gone | None, author_gone: Gone | None) -> Step:
    """What `verdict` does, given what is held of its post and the tombstones of the post and of its author."""
    post = verdict.post
    if post.author_deleted:
        return Step.FORGET_AUTHOR
    if post.action == events.POST_ACTION_DELETE:
        # Always, even when clocks make it look old: privacy comes first, and a lost post is received again.
        return Step.DELETE
    for tombstone in (gone, author_gone):
        if tombstone is not None and _is_late(post, tombstone):
            return Step.NOTHING
    if held is not None:
        if held.edited and post.action == events.POST_ACTION_CREATE:
            return Step.NOTHING
        if (post.received_ms, verdict.classified_ms) < (held.received_ms, held.classified_ms):
            return Step.NOTHING
        if subject(verdict) and (verdict.id, post.received_ms) == (held.verdict_id, held.received_ms):
            return Step.NOTHING
    if subject(verdict):
        return Step.HOLD
    if held is not None or post.action == events.POST_ACTION_UPDATE:
        return Step.WITHDRAW
    return Step.NOTHING


def _is_late(post: events.SocialPost, gone: Gone) -> bool:
    if post.received_ms <= gone.at_ms:
        return True
    if gone.kind == "withdrawn":
        # Received again by a source that resumed earlier: creation comes before the edit that took it back.
        return post.action == events.POST_ACTION_CREATE
    return seen_ms(post) <= gone.at_ms
