"""Trains the stance model: an adapter on the upper layers that reads post and myth together."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from services.classify.batching import token_budget_batches
from services.classify.encoder import Encoder
from services.classify.stance import PairModel, joined
from services.classify.training.pairs import Pair

TOKENS_A_STEP = 2_400
RATE = 6e-4
READOUT_RATE = 1e-3
DECAY = 0.01
WARM_UP = 0.08
ROLE_WEIGHT = 0.4
SMOOTHING = 0.03

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Schedule:
    """`epochs` of the first of `planned` epochs; the rate starts at `start` of the full one and falls in a line."""

    epochs: int
    planned: int
    start: float = 1.0


class LowerStates:
    """Lower-half states and embeddings of texts, computed once: they don't change while the stance model learns."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._kept: dict[str, torch.Tensor] = {}
        self._pooled: dict[str, FloatArray] = {}

    def prepare(self, texts: list[str]) -> None:
        """Encodes what is not there yet."""
        missing = sorted(set(texts) - self._kept.keys())
        for start in tqdm(range(0, len(missing), 256), desc="lower states", unit="batch", disable=not missing):
            part = missing[start : start + 256]
            for text, one in zip(part, self._encoder.encode(part), strict=True):
                self._kept[text] = one.tokens
                self._pooled[text] = one.pooled

    def pooled(self, texts: list[str]) -> FloatArray:
        """Embeddings of prepared texts, [texts, 384]."""
        return np.stack([self._pooled[text] for text in texts])

    def __getitem__(self, text: str) -> torch.Tensor:
        return self._kept[text]


def fit(
    model: PairModel,
    states: LowerStates,
    draw_epoch: Callable[[random.Random], list[Pair]],
    schedule: Schedule,
    seed: int = 7,
    after_epoch: Callable[[int], None] | None = None,
) -> None:
    """Trains in place. Equal seed, data and machine give equal weights, up to the order of sums."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    plan = [draw_epoch(draw) for _ in range(schedule.epochs)]
    states.prepare([text for epoch in plan for pair in epoch for text in (pair.post, pair.myth)])
    batches = [_batches(epoch, states, draw) for epoch in plan]
    steps = sum(len(one) for one in batches) * schedule.planned // schedule.epochs
    optimiser, rate = _optimiser(model, steps, schedule.start)
    for number, (epoch, parts) in enumerate(zip(plan, batches, strict=True)):
        model.train()
        bar = tqdm(parts, desc=f"stance {number + 1}/{schedule.epochs}", unit="batch", mininterval=5)
        for part in bar:
            loss = _loss(model, [epoch[index] for index in part], states)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            rate.step()
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        model.eval()
        if after_epoch:
            after_epoch(number)


def _loss(model: PairModel, pairs: list[Pair], states: LowerStates) -> torch.Tensor:
    """Cross-entropy where several answers may be right (their probabilities add up), and of the role."""
    inputs, mask, is_myth = joined([(states[pair.post], states[pair.myth]) for pair in pairs])
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=inputs.dtype == torch.bfloat16):
        stance, role = model(inputs.float(), mask, is_myth)
    right = torch.tensor([pair.stances for pair in pairs], dtype=torch.float32)
    weight = torch.tensor([pair.weight for pair in pairs])
    logs = torch.log_softmax(stance.float(), dim=-1)
    wanted = torch.logsumexp(logs.masked_fill(right == 0, -math.inf), dim=-1)
    loss = -(wanted * (1 - SMOOTHING) + logs.mean(-1) * SMOOTHING)
    known = torch.tensor([pair.role for pair in pairs])
    roles = nn.functional.cross_entropy(role.float(), known.clamp(min=0), reduction="none") * (known >= 0)
    return ((loss + ROLE_WEIGHT * roles) * weight).sum() / weight.sum()


def _batches(epoch: list[Pair], states: LowerStates, draw: random.Random) -> list[list[int]]:
    """Batches of similar length in random order, so that little is padded and steps stay varied."""
    lengths = [len(states[pair.post]) + len(states[pair.myth]) + draw.randrange(6) for pair in epoch]
    parts = list(token_budget_batches(lengths, TOKENS_A_STEP))
    draw.shuffle(parts)
    return parts


def _optimiser(
    model: PairModel, steps: int, start: float
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    adapter = [value for name, value in model.named_parameters() if value.requires_grad and "lora_" in name]
    readout = [value for name, value in model.named_parameters() if value.requires_grad and "lora_" not in name]
    groups = [{"params": adapter, "lr": RATE * start}, {"params": readout, "lr": READOUT_RATE * start}]
    optimiser = torch.optim.AdamW(groups, weight_decay=DECAY, betas=(0.9, 0.98))
    warm = max(1, int(steps * WARM_UP))

    def share(step: int) -> float:
        return min(1.0, (step + 1) / warm) * max(0.02, 1 - max(0, step - warm) / max(1, steps - warm))

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, share)
