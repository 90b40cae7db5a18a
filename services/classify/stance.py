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
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from torch import nn

from services.classify.batching import token_budget_batches
from services.classify.e5_file import E5File
from services.classify.encoder import SPLIT, encoder_layer, mean_pool, run_layers

STANCES = ("endorse", "refute", "discuss", "none")
ROLES = (
    "endorse_blunt", "endorse_subtle", "debunk", "correct", "sarcasm_refute", "question", "experience",
    "comfort", "news", "near_miss", "same_words", "other",
)  # fmt: skip
"""What an authored post was written as; learnt beside the stance because the finer label teaches more."""

RANK = 24
TOKEN_BUDGET = 4_096
POST_TOKENS = 160
MYTH_TOKENS = 64
_TARGETS = ["query", "key", "value", "dense"]

FloatArray = npt.NDArray[np.float32]


class PairModel(nn.Module):
    """Reads joined states; answers with logits of stance [batch, 4] and of role [batch, 12]."""

    def __init__(self, file: E5File, hidden: int = 384) -> None:
        super().__init__()
        layers = [encoder_layer(file, index) for index in range(SPLIT, file.header.layers)]
        self.layers = nn.ModuleList(layers)
        self.layers.requires_grad_(False)
        config = LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=0.1, target_modules=_TARGETS)
        self.layers = inject_adapter_in_model(config, self.layers)
        self.parts = nn.Parameter(torch.zeros(2, hidden))
        self.mix = nn.Sequential(nn.Dropout(0.1), nn.Linear(3 * hidden, 256), nn.GELU(), nn.Dropout(0.1))
        self.to_stance = nn.Linear(256, len(STANCES))
        self.to_role = nn.Linear(256, len(ROLES))

    def forward(
        self, states: torch.Tensor, mask: torch.Tensor, is_myth: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of states [batch, length, 384], mask and is_myth (bool) [batch, length]."""
        joined = states + self.parts.to(states.dtype)[is_myth.long()]
        joined = run_layers(self.layers, joined, mask)
        post, myth = mean_pool(joined, mask & ~is_myth), mean_pool(joined, is_myth)
        mixed = self.mix(torch.cat([post, myth, joined[:, 0].float()], dim=-1).to(self.to_role.weight.dtype))
        return self.to_stance(mixed), self.to_role(mixed)

    def trained_state(self) -> dict[str, torch.Tensor]:
        """What training changed: adapter, part embeddings and read-out; all that is shipped."""
        wanted = {name for name, value in self.named_parameters() if value.requires_grad}
        return {name: value.detach() for name, value in self.state_dict().items() if name in wanted}

    def load_trained(self, state: dict[str, torch.Tensor]) -> None:
        """Takes over what `trained_state` gave. Raises ValueError when names or shapes differ."""
        wanted = {name: value.shape for name, value in self.named_parameters() if value.requires_grad}
        if {name: value.shape for name, value in state.items()} != wanted:
            raise ValueError("the stance weights have other tensors than this code expects")
        self.load_state_dict({name: value.float() for name, value in state.items()}, strict=False)

    def merge(self) -> None:
        """Folds the adapter into the layers: same answers, no extra multiplication. Not for training."""
        for module in list(self.layers.modules()):
            if isinstance(module, LoraLayer):
                module.merge()  # type: ignore[no-untyped-call]
        _unwrap(self.layers)


class StanceModel:
    """Stance of pairs; safe for one thread at a time."""

    def __init__(self, weights: Path, precision: torch.dtype, file: E5File | None = None) -> None:
        model = PairModel(file or E5File())
        model.load_trained(load_file(str(weights)))
        model.merge()
        self._model = model.to(precision).eval()
        self._model.requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> FloatArray:
        """Log-probabilities over STANCES, [pairs, 4], of (post states, myth states) from the lower half."""
        found = np.zeros((len(pairs), len(STANCES)), dtype=np.float32)
        lengths = [min(len(post), POST_TOKENS) + min(len(myth), MYTH_TOKENS) for post, myth in pairs]
        for batch in token_budget_batches(lengths, TOKEN_BUDGET):
            logits, _ = self._model(*joined([pairs[index] for index in batch]))
            found[batch] = torch.log_softmax(logits.float(), dim=-1).numpy()
        return found


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


def _unwrap(module: nn.Module) -> None:
    """Replaces merged adapter layers by the plain layers inside them."""
    for name, child in list(module.named_children()):
        if isinstance(child, LoraLayer):
            setattr(module, name, child.get_base_layer())  # type: ignore[no-untyped-call]
        else:
            _unwrap(child)
