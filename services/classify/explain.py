"""Why a post got its verdict: each stage's answer, and the words that mattered.

A word matters by how much the flag score falls when it is left out (occlusion; Zeiler and Fergus, 2014): what the whole
pipeline makes of the change, not what a stage looks at.
"""

from __future__ import annotations

import re
from typing import Any

from services.classify.pipeline import Classifier
from services.classify.stance import STANCES
from services.classify.verdict import PostIn, Verdict

MOST_PARTS = 60
"""Parts left out in turn; of a longer post a part is several words."""

LISTED = 8

_WORD = re.compile(r"\S+")


def explain(classifier: Classifier, post: PostIn, verdict: Verdict) -> dict[str, Any]:
    """The stages' answers and `words`: up to 8 parts of the text, by how much they raised the flag score (or lowered it)."""
    seen, candidates = verdict.evidence
    words, glance, states = classifier.passes([post.text])[0]
    return {
        "gate": {
            "words_pass": words,
            "glance_pass": glance,
            "states_pass": states,
            "may_spread": classifier.would_read_on(verdict),
        },
        "heads": {
            "health": round(seen.health, 4),
            "kinds": {name: round(value, 4) for name, value in seen.kinds.items()},
            "claim": round(seen.claim, 4),
            "misinformation": round(seen.misinformation, 4),
        },
        "matching": [
            {
                "myth_id": one.myth_id,
                "claim": one.title,
                "hybrid_z": round(one.match, 3),
                "cosine": round(one.cosine, 3),
                "stances": dict(zip(STANCES, (round(p, 4) for p in one.stances), strict=True)) if one.stances else None,
            }
            for one in candidates
        ],
        "policy": {"flag_score": verdict.flag_score, "threshold": classifier.threshold_of(verdict)},
        "words": _words(classifier, post.text, verdict),
    }


def _words(classifier: Classifier, text: str, whole: Verdict) -> list[dict[str, Any]]:
    places = [match.span() for match in _WORD.finditer(text)]
    if len(places) < 2:
        return []
    together = -(-len(places) // MOST_PARTS)
    parts = [(places[i][0], places[min(i + together, len(places)) - 1][1]) for i in range(0, len(places), together)]
    # Told once: a text with a word less must not be taken for another language.
    without = [
        PostIn(str(number), (text[:start] + text[end:]).strip(), whole.language)
        for number, (start, end) in enumerate(parts)
    ]
    scores = [verdict.flag_score for verdict in classifier.classify(without, gate=False)]
    found = [
        {"text": text[start:end], "raises_flag_score_by": round(whole.flag_score - score, 4)}
        for (start, end), score in zip(parts, scores, strict=True)
    ]
    found.sort(key=lambda one: -abs(float(str(one["raises_flag_score_by"]))))
    return found[:LISTED]
