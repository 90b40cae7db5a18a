"""Embeddings of the built-in myths' wordings, made with the weights and shipped: indexing them anew takes longer than all else
at the start. A wording that changed since is simply not found, and embedded then."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from services.classify.knowledge_base import Myth

FloatArray = npt.NDArray[np.float32]


def keep(path: Path, vectors: dict[str, FloatArray]) -> None:
    """Writes centred embeddings, [384] each, by wording."""
    digests = np.array([_digest(text) for text in vectors], dtype=np.uint64)
    save_file({"digests": digests, "vectors": np.stack(list(vectors.values())).astype(np.float16)}, path)


def known(path: Path, myths: Sequence[Myth]) -> dict[str, FloatArray]:
    """Those of the wordings of `myths` that were kept."""
    kept = load_file(path)
    places = {int(digest): place for place, digest in enumerate(kept["digests"])}
    wordings = {text: places.get(_digest(text)) for myth in myths for text in myth.wordings()}
    return {text: kept["vectors"][at].astype(np.float32) for text, at in wordings.items() if at is not None}


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
