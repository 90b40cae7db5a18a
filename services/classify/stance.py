"""Stance: what a post does, to its readers, with one myth. A pair model, because similarity is not stance.

Post and myth have been through the encoder's lower half separately (encoder.py); here their token
states are joined and read together by a copy of the upper layers with a low-rank adapter (LoRA) of its
own. So a post costs the lower half once, whatever the number of myths it is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import nn

from services.classify import lora
from services.classify.batching import token_budget_batches
from services.classify.e5_file import E5File
from services.classify.encoder import TOKEN_BUDGET, mean_pool, upper_layers
from services.classify.engine import Engine, Tower, run_layers
from services.classify.layers import runnable

STANCES = ("endorse", "refute", "discuss", "none")
ROLES = (
    "endorse_blunt", "endorse_subtle", "debunk", "correct", "sarcasm_refute", "question", "experience",
    "comfort", "news", "near_miss", "same_words", "other",
)  # fmt: skip
"""What an authored post was written as; learnt beside the stance because the finer label teaches more."""

RANK = 96
"""Of the adapter that is shipped; it holds 99% of what tuning changed (squares of singular values)."""

FIRST_RANK = 24
"""Of the adapter that is trained first, from the layers as packaged."""

POST_TOKENS = 160
MYTH_TOKENS = 64

FloatArray = npt.NDArray[np.float32]


class PairModel(nn.Module):
    """Reads joined states; answers with logits of stance [batch, 4] and of role [batch, 12]."""

    def __init__(self, layers: nn.ModuleList, hidden: int = 384) -> None:
        """`layers`: the upper ones, with an adapter to be trained or with a trained one folded in."""
        super().__init__()
        self.layers = layers
        self.parts = nn.Parameter(torch.zeros(2, hidden))
        self.mix = nn.Sequential(nn.Dropout(0.1), nn.Linear(3 * hidden, 256), nn.GELU(), nn.Dropout(0.1))
        self.to_stance = nn.Linear(256, len(STANCES))
        self.to_role = nn.Linear(256, len(ROLES))

    def forward(
        self, states: torch.Tensor, mask: torch.Tensor, is_myth: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of states [batch, length, 384], mask and is_myth (bool) [batch, length]."""
        return self.read(run_layers(self.layers, self.marked(states, is_myth), mask), mask, is_myth)

    def marked(self, states: torch.Tensor, is_myth: torch.Tensor) -> torch.Tensor:
        """The states with a mark of which part they belong to."""
        return states + self.parts.to(states.dtype)[is_myth.long()]

    def read(
        self, states: torch.Tensor, mask: torch.Tensor, is_myth: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits, of the states after the layers."""
        post, myth = mean_pool(states, mask & ~is_myth), mean_pool(states, is_myth)
        mixed = self.mix(torch.cat([post, myth, states[:, 0].float()], dim=-1).to(self.to_role.weight.dtype))
        return self.to_stance(mixed), self.to_role(mixed)


class StanceModel:
    """Stance of pairs; safe for one thread at a time."""

    def __init__(self, weights: Path, engine: Engine, file: E5File | None = None) -> None:
        model = loaded(weights, file or E5File())
        self._tower: Tower = engine.tower("stance", model.layers)
        model.layers = nn.ModuleList()  # the tower has its own
        self._model = model

    @torch.inference_mode()
    def __call__(self, pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> tuple[FloatArray, FloatArray]:
        """Log-probabilities over STANCES, [pairs, 4], and over ROLES, [pairs, 12], of (post states, myth states) from the
        lower half."""
        stances = np.zeros((len(pairs), len(STANCES)), dtype=np.float32)
        roles = np.zeros((len(pairs), len(ROLES)), dtype=np.float32)
        lengths = [min(len(post), POST_TOKENS) + min(len(myth), MYTH_TOKENS) for post, myth in pairs]
        for batch in token_budget_batches(lengths, TOKEN_BUDGET):
            states, mask, is_myth = joined([pairs[index] for index in batch])
            states = self._tower(self._model.marked(states, is_myth), mask)
            stance, role = self._model.read(states, mask, is_myth)
            stances[batch] = torch.log_softmax(stance, dim=-1).numpy()
            roles[batch] = torch.log_softmax(role, dim=-1).numpy()
        return stances, roles


def untrained(file: E5File) -> PairModel:
    """A model to be trained: upper layers as packaged, with an adapter."""
    return PairModel(lora.adapted(runnable(upper_layers(file)), FIRST_RANK))


def opened(weights: Path, file: E5File) -> PairModel:
    """The trained model, to be trained on: its matrices as a whole. Raises ValueError for other weights."""
    model = loaded(weights, file)
    model.requires_grad_(True)
    model.layers = lora.opened(runnable(model.layers))
    return model


def loaded(weights: Path, file: E5File) -> PairModel:
    """The trained model with its adapter folded in, float32, for inference. Raises ValueError for other weights."""
    state = load_file(str(weights))
    adapter = {name.removeprefix("layers."): value for name, value in state.items() if name.startswith("layers.")}
    model = PairModel(lora.folded(upper_layers(file), adapter, RANK, "stance"))
    rest = {name: value.float() for name, value in state.items() if not name.startswith("layers.")}
    if rest.keys() != {name for name in model.state_dict() if not name.startswith("layers.")}:
        raise ValueError("the stance weights have other tensors than this code expects")
    model.load_state_dict(rest, strict=False)
    model.requires_grad_(False)
    return model.eval()


def joined(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """States, mask and is_myth of pairs, padded; a long post keeps its beginning and its end."""
    rows = [(_ends(post, POST_TOKENS), myth[:MYTH_TOKENS]) for post, myth in pairs]
    width = max(len(post) + len(myth) for post, myth in rows)
    states = torch.zeros(len(rows), width, rows[0][0].shape[-1], dtype=rows[0][0].dtype)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    is_myth = torch.zeros(len(rows), width, dtype=torch.bool)
    for place, (post, myth) in enumerate(rows):
        edge, end = len(post), len(post) + len(myth)
        states[place, :edge], states[place, edge:end] = post, myth
        mask[place, :end] = True
        is_myth[place, edge:end] = True
    return states, mask, is_myth


def _ends(states: torch.Tensor, limit: int) -> torch.Tensor:
    if len(states) <= limit:
        return states
    return torch.cat([states[: limit // 2], states[-(limit - limit // 2) :]])
