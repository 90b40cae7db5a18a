"""Candidate narratives: risky claims that no known myth explains, gathered by likeness as they come. Pure but for its memory.

Online clustering to the nearest centre ("leader" clustering; Hartigan, 1975): a post joins the candidate whose centre is
near enough, else it begins one. Ids come from the words of the post that began it.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from services.classify.copypasta import wording

ALIKE = 0.6
"""Cosine of centred embeddings from which a post joins: nearer than most posts on one myth are to its claim, so candidates
stay narrow; two of one narrative can be told by an officer, a mixture can't."""

KEPT = 2_000
"""Candidates remembered; the one that nobody joined for longest is forgotten."""

MOST_WEIGHT = 50
"""Posts after which a centre no longer moves much."""

PREFIX = "narrative-"

FloatArray = npt.NDArray[np.float32]


class Narratives:
    """The candidates and their centres."""

    def __init__(self) -> None:
        self._centres: OrderedDict[str, FloatArray] = OrderedDict()
        self._weights: dict[str, int] = {}

    def join(self, text: str, vector: FloatArray) -> str:
        """Id of the candidate that a post is counted under; `vector`: its centred embedding, unit length, [384]."""
        found = self._nearest(vector) or PREFIX + hashlib.sha256(wording(text).encode()).hexdigest()[:16]
        self.remember(found, vector)
        return found

    def remember(self, candidate: str, vector: FloatArray) -> None:
        """A post that was counted under `candidate`, here or by another process."""
        weight = min(self._weights.get(candidate, 0), MOST_WEIGHT)
        centre = self._centres.get(candidate, np.zeros_like(vector)) * weight + vector
        self._centres[candidate] = (centre / max(float(np.linalg.norm(centre)), 1e-6)).astype(np.float32)
        self._weights[candidate] = weight + 1
        self._centres.move_to_end(candidate)
        while len(self._centres) > KEPT:
            forgotten, _ = self._centres.popitem(last=False)
            del self._weights[forgotten]

    def _nearest(self, vector: FloatArray) -> str:
        if not self._centres:
            return ""
        names = list(self._centres)
        near = np.stack([self._centres[name] for name in names]) @ vector
        best = int(near.argmax())
        return names[best] if near[best] >= ALIKE else ""
