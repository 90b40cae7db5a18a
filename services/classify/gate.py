"""The gate: what is removed from a stream before it costs much, in three steps.

`worth_reading` removes texts that can't state anything. `Gate.may_matter` reads the word embeddings of the tokens and
nothing else, and removes most chatter; `Gate.is_hopeful` reads the mean state after the encoder's first layers, and
`Gate.goes_on` that after its lower half, and removes most ordinary talk about health before the upper half. Each keeps
99.5% of the calibration posts that would be flagged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import load_file

from services.classify.encoder import Encoded, Encoder, QuantisedEmbedding

LEAST_WORDS = 2
"""A myth needs a subject and something said of it; no authored post that spreads one is shorter."""

PREFIX_TOKENS = 4
"""The special and the prefix, the same before every text."""

CHUNK = 2_048

FloatArray = npt.NDArray[np.float32]

_NOISE = re.compile(r"@\w[\w.-]*|HTTPURL|EMAIL|PHONE|https?://\S+")
_WORD = re.compile(r"[^\W\d_]+")
# Scripts written without spaces: a word is counted for every two characters.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def worth_reading(text: str) -> bool:
    """False when the text can't state anything."""
    plain = _NOISE.sub(" ", text[:2_000])
    count = sum(1 for _ in _WORD.finditer(plain)) + len(_UNSPACED.findall(plain)) // 2
    return count >= LEAST_WORDS


class Gate:
    """Three small networks with thresholds. Stateless after loading."""

    def __init__(self, weights: Path, encoder: Encoder) -> None:
        self._weights = load_file(str(weights))
        self._table = projected(encoder.words, self._weights["words.project"])

    def may_matter(self, rows: Sequence[list[int]]) -> npt.NDArray[np.bool_]:
        """For token ids: could this post matter, [posts]."""
        if not rows:
            return np.zeros(0, dtype=bool)
        return np.asarray(self.word_scores(rows) >= self._weights["words.threshold"][0])

    def is_hopeful(self, glanced: Sequence[Encoded]) -> npt.NDArray[np.bool_]:
        """After the first layers: could this post matter, [posts]."""
        return self._passes("glance", glanced)

    def goes_on(self, begun: Sequence[Encoded]) -> npt.NDArray[np.bool_]:
        """After the lower half: could this post still matter, [posts]."""
        return self._passes("states", begun)

    def _passes(self, step: str, encoded: Sequence[Encoded]) -> npt.NDArray[np.bool_]:
        if not encoded:
            return np.zeros(0, dtype=bool)
        scores = self.state_scores(np.stack([one.shallow for one in encoded]), step)
        return np.asarray(scores >= self._weights[f"{step}.threshold"][0])

    def word_scores(self, rows: Sequence[list[int]]) -> FloatArray:
        """Logits of token ids, [posts]."""
        return _network(self._weights, "words", word_features(self._table, rows))

    def state_scores(self, shallow: FloatArray, step: str = "states") -> FloatArray:
        """Logits of mean states [posts, 384], of `step` glance or states."""
        scaled = (shallow - self._weights[f"{step}.mean"]) / self._weights[f"{step}.scale"]
        return _network(self._weights, step, scaled)


def projected(words: QuantisedEmbedding, project: FloatArray) -> FloatArray:
    """Every word embedding through `project` [384, 2n + 1], so that a post costs a look-up: [vocabulary, 2n + 1]."""
    matrix = torch.from_numpy(project.astype(np.float32))
    size = len(words.values)
    table = torch.empty(size, matrix.shape[1], dtype=torch.half)
    for start in range(0, size, CHUNK):
        table[start : start + CHUNK] = words(torch.arange(start, min(start + CHUNK, size))) @ matrix
    return table.numpy()


def word_features(table: FloatArray, rows: Sequence[list[int]]) -> FloatArray:
    """[posts, 2n]: n means weighted by what the first column says of a token, and n maxima (key words, in any language)."""
    inner = [row[PREFIX_TOKENS:-1] or row[-1:] for row in rows]
    found = table[np.concatenate(inner)].astype(np.float32)
    starts = np.cumsum([0, *(len(row) for row in inner)])[:-1]
    half = (found.shape[1] - 1) // 2
    weight = np.exp(np.clip(found[:, :1], -8, 8))
    means = np.add.reduceat(found[:, 1 : 1 + half] * weight, starts) / np.add.reduceat(weight, starts)
    return np.concatenate([means, np.maximum.reduceat(found[:, 1 + half :], starts)], axis=1)


def _network(weights: dict[str, FloatArray], name: str, inputs: FloatArray) -> FloatArray:
    inner = np.maximum(inputs @ weights[f"{name}.in"] + weights[f"{name}.in_bias"], 0)
    return np.asarray(inner @ weights[f"{name}.out"] + weights[f"{name}.out_bias"], dtype=np.float32)[:, 0]
