"""Tunes the encoder's upper half for matching: a post near the claim it is about, whatever the language of either.

Contrastive learning with the other pairs of a batch as negatives (InfoNCE; van den Oord et al., 2018), on an adapter.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from services.classify import lora
from services.classify.batching import token_budget_batches
from services.classify.e5_file import E5File
from services.classify.encoder import RANK, mean_pool, stacked, upper_layers
from services.classify.engine import run_layers
from services.classify.knowledge_base import LANGUAGES, Myth
from services.classify.layers import runnable
from services.classify.training.corpus import AuthoredPost
from services.classify.training.lower_states import LowerStates

EPOCHS = 3
BATCH = 64
RATE = 3e-4
DECAY = 0.01
TEMPERATURE = 0.05
WARM_UP_STEPS = 20
TOKENS = 96
TOKENS_TOGETHER = 1_024

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MatchPair:
    """A text and a statement of the claim it is about; pairs of one `group` are no negatives of one another."""

    text: str
    claim: str
    group: str


def pairs(
    posts: Sequence[AuthoredPost], myths: Sequence[Myth], checked: Sequence[MatchPair], draw: random.Random
) -> list[MatchPair]:
    """An epoch: posts about a myth with its claim in some language or as it is said; facts; claims in two languages."""
    known = {myth.id: myth for myth in myths}
    found = [
        MatchPair(post.text, _wording(known[post.myth], post.language, draw), post.myth)
        for post in posts
        if post.stance in ("endorse", "refute", "discuss")
    ]
    for myth in myths:
        if myth.fact:
            one, other = draw.sample(sorted(myth.claim), 2)
            found.append(MatchPair(myth.claim[one], myth.claim[other], myth.id))
            found.append(MatchPair(myth.fact[draw.choice(sorted(myth.fact))], _wording(myth, "en", draw), myth.id))
    found += checked
    draw.shuffle(found)
    return found


def _wording(myth: Myth, language: str, draw: random.Random) -> str:
    """The claim in the post's language or English most of the time, else in any, or as people say it."""
    place = draw.random()
    if place < 0.3:
        return myth.title(language)
    if place < 0.6:
        return myth.title("en")
    if place < 0.8 or not myth.said_as:
        return myth.title(draw.choice(LANGUAGES))
    return draw.choice(myth.said_as)


def fit(file: E5File, states: LowerStates, epochs: Sequence[Sequence[MatchPair]], seed: int) -> dict[str, torch.Tensor]:
    """The trained adapter of the upper half."""
    torch.manual_seed(seed)
    layers = lora.adapted(runnable(upper_layers(file)), RANK)
    trained = [value for value in layers.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=RATE, weight_decay=DECAY)
    steps = sum(len(epoch) // BATCH for epoch in epochs)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * max(0.02, 1 - step / steps)
    )
    layers.train()
    for number, epoch in enumerate(epochs, start=1):
        states.prepare([text for pair in epoch for text in (pair.text, pair.claim)])
        starts = range(0, len(epoch) - BATCH + 1, BATCH)
        bar = tqdm(starts, desc=f"matching {number}/{len(epochs)}", unit="batch", mininterval=5)
        for start in bar:
            loss = _loss(layers, epoch[start : start + BATCH], states)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return {name: value.half().contiguous() for name, value in lora.trained_state(layers).items()}


def _loss(layers: nn.ModuleList, batch: Sequence[MatchPair], states: LowerStates) -> torch.Tensor:
    """Which claim belongs to the text, and which text to the claim."""
    vectors = _vectors(layers, [states[text] for text in (*(p.text for p in batch), *(p.claim for p in batch))])
    left, right = vectors[: len(batch)], vectors[len(batch) :]
    groups = [pair.group for pair in batch]
    same = torch.tensor([[one == other for other in groups] for one in groups]) & ~torch.eye(
        len(batch), dtype=torch.bool
    )
    near = (left @ right.T / TEMPERATURE).masked_fill(same, -1e4)
    own = torch.arange(len(batch))
    return nn.functional.cross_entropy(near, own) + nn.functional.cross_entropy(near.T, own)


def _vectors(layers: nn.ModuleList, texts: Sequence[torch.Tensor]) -> torch.Tensor:
    order, parts = [], []
    for places in token_budget_batches([min(len(text), TOKENS) for text in texts], TOKENS_TOGETHER):
        inputs, mask = stacked([texts[place][:TOKENS] for place in places])
        mask = lora.some_tokens(mask)
        mask[:, 0] = True  # no text without a token
        parts.append(nn.functional.normalize(mean_pool(run_layers(layers, inputs.float(), mask), mask), dim=-1))
        order += places
    return torch.cat(parts)[torch.argsort(torch.tensor(order))]


def means(posts: FloatArray, claims: FloatArray) -> dict[str, torch.Tensor]:
    """What matching.Centring takes off, of embeddings [posts, 384] and [claims, 384] of pairs."""
    return {
        "post_mean": torch.from_numpy(posts.mean(0).astype(np.float32)),
        "claim_mean": torch.from_numpy(claims.mean(0).astype(np.float32)),
    }
