"""Calibrates the decision on myths that no model was trained on: match probability, flag score, threshold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from services.classify.evaluation.figures import precision_at_share
from services.classify.gate import Gate
from services.classify.heads import Heads
from services.classify.knowledge_base import Myth
from services.classify.matching import MythIndex, load_matching
from services.classify.pipeline import Classifier
from services.classify.policy import (
    FEATURES,
    MATCH_FEATURES,
    READ_FEATURES,
    CandidateEvidence,
    Policy,
    PostEvidence,
    decide,
    flag_features,
    match_features,
    read_features,
)
from services.classify.stance import StanceModel
from services.classify.training import corpus, fit_gate
from services.classify.training.corpus import AuthoredPost
from services.classify.verdict import PostIn

if TYPE_CHECKING:
    from services.classify.training.build import Workshop

REFUTING = 4.0
"""Weight of a post that refutes a myth: flagging one is the worst mistake (refuting posts flagged on dev: .024 against .032, at
equal recall)."""

PRECISION = {"low": 0.97, "moderate": 0.95, "high": 0.95}
"""Wanted among flagged posts around myths, when a third of such posts spread one: by the myth's level of harm. A wrong alert on a
harmless myth is worth nobody's time."""

UNKNOWN_HARM = "moderate"
"""Myths of a list that doesn't give their harm are treated as these."""

SPREADING_SHARE = 1 / 3

ORDINARY_FLAGS = 0.0015
"""Share of ordinary public posts, chatter and health, that may be flagged: hundreds of times as many in a real stream."""

FEW = 100
"""Flags on which a precision is measured at least."""

CAUTION = 0.02
"""Added to the threshold: calibration myths are few."""
STRENGTH = 0.05
"""Inverse of the L2 penalty: a few hundred posts must not carry twelve free weights."""

PLAUSIBLE_RECALL = 0.995
READ_MARGIN = 0.5
MARGIN = (0.4, 0.04)
"""Taken off the hybrid z-score and the cosine that keep that recall: calibration myths are few."""

SHORT_LIST = 60
"""Myths in the shortest list that posts are calibrated against, beside the whole knowledge base and its bare claims."""

PUBLIC = "public"
"""Role of ordinary public posts in the calibration."""

