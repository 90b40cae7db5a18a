"""Rows of the database to what the service talks about, and back."""

from __future__ import annotations

from typing import Any

from services.alert.cases import Case, Counts, Harm, Myth, Post, Source, Status, Triage
from services.alert.due import Told
from services.alert.grouping import seen_ms, subject
from services.alert.spread import wording
from services.stream import events_pb2 as events
from services.stream.codec import content_id


def case_of(row: Any) -> Case:
    """A row of `cases`."""
    return Case(
        id=row.id, myth_id=row.myth_id, generation=row.generation, claim=row.claim, status=Status(row.status),
        triage=Triage(row.triage), triage_reason=row.triage_reason, harm=Harm(row.harm),
        counts=Counts(
            row.posts, row.authors, row.last_hour, row.hour_before, row.shares, row.likes, row.views, row.doubling_ms,
            row.pace, row.coordinated, row.platforms, row.languages, row.first_seen_ms, row.last_seen_ms,
        ),
        muted_until_ms=row.muted_until_ms, decided_by=row.decided_by, decided_via=row.decided_via,
        decided_ms=row.decided_ms, myth_digest=row.myth_digest, version=row.version, created_ms=row.created_ms,
        updated_ms=row.updated_ms, assigned_to=row.assigned_to, answered_ms=row.answered_ms,
        answer_url=row.answer_url, merged_into=row.merged_into,
    )  # fmt: skip


def case_values(case: Case) -> dict[str, Any]:
    """The columns of `cases` that a change may touch."""
    counts = case.counts
    return {
        "claim": case.claim, "status": case.status.value, "triage": case.triage.value,
        "urgency": case.triage.rank * 10 + case.harm.rank, "triage_reason": case.triage_reason, "harm": case.harm.value,
        "posts": counts.posts, "authors": counts.authors, "last_hour": counts.last_hour,
        "hour_before": counts.hour_before, "shares": counts.shares, "likes": counts.likes, "views": counts.views,
        "doubling_ms": counts.doubling_ms, "pace": counts.pace, "coordinated": counts.coordinated, "platforms": dict(counts.platforms),
        "languages": dict(counts.languages), "first_seen_ms": counts.first_seen_ms,
        "last_seen_ms": counts.last_seen_ms, "muted_until_ms": case.muted_until_ms, "decided_by": case.decided_by,
        "decided_via": case.decided_via, "decided_ms": case.decided_ms, "myth_digest": case.myth_digest,
        "version": case.version, "updated_ms": case.updated_ms, "assigned_to": case.assigned_to,
        "answered_ms": case.answered_ms, "answer_url": case.answer_url, "merged_into": case.merged_into,
    }  # fmt: skip


def post_of(row: Any) -> Post:
    """A row of `posts`."""
    values = {name: value for name, value in row._mapping.items() if name not in ("subject", "wording")}
    return Post(**{**values, "reasons": tuple(values["reasons"])})


def post_values(verdict: events.ClaimVerdict, case_id: str) -> dict[str, Any]:
    """The row of `posts` that holds a flagged post in case `case_id`."""
    post, shares = verdict.post, verdict.post.engagement
    scores = {candidate.myth_id: candidate.score for candidate in verdict.candidates}
    return {
        "id": post.id, "case_id": case_id, "verdict_id": verdict.id[:64], "subject": subject(verdict),
        "wording": wording(post.text), "text": post.text, "language": post.language,
        "platform": post.platform, "author": post.author, "url": post.url if len(post.url) <= 2_000 else "", "created_ms": post.created_ms,
        "received_ms": post.received_ms, "seen_ms": seen_ms(post),
        "edited": post.action == events.POST_ACTION_UPDATE, "likes": _number(shares.likes),
        "reposts": _number(shares.reposts), "replies": _number(shares.replies), "views": _number(shares.views),
        "kind": _name(events.PostKind, verdict.kind).removeprefix("POST_KIND_").lower(),
        "stance": _name(events.Stance, verdict.stance).removeprefix("STANCE_").lower(),
        "stance_score": _score(verdict.stance_score), "match_score": _score(scores.get(verdict.myth_id, 0.0)),
        "flag_score": _score(verdict.flag_score),
        "reasons": [reason.replace("\0", "")[:500] for reason in verdict.reasons[:10]],
        "model_version": verdict.model_version.replace("\0", "")[:200], "classified_ms": verdict.classified_ms,
    }  # fmt: skip


def _name(enum: Any, value: int) -> str:
    """Name of an enum's value; of its zero for one from a later release."""
    return str(enum.Name(value)) if value in enum.values() else str(enum.Name(0))


def _number(count: int) -> int:
    """A count of people that sums within 64 bits, whatever a platform says."""
    return min(max(count, 0), 10**12)


def _score(score: float) -> float:
    """0 to 1; not a number counts as 0, which a database would not take."""
    return min(max(score, 0.0), 1.0) if score == score else 0.0


def told_of(row: Any, lost_evidence: bool) -> Told | None:
    """A row of `messages`; None while nothing was told."""
    if not row.told:
        return None
    return Told(
        posts=row.shown_posts, triage=Triage(row.shown_triage), status=Status(row.shown_status),
        decided_ms=row.shown_decided_ms, muted_until_ms=row.shown_muted_until_ms, myth_digest=row.shown_myth_digest,
        sent_ms=row.sent_ms, lost_evidence=lost_evidence,
    )  # fmt: skip


def myth_of(record: bytes) -> Myth:
    """The bytes of a `Myth` event as alerts show it."""
    event = events.Myth.FromString(record)
    harm = _name(events.Harm, event.harm).removeprefix("HARM_").lower()
    return Myth(
        id=event.id, topic=event.topic, claim=dict(event.claim), fact=dict(event.fact),
        why_misleading=event.why_misleading, harm=Harm.UNKNOWN if harm == "unspecified" else Harm(harm),
        harm_reason=event.harm_reason, specialty=event.specialty, reviewed=event.reviewed,
        sources=tuple(Source(source.organisation, source.title, source.url) for source in event.sources),
    )  # fmt: skip


def digest_of(myth: Myth) -> str:
    """Changes when what an alert shows of the myth changes."""
    shown = (sorted(myth.claim.items()), sorted(myth.fact.items()), myth.why_misleading, myth.harm, myth.harm_reason,
             myth.specialty, myth.sources)  # fmt: skip
    return content_id("myth", repr(shown))
