"""Calibrates the decision on myths that no model was trained on: match probability, flag score, threshold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from services.classify.heads import Heads
from services.classify.knowledge_base import Myth
from services.classify.matching import MythIndex, load_centring
from services.classify.pipeline import Classifier, PostIn
from services.classify.policy import (
    FEATURES,
    READ_FEATURES,
    CandidateEvidence,
    Policy,
    PostEvidence,
    flag_features,
    match_features,
    read_features,
)
from services.classify.stance import StanceModel
from services.classify.training import corpus
from services.classify.training.corpus import AuthoredPost

if TYPE_CHECKING:
    from services.classify.training.build import Workshop

FALSE_FLAGS = 0.005
"""Share of authored posts that don't spread a myth, which the threshold may let through: hard cases, most of them."""

ORDINARY_FLAGS = 0.0025
"""The same of ordinary public posts, chatter and health: hundreds of times as many in a real stream."""

CAUTION = 0.02
"""Added to the threshold: calibration myths are few."""
STRENGTH = 0.05
"""Inverse of the L2 penalty: a few hundred posts must not carry twelve free weights."""

PLAUSIBLE_RECALL = 0.995
READ_MARGIN = 0.7
MARGIN = (0.4, 0.04)
"""Taken off the hybrid z-score and the cosine that keep that recall: calibration myths are few."""

PUBLIC = "public"
"""Role of ordinary public posts in the calibration."""

OPEN_POLICY = Policy((0.0,) * len(FEATURES), 0.0, (1.0, 1.0, 0.0), float("-inf"), float("-inf"), 0.0, 1.0)
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
    public = [AuthoredPost(text, "en", PUBLIC) for text in corpus.ordinary_public(shop.data, "calibration")]
    strangers = [bare(myth) for myth in shop.myths]
    evidence = gather(shop, [*posts, *public], shop.myths) + gather(shop, posts, strangers)
    match_weights, plausible, least_cosine = _fit_match(evidence)
    health = [one.seen.health for one in evidence if one.post.stance == "endorse"]
    least_health = float(np.quantile(health, 1 - PLAUSIBLE_RECALL)) / 2
    policy = Policy(OPEN_POLICY.weights, 0.0, match_weights, plausible, least_cosine, least_health, 1.0)
    weights, bias = _fit_flag(evidence, policy)
    scored = replace(policy, weights=weights, bias=bias)
    read_weights, read_bias, read_threshold = _fit_read(evidence)
    threshold = _threshold(evidence, scored)
    names = dict(zip(FEATURES, (round(value, 5) for value in weights), strict=True))
    content = {
        "flag": {"weights": names, "bias": round(bias, 5), "threshold": round(threshold, 4)},
        "match": {
            "score": round(match_weights[0], 5),
            "about": round(match_weights[1], 5),
            "bias": round(match_weights[2], 5),
            "plausible": round(plausible, 3),
            "least_cosine": round(least_cosine, 4),
            "least_health": round(least_health, 5),
        },
        "read": {
            "weights": dict(zip(READ_FEATURES, (round(value, 5) for value in read_weights), strict=True)),
            "bias": round(read_bias, 5),
            "threshold": round(read_threshold, 5),
        },
        "calibrated_on": {
            "posts": len(posts),
            "public_ordinary_posts": len(public),
            "spreading": sum(post.stance == "endorse" for post in posts),
            "false_flags_allowed": FALSE_FLAGS,
            "ordinary_flags_allowed": ORDINARY_FLAGS,
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


def _fit_match(evidence: list[Evidence]) -> tuple[tuple[float, float, float], float, float]:
    rows, truth, own_found = [], [], []
    for one in evidence:
        about = one.post.stance != "none"
        for candidate in one.candidates:
            own = candidate.myth_id == one.post.myth and about
            if candidate.stances:
                rows.append(match_features(candidate))
                truth.append(own)
                if own and one.post.stance == "endorse":
                    own_found.append((candidate.match, candidate.cosine))
    model = LogisticRegression(C=1.0).fit(np.array(rows), np.array(truth))
    plausible, least_cosine = np.quantile(np.array(own_found), 1 - PLAUSIBLE_RECALL, axis=0) - MARGIN
    weights = (float(model.coef_[0][0]), float(model.coef_[0][1]), float(model.intercept_[0]))
    return weights, float(plausible), float(least_cosine)


def _fit_read(evidence: list[Evidence]) -> tuple[tuple[float, ...], float, float]:
    """Weights, bias and threshold of the question whether a post may spread a myth, before any stance is read."""
    rows = [read_features(one.seen, [(c.match, c.cosine) for c in one.candidates]) for one in evidence]
    truth = np.array([one.post.stance == "endorse" for one in evidence])
    scaler = StandardScaler().fit(np.array(rows))
    model = LogisticRegression(C=0.3, max_iter=1_000).fit(scaler.transform(np.array(rows)), truth)
    weights: npt.NDArray[np.float64] = model.coef_[0] / scaler.scale_
    bias = float(model.intercept_[0] - (weights * scaler.mean_).sum())
    kept = model.predict_proba(scaler.transform(np.array(rows)))[truth, 1]
    return tuple(map(float, weights)), bias, float(np.quantile(kept, 1 - PLAUSIBLE_RECALL)) * READ_MARGIN


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
        half = spreads and best.myth_id != one.post.myth
        weight.append(0.5 if half else 1.0)
    scaler = StandardScaler().fit(np.array(rows))
    model = LogisticRegression(C=STRENGTH, max_iter=1_000)
    model.fit(scaler.transform(np.array(rows)), np.array(truth), sample_weight=np.array(weight))
    weights: npt.NDArray[np.float64] = model.coef_[0] / scaler.scale_
    return tuple(map(float, weights)), float(model.intercept_[0] - (weights * scaler.mean_).sum())


def _threshold(evidence: list[Evidence], policy: Policy) -> float:
    """The least score that keeps both shares of false flags."""
    scored = [(policy.flag_score(one.seen, _best(one, policy)), one.post) for one in evidence]
    authored = sorted((s for s, post in scored if post.role != PUBLIC and post.stance != "endorse"), reverse=True)
    public = sorted((s for s, post in scored if post.role == PUBLIC), reverse=True)
    return max(authored[int(FALSE_FLAGS * len(authored))], public[int(ORDINARY_FLAGS * len(public))]) + CAUTION
