"""The decision: from what the models saw to flag or pass, with reasons. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.classify.reasons import reasons
from services.classify.stance import ROLES, STANCES

FEATURES = (
    "endorse", "refute", "about", "match", "cosine", "claim", "misinformation", "health",
    "question", "experience", "support", "news", "chatter",
    "as_blunt", "as_subtle", "as_refuting", "as_asking", "as_telling", "as_comforting", "as_reporting", "as_near_miss", "as_unrelated",
)  # fmt: skip
"""What the flag is decided on, in this order (see `flag_features`); the last nine are what stance and post together read as."""

ROLE_GROUPS = (
    ("endorse_blunt",), ("endorse_subtle",), ("debunk", "correct", "sarcasm_refute"), ("question",), ("experience",),
    ("comfort",), ("news",), ("near_miss",), ("same_words", "other"),
)  # fmt: skip

READ_FEATURES = (
    "match", "cosine", "lead", "claim", "misinformation", "health", "question", "experience", "support", "news", "chatter",
)  # fmt: skip
"""What decides whether the stance model reads a post at all, in a stream (see `read_features`)."""

MATCH_FEATURES = ("score", "lead", "about_any", "about")
"""What the match probability is made of (see `match_features`)."""

MATCH_SETTINGS = {*MATCH_FEATURES, "bias", "plausible", "least_cosine", "least_health"}


@dataclass(frozen=True)
class CandidateEvidence:
    """One myth beside a post: hybrid z-score, cosine, and probabilities of the stances and roles (None: not read).

    `harm`: low, moderate or high; empty where the list of myths doesn't say. `told`: how fully the myth is told, 0 (in one
    sentence) to 1 (as the built-in ones are).
    """

    myth_id: str
    title: str
    match: float
    cosine: float
    stances: tuple[float, ...] | None = None
    roles: tuple[float, ...] | None = None
    harm: str = ""
    told: float = 1.0

    @property
    def endorse(self) -> float:
        """0-1: does the post spread this myth."""
        return self.stances[0] if self.stances else 0.0

    @property
    def refute(self) -> float:
        """0-1: does the post deny or correct it."""
        return self.stances[STANCES.index("refute")] if self.stances else 0.0

    def written_as(self, roles: Sequence[str]) -> float:
        """0-1: was the post, beside this myth, written as one of `roles` (stance.ROLES); unrelated when not read."""
        if self.roles is None:
            return float("other" in roles)
        return sum(self.roles[ROLES.index(role)] for role in roles)

    @property
    def about(self) -> float:
        """0-1: is the post about this myth at all."""
        return 1 - self.stances[STANCES.index("none")] if self.stances else 0.0


@dataclass(frozen=True)
class PostEvidence:
    """What the heads saw in a post, 0-1; `kinds` are probabilities by kind."""

    health: float
    claim: float
    misinformation: float
    kinds: dict[str, float]

    @property
    def kind(self) -> str:
        """The most likely kind."""
        return max(self.kinds, key=lambda name: self.kinds[name])


@dataclass(frozen=True)
class Policy:
    """Calibrated weights. `flag_score` is a probability in a stream like the calibration posts.

    `threshold` is for myths whose harm isn't known; `by_harm` has those for the levels of harm; `bare_relief` is taken off for
    a claim that is stated once only, which fewer posts are near by accident.
    """

    weights: tuple[float, ...]
    bias: float
    match_weights: tuple[float, ...]
    match_bias: float
    plausible: float
    least_cosine: float
    least_health: float
    threshold: float
    by_harm: Mapping[str, float] = field(default_factory=dict)
    bare_relief: float = 0.0
    read_weights: tuple[float, ...] = (0.0,) * len(READ_FEATURES)
    read_bias: float = 0.0
    read_threshold: float = 0.0

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Reads policy.json. Raises ValueError, naming the file and the command, when it was made for other code."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        match, read = raw["match"], raw["read"]
        as_here = tuple(raw["flag"]["weights"]) == FEATURES and tuple(read["weights"]) == READ_FEATURES
        if not as_here or match.keys() != MATCH_SETTINGS:
            raise ValueError(f"model file of another version: {path}; make it anew with `mythwatch train`")
        return cls(
            weights=tuple(raw["flag"]["weights"].values()),
            bias=raw["flag"]["bias"],
            match_weights=tuple(match[name] for name in MATCH_FEATURES),
            match_bias=match["bias"],
            plausible=match["plausible"],
            least_cosine=match["least_cosine"],
            least_health=match["least_health"],
            threshold=raw["flag"]["threshold"],
            by_harm=raw["flag"]["by_harm"],
            bare_relief=raw["flag"]["bare_relief"],
            read_weights=tuple(read["weights"].values()),
            read_bias=read["bias"],
            read_threshold=read["threshold"],
        )

    def is_plausible(self, post: PostEvidence, match: float, cosine: float) -> bool:
        """Is a candidate with this hybrid z-score and cosine worth the stance model's time."""
        return match >= self.plausible and cosine >= self.least_cosine and post.health >= self.least_health

    def may_spread(self, post: PostEvidence, found: Sequence[tuple[float, float]]) -> bool:
        """Could a post spread one of the myths found, best first, as (hybrid z-score, cosine)? Before any stance is read.

        It keeps nearly every post that does (its recall is calibrated) and leaves four in five ordinary ones unread.
        """
        if not found:
            return False
        values = read_features(post, found)
        score = _sigmoid(sum(w * v for w, v in zip(self.read_weights, values, strict=True)) + self.read_bias)
        return score >= self.read_threshold

    def is_settled(self, candidates: Sequence[CandidateEvidence]) -> bool:
        """Is the nearest candidate, the only one read, so surely the one that the next ones needn't be."""
        return self.match_probabilities(candidates)[0] >= SETTLED

    def threshold_for(self, candidate: CandidateEvidence) -> float:
        """Flag score from which a post that spreads this myth is flagged: a harmless one takes more certainty."""
        return self.by_harm.get(candidate.harm, self.threshold) - self.bare_relief * (1 - candidate.told)

    def match_probabilities(self, candidates: Sequence[CandidateEvidence]) -> list[float]:
        """0-1 for each: is the post about this myth, from how near it is and, where read, what the stance model says."""
        return [
            _sigmoid(sum(w * v for w, v in zip(self.match_weights, values, strict=True)) + self.match_bias)
            for values in match_features(candidates)
        ]

    def flag_score(self, post: PostEvidence, candidate: CandidateEvidence) -> float:
        """0-1: probability that the post spreads this myth."""
        values = flag_features(post, candidate)
        return _sigmoid(sum(w * v for w, v in zip(self.weights, values, strict=True)) + self.bias)


