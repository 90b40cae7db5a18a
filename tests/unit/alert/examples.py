"""Verdicts, myths and posts that alert's tests are made of."""

from __future__ import annotations

from typing import Any

from services.alert.cases import Case, CaseView, Counts, Harm, Myth, Post, Source, Status, Triage
from services.alert.grouping import Taken, case_id
from services.alert.myth_rows import MythRecord
from services.stream import events_pb2 as events
from services.stream.codec import content_id

NOW = 1_790_000_000_000
HOUR = 3_600_000
MYTH = "sunscreen-causes-cancer"
OTHER = "garlic-cures-flu"
CREATE, UPDATE, DELETE = events.POST_ACTION_CREATE, events.POST_ACTION_UPDATE, events.POST_ACTION_DELETE


def verdict(
    post: str = "bluesky:1", text: str = "sunscreen gives you cancer", *, author: str = "a1", action: Any = CREATE,
    at_ms: int = NOW, myth: str = MYTH, flag: bool = True, account_gone: str = "", **more: Any,
) -> Taken:  # fmt: skip
    """A verdict; `at_ms` is when ingest received the post."""
    gone = action == DELETE
    social = events.SocialPost(
        id=post, action=action, platform="bluesky", text="" if gone else text, language=more.pop("language", "en"),
        author=author, url=more.pop("url", f"https://bsky.app/post/{post[-1]}"), created_ms=more.pop("created_ms", at_ms - 1_000),
        received_ms=at_ms, author_deleted=account_gone,
        engagement=events.Engagement(reposts=more.pop("reposts", 0)),
    )  # fmt: skip
    flag = flag and not gone and not account_gone
    found = events.ClaimVerdict(
        id=content_id("verdict", post, text, "m1"), post=social, kind=events.POST_KIND_CLAIM, health=0.9, claim=0.9,
        misinformation=0.8, candidates=[events.Candidate(myth_id=myth, score=0.91)] if flag else [],
        stance=events.STANCE_ENDORSE, stance_score=0.9, flag=flag, flag_score=more.pop("flag_score", 0.9),
        reasons=["repeats the myth"], model_version="m1", classified_ms=at_ms + 5, myth_id=myth if flag else "",
    )  # fmt: skip
    assert not more, more
    return Taken(found, f"00-{content_id('trace', post)}-{'0' * 15}1-01")


def wave(
    count: int, *, myth: str = MYTH, start: int = 1, at_ms: int = NOW, text: str = "they lie about sunscreen"
) -> list[Taken]:
    """`count` posts by as many authors."""
    return [
        verdict(f"bluesky:{myth}-{n}", f"{text} {n}", author=f"author{n}", at_ms=at_ms + n, myth=myth)
        for n in range(start, start + count)
    ]


def myth_event(myth: str = MYTH, harm: Any = events.HARM_MODERATE, **more: Any) -> events.Myth:
    return events.Myth(
        id=myth, topic="sun", claim={"en": "Sunscreen causes cancer.", "nl": "Zonnebrand geeft kanker."},
        fact={"en": "Sunscreen lowers the risk of skin cancer. Regular use halves melanoma in trials."},
        why_misleading="Skin cancer is more common where people use sunscreen because they are in the sun more.", harm=harm,
        harm_reason="People stop protecting their skin.", specialty="dermatology",
        sources=[events.Source(organisation="WHO", title="Sun protection", url="https://www.who.int/sun")],
        reviewed="2026-01-01", **more,
    )  # fmt: skip


def myth_record(myth: str = MYTH, harm: Any = events.HARM_MODERATE) -> MythRecord:
    return MythRecord(myth, myth_event(myth, harm).SerializeToString())


def case(**more: Any) -> Case:
    counts = Counts(**{
        "posts": 5, "authors": 4, "last_hour": 3, "hour_before": 1, "shares": 0, "platforms": {"bluesky": 5},
        "languages": {"en": 3, "nl": 2}, "first_seen_ms": NOW - 5 * HOUR, "last_seen_ms": NOW - 60_000,
        **more.pop("counts", {}),
    })  # fmt: skip
    values: dict[str, Any] = {
        "id": case_id(MYTH), "myth_id": MYTH, "generation": 1, "claim": "Sunscreen causes cancer.",
        "status": Status.OPEN, "triage": Triage.MONITOR, "triage_reason": "Four accounts posted it; watch it.",
        "harm": Harm.MODERATE, "counts": counts, "muted_until_ms": 0, "decided_by": "", "decided_via": "",
        "decided_ms": 0, "myth_digest": "d", "version": 3, "created_ms": NOW - 5 * HOUR, "updated_ms": NOW,
    }  # fmt: skip
    return Case(**{**values, **more})


def post(number: int = 1, text: str = "Sunscreen gave my aunt cancer", **more: Any) -> Post:
    values: dict[str, Any] = {
        "id": f"bluesky:{number}", "case_id": case_id(MYTH), "verdict_id": content_id("v", number), "text": text,
        "language": "en", "platform": "bluesky", "author": f"a{number}", "url": "https://bsky.app/p/1",
        "created_ms": NOW - HOUR, "received_ms": NOW - HOUR, "seen_ms": NOW - HOUR, "edited": False, "likes": 3,
        "reposts": 2, "replies": 0, "views": 0, "kind": "claim", "stance": "endorse", "stance_score": 0.9,
        "match_score": 0.87, "flag_score": 0.9, "reasons": ("repeats the myth",), "model_version": "m1",
        "classified_ms": NOW - HOUR,
    }  # fmt: skip
    return Post(**{**values, **more})


def myth(**more: Any) -> Myth:
    values: dict[str, Any] = {
        "id": MYTH, "topic": "sun", "claim": {"en": "Sunscreen causes cancer."},
        "fact": {"en": "Sunscreen lowers the risk of skin cancer. Regular use halves melanoma in trials."},
        "why_misleading": "Skin cancer is more common where sunscreen is used because people are in the sun more.",
        "harm": Harm.MODERATE, "harm_reason": "People stop protecting their skin.", "specialty": "dermatology",
        "sources": (Source("WHO", "Sun protection", "https://www.who.int/sun"),), "reviewed": "2026-01-01",
    }  # fmt: skip
    return Myth(**{**values, **more})


def view(**more: Any) -> CaseView:
    return CaseView(
        case(**more.pop("case", {})), more.pop("myth", myth()), tuple(more.pop("evidence", (post(1), post(2, "Cream is poison")))),
        tuple(more.pop("hours", [0] * 18 + [1, 0, 2, 1, 3, 5])),
    )  # fmt: skip