OPEN_POLICY = Policy(
    weights=(0.0,) * len(FEATURES),
    bias=0.0,
    match_weights=(0.0,) * len(MATCH_FEATURES),
    match_bias=-100.0,
    plausible=float("-inf"),
    least_cosine=float("-inf"),
    least_health=0.0,
    threshold=1.0,
)
"""Reads every candidate (none is ever settled) and flags nothing: for gathering evidence."""


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
    own = shop.myths_of("calibration")[:SHORT_LIST]
    others = {myth.id for myth in shop.myths} - {myth.id for myth in own}
    strangers = [myth.bare() for myth in shop.myths]
    evidence = gather(shop, [*posts, *public], [shop.myths, strangers])
    evidence += gather(shop, [p for p in posts if p.myth not in others] + public, [[myth.bare() for myth in own]])
    content = fitted(evidence)
    (shop.out / "policy.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    policy = Policy.load(shop.out / "policy.json")
    fit_gate.set_thresholds(
        shop.out / "gate.safetensors", shop.encoder(), sorted({one.post.text for one in flaggable(evidence, policy)})
    )


def flaggable(evidence: Sequence[Evidence], policy: Policy) -> list[Evidence]:
    """Posts that spread a myth and would be flagged: what the steps before must not lose."""
    return [one for one in evidence if one.post.stance == "endorse" and decide(one.seen, one.candidates, policy).flag]


def fitted(evidence: list[Evidence]) -> dict[str, Any]:
    """policy.json, of what the pipeline saw in the calibration posts."""
    match_weights, match_bias, plausible, least_cosine = _fit_match(evidence)
    health = [one.seen.health for one in evidence if one.post.stance == "endorse"]
    least_health = float(np.quantile(health, 1 - PLAUSIBLE_RECALL)) / 2
    policy = replace(
        OPEN_POLICY, match_weights=match_weights, match_bias=match_bias,
        plausible=plausible, least_cosine=least_cosine, least_health=least_health,
    )  # fmt: skip
    weights, bias = _fit_flag(evidence, policy)
    scored = replace(policy, weights=weights, bias=bias)
    by_harm = {harm: round(_threshold(evidence, scored, wanted), 4) for harm, wanted in PRECISION.items()}
    # Of lists in which every claim is stated once: fewer of their myths are near a post by accident.
    bare = _threshold([one for one in evidence if _is_bare(one)], scored, PRECISION[UNKNOWN_HARM])
    relief = max(0.0, round(by_harm[UNKNOWN_HARM] - bare, 4))
    scored = replace(scored, threshold=by_harm[UNKNOWN_HARM], by_harm=by_harm, bare_relief=relief)
    read_weights, read_bias, read_threshold = _fit_read(evidence, flaggable(evidence, scored))
    names = dict(zip(FEATURES, (round(value, 5) for value in weights), strict=True))
    authored = [one.post for one in evidence if one.post.role != PUBLIC]
    return {
        "flag": {
            "weights": names,
            "bias": round(bias, 5),
            "threshold": scored.threshold,
            "by_harm": by_harm,
            "bare_relief": relief,
        },
        "match": {
            **dict(zip(MATCH_FEATURES, (round(value, 5) for value in match_weights), strict=True)),
            "bias": round(match_bias, 5),
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
            "posts": len(set(authored)),
            "public_ordinary_posts": len({one.post for one in evidence if one.post.role == PUBLIC}),
            "spreading": len({post for post in authored if post.stance == "endorse"}),
            "precision_wanted": PRECISION,
            "ordinary_flags_allowed": ORDINARY_FLAGS,
        },
    }


def gather(shop: Workshop, posts: Sequence[AuthoredPost], lists: Sequence[Sequence[Myth]]) -> list[Evidence]:
    """Runs the pipeline with the weights made so far, every candidate read, against each list of myths."""
    encoder = shop.encoder()
    index = MythIndex(lists[0], encoder, load_matching(shop.out / "matching.safetensors")[0], background=shop.myths)
    stance = StanceModel(shop.out / "stance.safetensors", encoder.engine, shop.file)
    gate, heads = Gate(shop.out / "gate.safetensors", encoder), Heads(shop.out / "heads.safetensors")
    classifier = Classifier(encoder, gate, heads, index, stance, OPEN_POLICY, "")
    wanted = [PostIn(str(place), post.text, post.language) for place, post in enumerate(posts)]
    return [
        Evidence(post, *verdict.evidence)
        for myths in lists
        for post, verdict in zip(posts, classifier.with_myths(myths).classify(wanted, gate=False), strict=True)
    ]


def _fit_match(evidence: list[Evidence]) -> tuple[tuple[float, ...], float, float, float]:
    """Weights and bias of the match probability; the least hybrid z-score and cosine that are worth reading."""
    rows, truth, own_found = [], [], []
    for one in evidence:
        about = one.post.stance != "none"
        for candidate, values in zip(one.candidates, match_features(one.candidates), strict=True):
            own = candidate.myth_id == one.post.myth and about
            if candidate.stances:
                rows.append(values)
                truth.append(own)
                if own and one.post.stance == "endorse":
                    own_found.append((candidate.match, candidate.cosine))
    weights, bias = _logistic(np.array(rows), np.array(truth), 1.0)
    plausible, least_cosine = np.quantile(np.array(own_found), 1 - PLAUSIBLE_RECALL, axis=0) - MARGIN
    return weights, bias, float(plausible), float(least_cosine)


def _logistic(
    rows: npt.NDArray[np.float64],
    truth: npt.NDArray[np.bool_],
    strength: float,
    sample_weight: npt.NDArray[np.float64] | None = None,
) -> tuple[tuple[float, ...], float]:
    """Weights and bias for the values as they are, fitted to values of one scale; `strength` is the inverse L2 penalty."""
    scaler = StandardScaler().fit(rows)
    model = LogisticRegression(C=strength, max_iter=1_000)
    model.fit(scaler.transform(rows), truth, sample_weight=sample_weight)
    weights: npt.NDArray[np.float64] = model.coef_[0] / scaler.scale_
    return tuple(map(float, weights)), float(model.intercept_[0] - (weights * scaler.mean_).sum())


def _fit_read(evidence: list[Evidence], wanted: list[Evidence]) -> tuple[tuple[float, ...], float, float]:
    """Weights, bias and threshold of the question whether a post may spread a myth, before any stance is read."""
    rows = _read_rows(evidence)
    truth = np.array([one.post.stance == "endorse" for one in evidence])
    weights, bias = _logistic(rows, truth, 0.3)
    kept = 1 / (1 + np.exp(-(_read_rows(wanted) @ np.array(weights) + bias)))
    return weights, bias, float(np.quantile(kept, 1 - PLAUSIBLE_RECALL)) * READ_MARGIN


def _is_bare(one: Evidence) -> bool:
    return not any(candidate.told for candidate in one.candidates)


def _read_rows(evidence: list[Evidence]) -> npt.NDArray[np.float64]:
    return np.array([read_features(one.seen, [(c.match, c.cosine) for c in one.candidates]) for one in evidence])


def _best(one: Evidence, policy: Policy) -> CandidateEvidence:
    chances = policy.match_probabilities(one.candidates)
    return one.candidates[max(range(len(chances)), key=lambda place: chances[place])]


def _fit_flag(evidence: list[Evidence], policy: Policy) -> tuple[tuple[float, ...], float]:
    rows, truth, weight = [], [], []
    for one in evidence:
        best = _best(one, policy)
        spreads = one.post.stance == "endorse"
        rows.append(flag_features(one.seen, best))
        truth.append(spreads)
        # The wrong myth for a post that spreads another: half right.
        half = spreads and best.myth_id != one.post.myth
        weight.append(REFUTING if one.post.stance == "refute" else 0.5 if half else 1.0)
    return _logistic(np.array(rows), np.array(truth), STRENGTH, np.array(weight))


def _threshold(evidence: list[Evidence], policy: Policy, wanted: float) -> float:
    """The least score that keeps the precision `wanted` around myths, and few ordinary public posts."""
    scored = [(policy.flag_score(one.seen, _best(one, policy)), one.post) for one in evidence]
    public = sorted((score for score, post in scored if post.role == PUBLIC), reverse=True)
    about = [(score, post.stance == "endorse") for score, post in scored if post.myth]
    truth = [spreads for _, spreads in about]
    least = 1.0
    for score, _ in sorted(about, reverse=True):
        flags = [other >= score for other, _ in about]
        # A single wrong flag among the first few says nothing yet.
        if sum(flags) < FEW or precision_at_share(truth, flags, SPREADING_SHARE) >= wanted:
            least = score
    return max(least, public[int(ORDINARY_FLAGS * len(public))]) + CAUTION
