"""What the encoder says of the training texts, computed once: its lower half doesn't change while the rest learns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from services.classify.encoder import Encoder

FloatArray = npt.NDArray[np.float32]


class LowerStates:
    """Lower-half token states of texts, in half precision."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._kept: dict[str, torch.Tensor] = {}

    def prepare(self, texts: list[str]) -> None:
        """Encodes what is not there yet."""
        missing = sorted(set(texts) - self._kept.keys())
        bar = tqdm(range(0, len(missing), 256), desc="lower states", unit="batch", disable=not missing, mininterval=5)
        for start in bar:
            part = missing[start : start + 256]
            for text, one in zip(part, self._encoder.begin(self._encoder.tokenise(part)), strict=True):
                self._kept[text] = one.tokens.half()

    def __getitem__(self, text: str) -> torch.Tensor:
        return self._kept[text]
