"""Which myths a post could be about: embeddings and BM25 together, over any list of myths.

The two scores are put on one scale and added; the weight of BM25 is the one measured on 14,231 fact-checked claims
(docs/decisions/0011-matching.md). Cosines become z-scores against the built-in myths, so that a score means the same whatever
list a post is matched against; BM25's against the list.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from services.classify.encoder import Encoded, Encoder
from services.classify.knowledge_base import Myth
from services.classify.lexical import LexicalIndex

BM25_WEIGHT = 0.1
CANDIDATES = 5
STATES_KEPT = 4_096
"""Token states of myths kept in memory (about 20 KB each) for the stance model."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Match:
    """A candidate: `place` of the myth in the list, the hybrid z-score, its two parts as they are, and how fully the myth is told
    (0: in one sentence, 1: in as many ways as the built-in ones)."""

    place: int
    score: float
    cosine: float
    bm25: float
    told: float


class Centring:
    """Embeddings around their own mean, posts and claims apart.

    How people write and how myths are stated differ in the same way everywhere, and that difference
    says nothing about which myth it is.
    """

    def __init__(self, post_mean: FloatArray, claim_mean: FloatArray) -> None:
        self._post_mean = post_mean
        self._claim_mean = claim_mean

    def posts(self, pooled: FloatArray) -> FloatArray:
        """Unit vectors [posts, 384] of pooled embeddings of posts."""
        return _unit(pooled - self._post_mean)

    def claims(self, pooled: FloatArray) -> FloatArray:
        """Unit vectors [claims, 384] of pooled embeddings of claims."""
        return _unit(pooled - self._claim_mean)


def load_matching(path: Path) -> tuple[Centring, dict[str, torch.Tensor]]:
    """Reads matching.safetensors: the means, and the adapter of the encoder's upper half."""
    weights = load_file(str(path))
    means = [weights.pop(name).float().numpy() for name in ("post_mean", "claim_mean")]
    return Centring(*means), weights


class Yardstick:
    """How near a post is to myths that it isn't about: cosines to the built-in myths, or to the list where there are none.

    A myth told in many ways is near a post by accident more often than one told in a single sentence, so there are two
    measures, and a myth is held to one between them by its number of wordings.
    """

    def __init__(self, vectors: FloatArray, starts: npt.NDArray[np.int64]) -> None:
        """`vectors` [wordings, 384] of the reference myths, `starts` the place of each myth's first, its claim."""
        self._vectors, self._starts = vectors, starts
        self._wordings = max(len(vectors) / max(len(starts), 1), 1.0)

    def told(self, wordings: npt.NDArray[np.int64]) -> FloatArray:
        """How fully myths with that many wordings are told, 0-1."""
        if self._wordings <= 1:
            return np.zeros(len(wordings), np.float32)
        return np.asarray(np.clip(np.log(wordings) / np.log(self._wordings), 0, 1), dtype=np.float32)

    def z_scores(self, cosines: FloatArray, posts: FloatArray, told: FloatArray) -> FloatArray:
        """Of cosines [posts, myths] and the posts' vectors, for myths that are told so fully."""
        if not len(self._starts):
            return np.zeros_like(cosines)
        near = posts @ self._vectors.T
        once, often = near[:, self._starts], np.maximum.reduceat(near, self._starts, axis=1)
        mean = once.mean(1)[:, None] * (1 - told) + often.mean(1)[:, None] * told
        spread = once.std(1)[:, None] * (1 - told) + often.std(1)[:, None] * told
        return np.asarray(np.where(spread > 1e-6, (cosines - mean) / np.maximum(spread, 1e-6), 0), dtype=np.float32)


