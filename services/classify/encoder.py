"""The multilingual encoder: multilingual-e5-small as transformers layers in torch.

It is used in two halves. `lower` runs the first `SPLIT` layers on one text; its output is shared.
`upper` runs the rest and gives the pooled embedding. The stance model (stance.py) has upper layers of
its own that read a post and a myth together, so the lower half is computed once a post and once a myth.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from services.classify.batching import token_budget_batches
from services.classify.e5_file import BLOCK, E5File
from services.classify.tokens import PostTokeniser

SPLIT = 6
"""Layers in the lower half: the shared, never fine-tuned part."""

TOKEN_BUDGET = 4_096
"""Padded tokens in one batch: large enough to fill the matrix units, small enough for the cache."""

FloatArray = npt.NDArray[np.float32]


class QuantisedEmbedding(nn.Module):
    """Word embeddings kept as int8 values and block scales (100 MB instead of 384 MB), exact."""

    def __init__(self, values: torch.Tensor, scales: torch.Tensor) -> None:
        super().__init__()
        self.values: torch.Tensor
        self.scales: torch.Tensor
        self.register_buffer("values", values, persistent=False)
        self.register_buffer("scales", scales, persistent=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        values = self.values[ids].view(*ids.shape, -1, BLOCK).float()
        wide: torch.Tensor = values * self.scales[ids].float().unsqueeze(-1)
        return wide.flatten(-2)


@dataclass(frozen=True)
class Encoded:
    """One text after the encoder.

    `tokens`: lower-half states [tokens, 384] (of the model's precision); `pooled`: mean of the last
    layer, [384], unit length; `shallow`: mean of the lower half's states, [384].
    """

    tokens: torch.Tensor
    pooled: FloatArray
    shallow: FloatArray


class Encoder(nn.Module):
    """Encodes texts. Inference only; use `lower` directly to train what sits on top of it."""

    def __init__(self, precision: torch.dtype = torch.float32, file: E5File | None = None) -> None:
        """Loads the packaged weights. Raises FileNotFoundError or ValueError naming the file."""
        super().__init__()
        file = file or E5File()
        self.tokenise = PostTokeniser(file.vocabulary)
        self.precision = precision
        self.hidden = file.header.hidden
        self.words, self.places, self.first_norm = _embeddings(file)
        layers = [encoder_layer(file, index) for index in range(file.header.layers)]
        self.lower_layers = nn.ModuleList(layers[:SPLIT]).to(precision)
        self.upper_layers = nn.ModuleList(layers[SPLIT:]).to(precision)
        self.requires_grad_(False)
        self.eval()

    def lower(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """States [batch, length, 384] after the lower half, of ids and mask (bool) [batch, length]."""
        states = self.words(ids) + self.places[: ids.shape[1]]
        states = self.first_norm(states).to(self.precision)
        return run_layers(self.lower_layers, states, mask)

    def upper(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """States after the last layer."""
        return run_layers(self.upper_layers, states, mask)

    @torch.inference_mode()
    def encode(self, texts: list[str], keep_tokens: bool = True, lower_only: bool = False) -> list[Encoded]:
        """Encodes in batches of similar length; the answers are in the order of `texts`.

        `keep_tokens=False` leaves `tokens` empty (saves memory); `lower_only` leaves `pooled` zero.
        """
        rows = self.tokenise(texts)
        found: list[Encoded | None] = [None] * len(texts)
        for batch in token_budget_batches([len(row) for row in rows], TOKEN_BUDGET):
            ids, mask = padded([rows[index] for index in batch], self.tokenise.pad)
            low = self.lower(ids, mask)
            high = torch.zeros_like(low) if lower_only else self.upper(low, mask)
            pooled = nn.functional.normalize(mean_pool(high, mask), dim=-1).numpy()
            shallow = mean_pool(low, mask).numpy()
            for place, index in enumerate(batch):
                tokens = low[place, : len(rows[index])].clone() if keep_tokens else low[:0, 0]
                found[index] = Encoded(tokens, pooled[place], shallow[place])
        return [one for one in found if one is not None]


def padded(rows: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (true at tokens), both [rows, longest row]."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(width)[None, :] < lengths[:, None]


def run_layers(layers: nn.ModuleList, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Runs transformer layers; `mask` is true at the tokens that may be attended to."""
    attend = None if bool(mask.all()) else mask[:, None, None, :]
    for layer in layers:
        states = layer(states, attend)
    return states


def mean_pool(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over tokens in float32, [batch, 384]."""
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(1) / weights.sum(1)


def choose_precision(wanted: str = "auto") -> torch.dtype:
    """bfloat16 where the processor multiplies it natively (AVX512-BF16 or AMX), float32 otherwise."""
    if wanted == "auto":
        wanted = "bf16" if _has_native_bf16() else "fp32"
    return torch.bfloat16 if wanted == "bf16" else torch.float32


def _has_native_bf16() -> bool:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as info:
            flags = next((line for line in info if line.startswith("flags")), "")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def use_threads(count: int = 0) -> int:
    """Sets torch's threads (0: one a core that this process may use) and returns the number."""
    count = count or len(os.sched_getaffinity(0))
    torch.set_num_threads(count)
    return count


def _embeddings(file: E5File) -> tuple[QuantisedEmbedding, nn.Parameter, nn.LayerNorm]:
    values, scales = file.quantised("emb.word")
    size = file.header.hidden
    words = QuantisedEmbedding(
        torch.from_numpy(values.reshape(-1, size)), torch.from_numpy(scales.reshape(-1, size // BLOCK))
    )
    places = file.tensor("emb.pos").reshape(-1, size) + file.tensor("emb.type")[:size]
    norm = nn.LayerNorm(size, eps=file.header.epsilon)
    norm.weight.data = torch.from_numpy(file.tensor("emb.ln.w"))
    norm.bias.data = torch.from_numpy(file.tensor("emb.ln.b"))
    return words, nn.Parameter(torch.from_numpy(places)), norm


_NAMES = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}


def encoder_layer(file: E5File, index: int) -> BertLayer:
    """Layer `index` of the packaged model, float32, for inference or as a start for training."""
    sizes = file.header
    config = BertConfig(
        hidden_size=sizes.hidden,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.intermediate,
        layer_norm_eps=sizes.epsilon,
        # Dropout inside the attention would keep training off the fast kernel.
        attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )
    layer = BertLayer(config)
    state = {}
    for ours, theirs in _NAMES.items():
        shape = layer.get_submodule(ours).weight.shape
        state[f"{ours}.weight"] = torch.from_numpy(file.tensor(f"l{index}.{theirs}.w")).reshape(shape)
        state[f"{ours}.bias"] = torch.from_numpy(file.tensor(f"l{index}.{theirs}.b"))
    layer.load_state_dict(state)
    return layer
