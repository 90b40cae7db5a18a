"""The multilingual encoder: multilingual-e5-small as transformers layers.

It is used in two halves. `begin` runs the first `SPLIT` layers on one text; its output is shared. It is itself taken in two
steps, `glance` and `go_on`, since most of a stream is told to be chatter after `GLANCE` layers.
`finish` runs the rest, tuned for matching, and gives the pooled embedding; posts that can't matter never get there. The
stance model (stance.py) has upper layers of its own that read a post and a myth together, so the lower half is computed
once a post and once a myth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from services.classify import lora
from services.classify.batching import token_budget_batches
from services.classify.e5_file import BLOCK, E5File
from services.classify.engine import Engine
from services.classify.layers import LayerWeights
from services.classify.tokens import PostTokeniser

SPLIT = 6
"""Layers in the lower half: the shared, never fine-tuned part."""

GLANCE = 2
"""Layers after which most chatter leaves."""

RANK = 16
"""Of the adapter that tunes the upper half for matching."""

TOKEN_BUDGET = 1_024
"""Padded tokens in one batch: fills the matrix units and fits the cache (4,096 runs a sixth slower in 8 bits)."""

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
    """One text in the encoder.

    `tokens`: states so far, those of the lower half once `begin` is through, [tokens, 384]; `shallow`: their mean, [384];
    `pooled`: mean of the last layer, [384], unit length, zero before `finish`.
    """

    tokens: torch.Tensor
    shallow: FloatArray
    pooled: FloatArray


class Encoder:
    """Encodes texts, for inference."""

    def __init__(
        self, engine: Engine | None = None, file: E5File | None = None, adapter: dict[str, torch.Tensor] | None = None
    ) -> None:
        """Loads the packaged weights; `adapter` tunes the upper half (none: as packaged).

        Raises FileNotFoundError or ValueError naming the file.
        """
        file, self.engine = file or E5File(), engine or Engine()
        self.tokenise = PostTokeniser(file.vocabulary)
        self.hidden = file.header.hidden
        self.words, self.places, self.first_norm = _embeddings(file)
        lower = lower_layers(file)
        self._first = self.engine.tower("lower", lower[:GLANCE])
        self._lower = self.engine.tower("lower", lower[GLANCE:], GLANCE)
        self._upper = self.engine.tower("upper", upper_layers(file, adapter))

    @torch.inference_mode()
    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """Input of the first layer, [batch, length, 384]."""
        return self.first_norm(self.words(ids) + self.places[: ids.shape[1]])  # type: ignore[no-any-return]

    def begin(self, rows: Sequence[list[int]]) -> list[Encoded]:
        """The lower half, of token ids, in batches of similar length; answers in order."""
        return self.go_on(self.glance(rows))

    @torch.inference_mode()
    def glance(self, rows: Sequence[list[int]]) -> list[Encoded]:
        """The first `GLANCE` layers, of token ids; answers in order."""
        found: list[Encoded | None] = [None] * len(rows)
        nothing = np.zeros(self.hidden, dtype=np.float32)
        for batch in token_budget_batches([len(row) for row in rows], TOKEN_BUDGET):
            ids, mask = padded([rows[index] for index in batch], self.tokenise.pad)
            states = self._first(self.embed(ids), mask)
            means = mean_pool(states, mask).numpy()
            for place, index in enumerate(batch):
                found[index] = Encoded(states[place, : len(rows[index])], means[place], nothing)
        return [one for one in found if one is not None]

    @torch.inference_mode()
    def go_on(self, glanced: Sequence[Encoded]) -> list[Encoded]:
        """The rest of the lower half, of what `glance` gave; answers in order."""
        found = list(glanced)
        for batch in token_budget_batches([len(one.tokens) for one in glanced], TOKEN_BUDGET):
            states, mask = stacked([glanced[index].tokens for index in batch])
            low = self._lower(states, mask)
            shallow = mean_pool(low, mask).numpy()
            for place, index in enumerate(batch):
                tokens = low[place, : len(glanced[index].tokens)].clone()
                found[index] = replace(glanced[index], tokens=tokens, shallow=shallow[place])
        return found

    @torch.inference_mode()
    def finish(self, begun: Sequence[Encoded]) -> list[Encoded]:
        """The upper half, of what `begin` gave; answers in order."""
        found = list(begun)
        for batch in token_budget_batches([len(one.tokens) for one in begun], TOKEN_BUDGET):
            states, mask = stacked([begun[index].tokens for index in batch])
            pooled = nn.functional.normalize(mean_pool(self._upper(states, mask), mask), dim=-1).numpy()
            for place, index in enumerate(batch):
                found[index] = replace(begun[index], pooled=pooled[place])
        return found

    def encode(self, texts: list[str]) -> list[Encoded]:
        """Both halves of texts, in order."""
        return self.finish(self.begin(self.tokenise(texts)))

    def pooled(self, texts: list[str]) -> FloatArray:
        """Embeddings [texts, 384] of any number of texts, without keeping their token states."""
        parts = [self.encode(texts[start : start + 512]) for start in range(0, len(texts), 512)]
        vectors = [one.pooled for part in parts for one in part]
        return np.stack(vectors) if vectors else np.zeros((0, self.hidden), dtype=np.float32)


def lower_layers(file: E5File) -> nn.ModuleList:
    """As packaged, float32."""
    return nn.ModuleList([LayerWeights(file, index) for index in range(SPLIT)])


def upper_layers(file: E5File, adapter: dict[str, torch.Tensor] | None = None) -> nn.ModuleList:
    """As packaged, or with an adapter folded in."""
    layers = nn.ModuleList([LayerWeights(file, index) for index in range(SPLIT, file.header.layers)])
    if adapter is not None:
        layers = lora.folded(layers, adapter, RANK, "matching")
    return layers


def padded(rows: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask (true at tokens), both [rows, longest row]."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(width)[None, :] < lengths[:, None]


def stacked(rows: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """States of several texts as one, [rows, longest, 384], zero where padded, and their mask."""
    states = nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return states, torch.arange(states.shape[1])[None, :] < lengths[:, None]


def mean_pool(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over tokens in float32, [batch, 384]."""
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(1) / weights.sum(1)


def _embeddings(file: E5File) -> tuple[QuantisedEmbedding, torch.Tensor, nn.LayerNorm]:
    values, scales = file.quantised("emb.word")
    size = file.header.hidden
    words = QuantisedEmbedding(
        torch.from_numpy(values.reshape(-1, size)), torch.from_numpy(scales.reshape(-1, size // BLOCK))
    )
    places = file.tensor("emb.pos").reshape(-1, size) + file.tensor("emb.type")[:size]
    norm = nn.LayerNorm(size, eps=file.header.epsilon)
    norm.weight.data = torch.from_numpy(file.tensor("emb.ln.w"))
    norm.bias.data = torch.from_numpy(file.tensor("emb.ln.b"))
    norm.requires_grad_(False)
    return words, torch.from_numpy(places), norm
