"""Why a post was flagged or passed, in a clinician's words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.classify.policy import CandidateEvidence, PostEvidence


def reasons(
    post: PostEvidence, best: CandidateEvidence, chance: float, stance: str, flag: bool, score: float
) -> tuple[str, ...]:
    """Short sentences, the weightiest first. `chance` is that of the match, `score` the flag score, both 0-1."""
    title = best.title if len(best.title) <= 160 else best.title[:157].rstrip() + "…"
    if flag:
        return (
            f"Repeats the myth “{title}” ({chance:.0%} sure that this is the myth).",
            f"Presents it as true ({best.endorse:.0%} sure), rather than asking, reporting or correcting.",
            *(("Its wording reads like misinformation.",) if post.misinformation >= 0.5 else ()),
            f"Chance that it spreads the myth: {score:.0%}.",
        )
    if post.health < 0.5 and chance < 0.5:
        return ("Not about health.",)
    if chance < 0.5 or stance == "none":
        return ("No known myth is close enough.", *_kind_reason(post.kind))
    about = f"Is about the myth “{title}” ({chance:.0%} sure)"
    if stance == "refute":
        return (f"{about}, and denies or corrects it.",)
    if stance == "discuss":
        return (f"{about}, without taking it for true.", *_kind_reason(post.kind))
    return (f"{about} and may repeat it, but not surely enough to alert ({score:.0%}).", *_kind_reason(post.kind))


def _kind_reason(kind: str) -> tuple[str, ...]:
    sentence = {
        "question": "Asks rather than asserts.",
        "experience": "Tells a personal story.",
        "support": "Comforts or encourages.",
        "news": "Reports news.",
    }.get(kind)
    return (sentence,) if sentence else ()
