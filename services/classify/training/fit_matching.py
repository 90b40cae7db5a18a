"""Measures where posts and claims lie in the embedding space, so that matching can centre them apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


def fit(posts: FloatArray, claims: FloatArray) -> dict[str, FloatArray]:
    """Weights for matching.Centring, of pooled embeddings [posts, 384] and [claims, 384] of pairs.

    A learnt linear map on top did better on general claims (MAP@5 .917 against .892) and worse on myths
    never seen (right myth first .54 against .56), so only the means are kept.
    """
    return {"post_mean": posts.mean(0).astype(np.float32), "claim_mean": claims.mean(0).astype(np.float32)}
