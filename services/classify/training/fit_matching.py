"""Tunes the encoder's upper half for matching: a post near the claim it is about, whatever the language of either.

Contrastive learning with the other pairs of a batch as negatives (InfoNCE; van den Oord et al., 2018), on an adapter. In the
second round every post brings a claim that the first round took for its own, or nearly (hard negatives; Xiong et al., 2021).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

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

ROUNDS = (2, 2)
"""Epochs without and with hard negatives."""

HARDEST = 10
"""A hard negative is drawn from this many claims nearest to the post."""

ALIKE = 0.75
"""Centred cosine from which two claims say nearly the same: neither is a wrong answer where the other is right."""

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
    """A text and a statement of the claim it is about, perhaps with a claim that it only seems to be about.

    Pairs of one `group` are no negatives of one another.
    """

    text: str
    claim: str
    group: str
    wrong: str = ""


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


def hardened(
    epoch: Sequence[MatchPair], myths: Sequence[Myth], near: dict[str, list[int]], draw: random.Random
) -> list[MatchPair]:
    """The epoch, each pair with a wrong claim from `near`: for a text, places in `myths`, nearest first, its own left out."""
    return [
        replace(pair, wrong=_wording(myths[draw.choice(near[pair.text])], "en", draw)) if near.get(pair.text) else pair
        for pair in epoch
    ]


def hardest(
    texts: Sequence[MatchPair], posts: FloatArray, claims: FloatArray, myths: Sequence[Myth]
) -> dict[str, list[int]]:
    """For each text the places of the `HARDEST` claims nearest to it, but its own and those that say nearly the same.

    `posts` [texts, 384] and `claims` [myths, 384] are centred unit vectors.
    """
    places = {myth.id: place for place, myth in enumerate(myths)}
    alike = claims @ claims.T >= ALIKE
    near = posts @ claims.T
    found = {}
    for row, pair in enumerate(texts):
        own = places.get(pair.group)
        if own is not None:
            near[row, alike[own]] = -np.inf
            found[pair.text] = [int(place) for place in np.argsort(-near[row])[:HARDEST]]
    return found


def fit(
    file: E5File,
    states: LowerStates,
    epochs: Sequence[Sequence[MatchPair]],
    seed: int,
    start: dict[str, torch.Tensor] | None = None,
) -> dict[str, torch.Tensor]:
    """The trained adapter of the upper half; `start` is one to go on from."""
    torch.manual_seed(seed)
    layers = lora.adapted(runnable(upper_layers(file)), RANK, start)
    trained = [value for value in layers.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=RATE, weight_decay=DECAY)
    steps = sum(len(epoch) // BATCH for epoch in epochs)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / WARM_UP_STEPS) * max(0.02, 1 - step / steps)
    )
    layers.train()
    for number, epoch in enumerate(epochs, start=1):
        states.prepare([text for pair in epoch for text in (pair.text, pair.claim, pair.wrong) if text])
        starts = range(0, len(epoch) - BATCH + 1, BATCH)
        bar = tqdm(starts, desc=f"matching {number}/{len(epochs)}", unit="batch", mininterval=5)
        for first in bar:
            loss = _loss(layers, epoch[first : first + BATCH], states)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimiser.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
    return {name: value.half().contiguous() for name, value in lora.trained_state(layers).items()}


def _loss(layers: nn.ModuleList, batch: Sequence[MatchPair], states: LowerStates) -> torch.Tensor:
    """Which claim belongs to the text, among those of the batch and the wrong ones; and which text to the claim."""
    wrong = [pair.wrong for pair in batch if pair.wrong]
    texts = [*(p.text for p in batch), *(p.claim for p in batch), *wrong]
    vectors = _vectors(layers, [states[text] for text in texts])
    left, right = vectors[: len(batch)], vectors[len(batch) : 2 * len(batch)]
    groups = [pair.group for pair in batch]
    same = torch.tensor([[one == other for other in groups] for one in groups]) & ~torch.eye(
        len(batch), dtype=torch.bool
    )
    near = (left @ right.T / TEMPERATURE).masked_fill(same, -1e4)
    own = torch.arange(len(batch))
    # A wrong claim may be another post's own, so it stands only against the post that brought it.
    brought = torch.tensor([bool(pair.wrong) for pair in batch])
    beside = torch.full((len(batch), 1), -1e4)
    beside[brought, 0] = (left[brought] * vectors[2 * len(batch) :]).sum(-1) / TEMPERATURE
    return nn.functional.cross_entropy(torch.cat([near, beside], dim=1), own) + nn.functional.cross_entropy(near.T, own)


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
