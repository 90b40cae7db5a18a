"""What goes into the pipeline and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.classify.heads import KINDS
from services.classify.policy import CandidateEvidence, PostEvidence

FloatArray = npt.NDArray[np.float32]

GATED = PostEvidence(0.0, 0.0, 0.0, {kind: float(kind == "chatter") for kind in KINDS})


@dataclass(frozen=True)
class PostIn:
    """A post to classify; `language` empty or "und": detect it. `parent`: text of the post it answers, where known."""

    id: str
    text: str
    language: str = ""
    parent: str = ""


@dataclass(frozen=True)
class Reading:
    """Probabilities of what a post does with a myth (stance.STANCES) and of what it was written as (stance.ROLES)."""

    stances: tuple[float, ...]
    roles: tuple[float, ...]


@dataclass(frozen=True)
class Verdict:
    """The answer on one post; scores are 0-1, `candidates` are (myth id, score), best first, at most 5."""

    id: str
    language: str
    health: float
    kind: str
    claim: float
    misinformation: float
    candidates: tuple[tuple[str, float], ...]
    stance: str
    stance_score: float
    flag: bool
    flag_score: float
    reasons: tuple[str, ...]
    model_version: str
    unexplained: FloatArray | None = field(default=None, repr=False, compare=False)
    """The embedding [384] of a risky claim, flagged or not, that no known myth explains: a stream gathers it into a candidate
    narrative."""
    evidence: tuple[PostEvidence, tuple[CandidateEvidence, ...]] = field(repr=False, compare=False, default=(GATED, ()))

    @property
    def myth_id(self) -> str:
        """The myth it is counted under; empty when not flagged."""
        return self.candidates[0][0] if self.flag and self.candidates else ""
