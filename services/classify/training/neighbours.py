"""Which myths are near a text, and which say nearly the same: where wrong answers to learn from are found."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.classify.encoder import Encoder
from services.classify.knowledge_base import Myth
from services.classify.matching import Centring
from services.classify.training import fit_matching


def nearest(encoder: Encoder, texts: list[str], myths: list[Myth]) -> dict[str, npt.NDArray[np.int64]]:
    """Places of myths for each text, nearest first."""
    centres = np.stack([encoder.pooled(myth.wordings()).mean(0) for myth in myths])
    centres -= centres.mean(0)
    vectors = encoder.pooled(texts)
    order = np.argsort(-((vectors - vectors.mean(0)) @ centres.T), axis=1, kind="stable")
    return {text: order[row] for row, text in enumerate(texts)}


def alike(encoder: Encoder, centring: Centring, myths: list[Myth]) -> list[set[int]]:
    """For each myth the places of those that say nearly the same, itself among them."""
    claims = centring.claims(encoder.pooled([myth.title("en") for myth in myths]))
    return [set(np.flatnonzero(row >= fit_matching.ALIKE).tolist()) for row in claims @ claims.T]
