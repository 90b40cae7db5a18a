"""Calibrates the decision on myths that no model was trained on: match probability, flag score, threshold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from services.classify.heads import Heads
from services.classify.knowledge_base import Myth
from services.classify.matching import MythIndex, load_centring
from services.classify.pipeline import Classifier, PostIn
from services.classify.policy import FEATURES, CandidateEvidence, Policy, PostEvidence, flag_features, match_features
from services.classify.stance import StanceModel
from services.classify.training.corpus import AuthoredPost

if TYPE_CHECKING:
    from services.classify.training.build import Workshop

FALSE_FLAGS = 0.015
"""Share of posts that don't spread the myth which the threshold may let through, on calibration posts."""

NEVER_SEEN = 1e-3
STRENGTH = 0.05
"""Inverse of the L2 penalty: a few hundred posts must not carry twelve free weights."""

PLAUSIBLE_RECALL = 0.995

OPEN_POLICY = Policy((0.0,) * len(FEATURES), 0.0, (1.0, 1.0, 0.0), float("-inf"), 1.0)
"""Reads every candidate and flags nothing: for gathering evidence."""


@dataclass(frozen=True)
class Evidence:
    """One calibration post with what the pipeline saw in it."""

    post: AuthoredPost
    seen: PostEvidence
    candidates: tuple[CandidateEvidence, ...]


def fit_policy(shop: Workshop) -> None:
    """Writes policy.json."""
    posts = shop.posts_of("calibration")
    evidence = gather(shop, posts, shop.myths) + gather(shop, posts, [bare(myth) for myth in shop.myths])
    match_weights, plausible = _fit_match(evidence)
    policy = Policy(OPEN_POLICY.weights, 0.0, match_weights, plausible, 1.0)
    weights, bias = _fit_flag(evidence, policy)
    scored = Policy(weights, bias, match_weights, plausible, 1.0)
    threshold = _threshold(evidence, scored)
    names = dict(zip(FEATURES, (round(value, 5) for value in weights), strict=True))
    content = {
        "flag": {"weights": names, "bias": round(bias, 5), "threshold": round(threshold, 4)},
        "match": {
            "score": round(match_weights[0], 5),
            "about": round(match_weights[1], 5),
            "bias": round(match_weights[2], 5),
            "plausible": round(plausible, 3),
        },
        "calibrated_on": {
            "posts": len(posts),
            "spreading": sum(post.stance == "endorse" for post in posts),
            "false_flags_allowed": FALSE_FLAGS,
        },
    }
    (shop.out / "policy.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def bare(myth: Myth) -> Myth:
    """The myth as a stranger's file would give it: id and the English claim."""
    return Myth(id=myth.id, claim={"en": myth.title("en")})


def gather(shop: Workshop, posts: Sequence[AuthoredPost], myths: Sequence[Myth]) -> list[Evidence]:
    """Runs the pipeline with the weights made so far, every candidate read."""
    index = MythIndex(myths, shop.encoder, load_centring(shop.out / "matching.safetensors"), background=shop.myths)
    stance = StanceModel(shop.out / "stance.safetensors", shop.encoder.precision, shop.file)
    heads = Heads(shop.out / "heads.safetensors")
    classifier = Classifier(shop.encoder, heads, index, stance, OPEN_POLICY, "")
    wanted = [PostIn(str(place), post.text, post.language) for place, post in enumerate(posts)]
    verdicts = classifier.classify(wanted, gate=False)
    return [Evidence(post, *verdict.evidence) for post, verdict in zip(posts, verdicts, strict=True)]


def _fit_match(evidence: list[Evidence]) -> tuple[tuple[float, float, float], float]:
    rows, truth, own_scores = [], [], []
    for one in evidence:
        about = one.post.stance != "none"
        for candidate in one.candidates:
            own = candidate.myth_id == one.post.myth and about
            if candidate.stances:
                rows.append(match_features(candidate))
                truth.append(own)
                if own and one.post.stance == "endorse":
                    own_scores.append(candidate.match)
    model = LogisticRegression(C=1.0).fit(np.array(rows), np.array(truth))
    plausible = float(np.quantile(own_scores, 1 - PLAUSIBLE_RECALL)) - 0.2
    return (float(model.coef_[0][0]), float(model.coef_[0][1]), float(model.intercept_[0])), plausible


def _best(one: Evidence, policy: Policy) -> CandidateEvidence:
    return max(one.candidates, key=policy.match_probability)


def _fit_flag(evidence: list[Evidence], policy: Policy) -> tuple[tuple[float, ...], float]:
    rows, truth, weight = [], [], []
    for one in evidence:
        best = _best(one, policy)
        spreads = one.post.stance == "endorse"
        rows.append(flag_features(one.seen, best))
        truth.append(spreads)
        # The wrong myth for a post that spreads another: half right.
        weight.append(0.5 if spreads and best.myth_id != one.post.myth else 1.0)
    scaler = StandardScaler().fit(np.array(rows))
    model = LogisticRegression(C=STRENGTH, max_iter=1_000)
    model.fit(scaler.transform(np.array(rows)), np.array(truth), sample_weight=np.array(weight))
    weights: npt.NDArray[np.float64] = model.coef_[0] / scaler.scale_
    return tuple(map(float, weights)), float(model.intercept_[0] - (weights * scaler.mean_).sum())


def _threshold(evidence: list[Evidence], policy: Policy) -> float:
    """The least score that lets through no more than FALSE_FLAGS of what doesn't spread, and no ordinary post."""
    scores = np.array([policy.flag_score(one.seen, _best(one, policy)) for one in evidence])
    others = np.sort(scores[[one.post.stance != "endorse" for one in evidence]])[::-1]
    ordinary = max((s for s, one in zip(scores, evidence, strict=True) if not one.post.myth), default=0.0)
    allowed = others[int(FALSE_FLAGS * len(others))]
    return float(max(allowed, ordinary) + NEVER_SEEN)
