"""What of a SocialPost can be classified, and what comes out of it. Pure: no Kafka, no clock, no model."""

from __future__ import annotations

from services.classify.verdict import PostIn, Verdict
from services.stream import events_pb2 as events

MAX_TEXT_CHARACTERS = 10_000
MAX_AHEAD_MS = 24 * 3_600_000
"""A post dated more than a day ahead has a broken clock behind it."""


def problem(post: events.SocialPost, now_ms: int) -> str | None:
    """Why this post can never be classified, naming the field and the fix; None when it can."""
    if not post.id:
        return "id: missing; give the post's platform and id"
    if post.action == events.POST_ACTION_UNSPECIFIED or post.action not in events.PostAction.values():
        return "action: unspecified or unknown; send create, update or delete"
    for name in ("created_ms", "received_ms"):
        if getattr(post, name) > now_ms + MAX_AHEAD_MS:
            return f"{name}: more than a day in the future; send milliseconds UTC"
    if post.action == events.POST_ACTION_DELETE:
        return None
    if not post.text.strip():
        return "text: empty; only a delete may lack it"
    if len(post.text) > MAX_TEXT_CHARACTERS:
        return f"text: {len(post.text):,} characters; at most {MAX_TEXT_CHARACTERS:,}"
    if "\x00" in post.text:
        return "text: holds NUL characters; remove them"
    return None


def has_text(post: events.SocialPost) -> bool:
    """Is there something to classify, or is it only to be taken back."""
    return bool(post.action != events.POST_ACTION_DELETE)


def post_in(post: events.SocialPost) -> PostIn:
    """As the classifier takes it."""
    return PostIn(post.id, post.text, post.language, post.parent_text)


def is_told(post: events.SocialPost, verdict: Verdict | None, narrative: str = "") -> bool:
    """Is a verdict written: for flagged posts and those of a candidate narrative, and for updates and deletes whatever."""
    return post.action != events.POST_ACTION_CREATE or bool(narrative) or (verdict is not None and verdict.flag)


def claim_verdict(
    post: events.SocialPost, verdict: Verdict | None, identifier: str, version: str, now_ms: int, narrative: str = ""
) -> events.ClaimVerdict:
    """The contract's form; `verdict` is None for a delete, whose ClaimVerdict only names the post."""
    if verdict is None:
        return events.ClaimVerdict(id=identifier, post=post, model_version=version, classified_ms=now_ms)
    return events.ClaimVerdict(
        id=identifier,
        post=post,
        kind=f"POST_KIND_{verdict.kind.upper()}",
        health=verdict.health,
        claim=verdict.claim,
        misinformation=verdict.misinformation,
        candidates=[events.Candidate(myth_id=myth, score=score) for myth, score in verdict.candidates],
        stance=f"STANCE_{verdict.stance.upper()}",
        stance_score=verdict.stance_score,
        flag=verdict.flag,
        flag_score=verdict.flag_score,
        reasons=verdict.reasons,
        model_version=version,
        classified_ms=now_ms,
        myth_id=verdict.myth_id,
        narrative_id=narrative,
    )