class MythIndex:
    """A searchable list of myths. `background` myths are the scale that cosines are read on."""

    def __init__(
        self,
        myths: Sequence[Myth],
        encoder: Encoder,
        centring: Centring,
        background: Sequence[Myth] = (),
        known: dict[str, FloatArray] | None = None,
    ) -> None:
        """`known`: vectors of wordings that another index has computed; those computed here are added."""
        self.myths = list(myths)
        self._places = {myth.id: place for place, myth in enumerate(self.myths)}
        own = self._places.keys()
        everything = [*self.myths, *(myth for myth in background if myth.id not in own)]
        wordings = [myth.wordings() for myth in everything]
        self._starts = np.cumsum([0, *(len(one) for one in wordings)])[:-1]
        texts = [text for one in wordings for text in one]
        self._centring = centring
        self._background = list(background)
        self._encoder = encoder
        self._known = {} if known is None else known
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        self._known |= dict(zip(new, centring.claims(encoder.pooled(new)), strict=True))
        self._vectors = np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, 1), np.float32)
        self._yardstick = self._measured(background or self.myths)
        self._told = self._yardstick.told(np.array([len(one) for one in wordings], dtype=np.int64))
        self._lexical = LexicalIndex(texts)
        self._states: OrderedDict[str, torch.Tensor] = OrderedDict()

    def _measured(self, reference: Sequence[Myth]) -> Yardstick:
        wordings = [myth.wordings() for myth in reference]
        texts = [text for one in wordings for text in one]
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        self._known |= dict(zip(new, self._centring.claims(self._encoder.pooled(new)), strict=True))
        starts = np.cumsum([0, *(len(one) for one in wordings)])[:-1]
        return Yardstick(
            np.stack([self._known[text] for text in texts]) if texts else np.zeros((0, 1), np.float32), starts
        )

    def over(self, myths: Sequence[Myth]) -> MythIndex:
        """An index of another list, with the same models and background."""
        return MythIndex(myths, self._encoder, self._centring, self._background, self._known)

    def place(self, myth_id: str) -> int:
        """Of a myth in the list. Raises KeyError for one that isn't in it."""
        return self._places[myth_id]

    def vectors(self, encoded: Sequence[Encoded]) -> FloatArray:
        """Unit vectors [posts, 384] that posts are compared by."""
        return self._centring.posts(np.stack([one.pooled for one in encoded]))

    def vectors_of(self, texts: list[str]) -> FloatArray:
        """The same of texts."""
        return self._centring.posts(self._encoder.pooled(texts))

    def search(self, texts: list[str], encoded: list[Encoded], best: int = CANDIDATES) -> list[list[Match]]:
        """The `best` myths for each post, best first; equal scores keep the order of the list."""
        if not self.myths or not texts:
            return [[] for _ in texts]
        vectors = self.vectors(encoded)
        cosine = np.maximum.reduceat(vectors @ self._vectors.T, self._starts, axis=1)
        bm25 = np.maximum.reduceat(self._lexical.scores(texts), self._starts, axis=1)
        nearness = self._yardstick.z_scores(cosine, vectors, self._told)
        hybrid = (nearness + BM25_WEIGHT * _standard(bm25))[:, : len(self.myths)]
        order = np.argsort(-hybrid, axis=1, kind="stable")[:, :best]
        told = self._told.tolist()
        parts = (hybrid, cosine, bm25)

        def match(row: int, i: int) -> Match:
            score, near, words = (float(part[row, i]) for part in parts)
            return Match(i, score, near, words, told[i])

        return [[match(row, int(i)) for i in order[row]] for row in range(len(texts))]

    def states(self, wanted: Sequence[tuple[int, str]]) -> dict[tuple[int, str], torch.Tensor]:
        """Lower-half token states of the claims of (place, language), encoded once and kept."""
        texts = {key: self.myths[key[0]].title(key[1]) for key in set(wanted)}
        missing = sorted({text for text in texts.values() if text not in self._states})
        for text, one in zip(missing, self._encoder.begin(self._encoder.tokenise(missing)), strict=True):
            self._states[text] = one.tokens
        found = {key: self._states[text] for key, text in texts.items()}
        for text in texts.values():
            self._states.move_to_end(text)
        while len(self._states) > STATES_KEPT:
            self._states.popitem(last=False)
        return found


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6), dtype=np.float32)


def _standard(scores: FloatArray) -> FloatArray:
    """z-scores along each row; a row without spread is all zero."""
    spread = scores.std(axis=1, keepdims=True)
    centred = scores - scores.mean(axis=1, keepdims=True)
    return np.asarray(np.where(spread > 1e-6, centred / np.maximum(spread, 1e-6), 0), dtype=np.float32)
