"""The heads: small networks on the encoder's output that say what a post is, apart from any myth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from services.classify.encoder import Encoded

KINDS = ("claim", "question", "experience", "support", "news", "chatter")
HEADS = {"health": 1, "kind": len(KINDS), "claim": 1, "misinformation": 1}
"""Name of each head and the number of its outputs; one output is a yes-no question."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class HeadScores:
    """`health`, `claim`, `misinformation`: 0-1, [posts]; `kind`: probabilities over KINDS, [posts, 6]."""

    health: FloatArray
    kind: FloatArray
    claim: FloatArray
    misinformation: FloatArray


def features(encoded: list[Encoded]) -> FloatArray:
    """What the heads read: the lower half's mean and the pooled embedding, [posts, 768]."""
    return np.stack([np.concatenate([one.shallow, one.pooled]) for one in encoded]).astype(np.float32)


class Heads:
    """Scores posts. Stateless after loading."""

    def __init__(self, weights: Path) -> None:
        self._weights = load_file(str(weights))

    def __call__(self, inputs: FloatArray) -> HeadScores:
        """Scores of `features`, one row a post."""
        scaled = (inputs - self._weights["mean"]) / self._weights["scale"]
        return HeadScores(
            health=_sigmoid(self._logits("health", scaled)[:, 0]),
            kind=_softmax(self._logits("kind", scaled)),
            claim=_sigmoid(self._logits("claim", scaled)[:, 0]),
            misinformation=_sigmoid(self._logits("misinformation", scaled)[:, 0]),
        )

    def _logits(self, head: str, scaled: FloatArray) -> FloatArray:
        inner = np.maximum(scaled @ self._weights[f"{head}.in"] + self._weights[f"{head}.in_bias"], 0)
        return np.asarray(inner @ self._weights[f"{head}.out"] + self._weights[f"{head}.out_bias"], dtype=np.float32)


def _sigmoid(logits: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), dtype=np.float32)


def _softmax(logits: FloatArray) -> FloatArray:
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float32)
