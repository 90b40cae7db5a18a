"""Trains the stance model in a workshop: which pairs it learns from, and what is kept of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file as save_tensors
from torch import nn

from services.classify import int8_tower, lora
from services.classify.batching import token_budget_batches
from services.classify.encoder import TOKEN_BUDGET, upper_layers
from services.classify.matching import load_matching
from services.classify.stance import FIRST_RANK, RANK, PairModel, joined, loaded, opened, untrained
from services.classify.training import corpus, fit_int8, fit_stance, neighbours
from services.classify.training.lower_states import LowerStates
from services.classify.training.pairs import (
    Pair,
    PairSampler,
    PublicPairs,
    dismissed_pairs,
    evidence_pairs,
    vaccine_pairs,
)

if TYPE_CHECKING:
    from services.classify.training.build import Workshop

VACCINE_PAIRS = 800
PUBLIC_PAIRS = 1_400
EVIDENCE_PAIRS = 500


def train_stance(shop: Workshop) -> None:
    """The pair model: authored posts with their myth and with wrong ones, and public posts beside them.

    Goes on from the weights that are there; without any an adapter is trained first.
    """
    torch.manual_seed(corpus.SEED)
    encoder = shop.encoder()
    states = LowerStates(encoder)
    posts, myths = shop.posts_of("train"), shop.myths_of("train")
    ordinary = corpus.ordinary_public(shop.data, "train")
    centring, _ = load_matching(shop.out / "matching.safetensors")
    near = neighbours.nearest(encoder, [*(post.text for post in posts), *ordinary], myths)
    sampler, public = (
        PairSampler(posts, myths, near, neighbours.alike(encoder, centring, myths)),
        PublicPairs(ordinary, myths, near),
    )
    vaccine, evidence = corpus.vaccine_rows(shop.data), corpus.json_lines(shop.data / "claim_evidence.jsonl")

    def draw_epoch(draw: random.Random) -> list[Pair]:
        pairs = sampler.epoch(draw)
        pairs += vaccine_pairs(vaccine, draw, VACCINE_PAIRS) + public.draw(draw, PUBLIC_PAIRS)
        pairs += evidence_pairs(evidence, draw, EVIDENCE_PAIRS)
        pairs += dismissed_pairs(shop.lessons, shop.myths)
        draw.shuffle(pairs)
        return pairs

    path = shop.out / "stance.safetensors"
    if not path.is_file():
        first = untrained(shop.file)
        fit_stance.fit(first, states, draw_epoch, corpus.SEED, fit_stance.FIRST_RATES)
        adapter = lora.trained_state(first.layers)
        keep_stance(shop, first, lora.folded(upper_layers(shop.file), adapter, FIRST_RANK, "stance"))
    model = opened(path, shop.file)
    fit_stance.fit(
        model, states, draw_epoch, corpus.SEED, fit_stance.WHOLE_RATES, lambda _: keep_stance(shop, model, model.layers)
    )
    sample = draw_epoch(random.Random(corpus.SEED))[: fit_int8.RANGE_TEXTS]
    states.prepare([text for pair in sample for text in (pair.post, pair.myth)])
    whole = loaded(shop.out / "stance.safetensors", shop.file)
    lengths = [len(states[pair.post]) + len(states[pair.myth]) for pair in sample]

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in token_budget_batches(lengths, TOKEN_BUDGET):
            inputs, mask, is_myth = joined([(states[sample[i].post], states[sample[i].myth]) for i in batch])
            yield whole.marked(inputs.float(), is_myth), mask

    fit_int8.keep(shop.ranges, "stance", int8_tower.measure(whole.layers, batches()))


def keep_stance(shop: Workshop, model: PairModel, layers: nn.ModuleList) -> None:
    """Writes what was trained, in half precision: the read-out, and how `layers` differ from those packaged."""
    readout = {name: value for name, value in model.state_dict().items() if not name.startswith("layers.")}
    adapter = lora.compressed(layers, upper_layers(shop.file), RANK)
    state = {
        **{name: value.half().contiguous() for name, value in readout.items()},
        **{f"layers.{name}": value for name, value in adapter.items()},
    }
    save_tensors(state, str(shop.out / "stance.safetensors"))
