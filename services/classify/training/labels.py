"""What each public source says about a post, in the terms of the heads.

The sources define "claim" and "misinformation" differently (see the data card), so each label is
mapped by hand, a label that means something else is left out, and each source gets an offset of its
own while training (fit_heads.py) that is dropped afterwards. Weights are shares of an ordinary row.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.classify.heads import KINDS


@dataclass(frozen=True)
class Target:
    """Targets of one row; None where the row says nothing. `kind` is a place in KINDS."""

    health: float | None = None
    kind: int | None = None
    claim: float | None = None
    misinformation: float | None = None
    weight: float = 1.0


def _kind(name: str) -> int:
    return KINDS.index(name)


CLAIM_KIND = {
    ("claff", "advice_informational_support"): Target(),
    ("claff", "emotional_support"): Target(kind=_kind("support"), claim=0),
    ("claff", "personal_disclosure"): Target(kind=_kind("experience"), weight=0.5),
    ("cw_cure", "health_claim"): Target(health=1, kind=_kind("claim"), claim=1),
    ("cw_cure", "no_health_claim"): Target(claim=0),
    ("redhot", "experience_based_claim"): Target(health=1, claim=1, weight=0.5),
    ("redhot", "health_claim"): Target(health=1, kind=_kind("claim"), claim=1),
    ("redhot", "personal_experience"): Target(health=1, kind=_kind("experience"), claim=0),
    ("redhot", "question"): Target(health=1, kind=_kind("question"), claim=0),
    ("rhmd", "news_or_general_health"): Target(health=1, weight=0.5),
    ("rhmd", "non_health_chatter"): Target(health=0, kind=_kind("chatter"), claim=0),
    ("rhmd", "personal_experience"): Target(health=1, kind=_kind("experience"), claim=0, weight=0.7),
    ("scitweets", "no_claim"): Target(claim=0),
    ("scitweets", "science_claim"): Target(claim=1, weight=0.7),
    ("selfmed", "health_claim"): Target(health=1, kind=_kind("claim"), claim=1),
    ("selfmed", "no_health_claim"): Target(claim=0),
    ("tweeteval", "non_health_chatter"): Target(health=0, kind=_kind("chatter"), claim=0, misinformation=0),
    # All on vaccines: at full weight they teach that whatever is about vaccines asks.
    ("vira", "question"): Target(health=1, kind=_kind("question"), claim=0, misinformation=0, weight=0.4),
}  # fmt: skip

MISINFORMATION = {
    ("anik", "misinformation_noisy"): Target(misinformation=1, weight=0.3),
    ("coaid", "misinformation"): Target(health=1, misinformation=1),
    ("coaid", "reliable"): Target(health=1, misinformation=0, weight=0.5),
    # "Health-agency style against the rest": alone it teaches to flag nine in ten ordinary health posts.
    ("constraint", "misinformation"): Target(misinformation=1, weight=0.15),
    ("constraint", "reliable"): Target(health=1, misinformation=0, weight=0.15),
    ("covid_rumor", "misinformation"): Target(kind=_kind("claim"), claim=1, misinformation=1, weight=0.7),
    ("covid_rumor", "reliable"): Target(misinformation=0, weight=0.7),
    ("fullfact", "misinformation"): Target(misinformation=1),
    ("fullfact", "reliable"): Target(misinformation=0),
    ("pubhealth", "misinformation"): Target(health=1, misinformation=1),
    ("pubhealth", "reliable"): Target(health=1, misinformation=0),
    ("caves", "antivax_concern"): Target(health=1, kind=_kind("claim"), claim=1, misinformation=1, weight=0.5),
    ("caves", "none"): Target(health=1, misinformation=0, weight=0.5),
    ("yuan", "antivax_stance"): Target(health=1, misinformation=1, weight=0.7),
    ("yuan", "provax_stance"): Target(health=1, misinformation=0, weight=0.7),
}

AUTHORED = {
    "endorse_blunt": Target(1, _kind("claim"), 1, 1),
    "endorse_subtle": Target(1, _kind("claim"), 1, 1),
    "debunk": Target(1, _kind("claim"), 1, 0),
    "correct": Target(1, _kind("claim"), 1, 0),
    "sarcasm_refute": Target(1, None, None, 0),
    "question": Target(1, _kind("question"), 0, 0),
    "experience": Target(1, _kind("experience"), 0, 0),
    "comfort": Target(1, _kind("support"), 0, 0),
    "news": Target(1, _kind("news"), None, 0),
    "near_miss": Target(1, _kind("claim"), 1, 0),
    "same_words": Target(0, _kind("chatter"), 0, 0),
}

ORDINARY = {
    "chatter": Target(0, _kind("chatter"), 0, 0),
    "satire": Target(None, _kind("chatter"), 0, 0),
    "health_claim": Target(1, _kind("claim"), 1, 0),
    "question": Target(None, _kind("question"), 0, 0),
    "experience": Target(None, _kind("experience"), 0, 0),
    "support": Target(None, _kind("support"), 0, 0),
    "comfort": Target(None, _kind("support"), 0, 0),
    "news": Target(None, _kind("news"), None, 0),
    "debunk": Target(1, _kind("claim"), 1, 0),
}


def of_public(name: str, source: str, label: str) -> Target | None:
    """Target of a row of `claim_kind` or `misinformation`; None when it is not used."""
    table = CLAIM_KIND if name == "claim_kind" else MISINFORMATION
    if source == "caves":
        label = "none" if label.endswith(":none") else label.split(":")[0]
    return table.get((source, label))
