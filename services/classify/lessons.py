"""What "not a myth" changes in a decision: posts like the counter-examples pass, others about that myth must be surer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from services.classify.live_knowledge import Lesson

ALIKE = 0.8
"""Cosine of centred embeddings from which a post is like a counter-example; other posts on a myth seldom come nearer than .7."""

RAISE = 1.0
"""Added to the threshold's log-odds for each dismissed case."""

MOST_RAISED = 3

FloatArray = npt.NDArray[np.float32]


class Lessons:
    """Lessons with the embeddings of their counter-examples."""

    def __init__(self, lessons: Mapping[str, Lesson], embed: Callable[[list[str]], FloatArray]) -> None:
        self._dismissed = {myth: lesson.dismissed for myth, lesson in lessons.items()}
        self._vectors = {myth: embed(list(lesson.texts)) for myth, lesson in lessons.items() if lesson.texts}

    def objection(self, myth_id: str, vector: FloatArray, flag_score: float, threshold: float) -> str:
        """Why a post that would be flagged passes; empty when it doesn't. `vector`: the post's embedding, [384]."""
        dismissed = min(self._dismissed.get(myth_id, 0), MOST_RAISED)
        if not dismissed:
            return ""
        examples = self._vectors.get(myth_id)
        if examples is not None and float((examples @ vector).max()) >= ALIKE:
            return "Is like a post that people judged not to spread the myth."
        odds = math.log(threshold / (1 - threshold)) if 0 < threshold < 1 else 0.0
        needed = 1 / (1 + math.exp(-(odds + RAISE * dismissed)))
        if flag_score < needed:
            return f"People judged a case about it not to be a myth, so it takes {needed:.0%} to alert."
        return ""