class Decided(Protocol):
    """What a decision and a verdict have in common."""

    @property
    def flag(self) -> bool: ...

    @property
    def candidates(self) -> tuple[tuple[str, float], ...]: ...


@dataclass(frozen=True)
class Decision:
    """The answer on one post. `candidates` best first, each with the probability that the post is about it."""

    candidates: tuple[tuple[str, float], ...]
    stance: str
    stance_score: float
    flag: bool
    flag_score: float
    reasons: tuple[str, ...]


SETTLED = 0.8
"""Probability of the first candidate's match from which the stance model reads no further ones."""

NAMED = 0.3
"""Match probability from which a flagged post is counted under its myth in a stream: seven in eight of those on dev are right, of
the ones below one in four. Those spread something else, for a candidate narrative."""

EXPLAINED = 0.5
"""Match probability from which a known myth explains a post."""

SURE, RISKY = 0.8, 0.9
"""Least `health` and `claim`, and least `misinformation`, of a post in a candidate narrative."""

LISTED = 5
"""Candidates in a verdict."""

_UNREAD = -4.0
"""Stands for the stance model's answer on a candidate too far off to be read."""


def read_features(post: PostEvidence, found: Sequence[tuple[float, float]]) -> list[float]:
    """The values of READ_FEATURES; `lead` is how far the best myth is ahead of the second."""
    (match, cosine), second = found[0], found[1] if len(found) > 1 else (0.0, 0.0)
    heads = [_logit(post.claim), _logit(post.misinformation), _logit(post.health)]
    return [match, cosine, match - second[0], *heads, *(_logit(post.kinds[name]) for name in READ_FEATURES[6:])]


def match_features(candidates: Sequence[CandidateEvidence]) -> list[list[float]]:
    """The values of MATCH_FEATURES for each: the hybrid z-score; by how much it leads the nearest other; the log-odds of being
    about any of those read, which say little on which of them, and about this one, in proportion.
    """
    about = [_logit(one.about) if one.stances else _UNREAD for one in candidates]
    most = max(about, default=_UNREAD)
    found = []
    for place, one in enumerate(candidates):
        others = [other.match for at, other in enumerate(candidates) if at != place]
        found.append([one.match, one.match - max(others, default=0.0), most, about[place] - most])
    return found


def flag_features(post: PostEvidence, candidate: CandidateEvidence) -> list[float]:
    """The values of FEATURES: log-odds of probabilities, the match as it is."""
    return [
        _logit(candidate.endorse),
        _logit(candidate.refute),
        _logit(candidate.about),
        candidate.match,
        candidate.cosine,
        _logit(post.claim),
        _logit(post.misinformation),
        _logit(post.health),
        *(_logit(post.kinds[name]) for name in FEATURES[8:13]),
        *(_logit(candidate.written_as(group)) for group in ROLE_GROUPS),
    ]


def is_unexplained(post: PostEvidence, decision: Decided) -> bool:
    """A claim on health that reads like misinformation, or is flagged, and that no known myth explains: for a candidate
    narrative instead of a case of a wrong myth."""
    chance = decision.candidates[0][1] if decision.candidates else 0.0
    if decision.flag:
        return chance < NAMED
    return (
        chance < EXPLAINED
        and post.kind == "claim"
        and min(post.health, post.claim) >= SURE
        and post.misinformation >= RISKY
    )


def decide(post: PostEvidence, candidates: Sequence[CandidateEvidence], policy: Policy) -> Decision:
    """Orders the candidates, reads the stance towards the best one, and flags or passes."""
    scored = sorted(
        zip(policy.match_probabilities(candidates), candidates, strict=True),
        key=lambda pair: (-pair[0], -pair[1].match, pair[1].myth_id),
    )
    if not scored:
        return Decision((), "none", 1.0, False, 0.0, ("No known myth to compare with.",))
    chance, best = scored[0]
    stances = best.stances or (0.0, 0.0, 0.0, 1.0)
    place = max(range(len(stances)), key=lambda index: stances[index])
    score = policy.flag_score(post, best)
    flag = score >= policy.threshold_for(best) and best.stances is not None
    return Decision(
        candidates=tuple((one.myth_id, round(value, 4)) for value, one in scored[:LISTED]),
        stance="endorse" if flag else STANCES[place],
        stance_score=round(stances[0] if flag else stances[place], 4),
        flag=flag,
        flag_score=round(score, 4),
        reasons=reasons(post, best, chance, STANCES[place], flag, score),
    )


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))
