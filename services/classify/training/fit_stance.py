"""Trains the stance model: an adapter on the upper layers that reads post and myth together."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import torch
from torch import nn
from tqdm import tqdm

from services.classify import lora
from services.classify.batching import token_budget_batches
from services.classify.stance import PairModel, joined
from services.classify.training.lower_states import LowerStates
from services.classify.training.pairs import Pair

EPOCHS = 2
TOKENS_A_STEP = 2_400
RATE = 6e-4
READOUT_RATE = 1e-3
DECAY = 0.01
WARM_UP = 0.08
ROLE_WEIGHT = 0.4
SMOOTHING = 0.03


def fit(
    model: PairModel,
    states: LowerStates,
    draw_epoch: Callable[[random.Random], list[Pair]],
    seed: int = 7,
    after_epoch: Callable[[int], None] | None = None,
) -> None:
    """Trains in place. Equal seed, data and machine give equal weights, up to the order of sums."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    plan = [draw_epoch(draw) for _ in range(EPOCHS)]
    states.prepare([text for epoch in plan for pair in epoch for text in (pair.post, pair.myth)])
    batches = [_batches(epoch, states, draw) for epoch in plan]
    optimiser, rate = _optimiser(model, sum(len(one) for one in batches))
    for number, (epoch, parts) in enumerate(zip(plan, batches, strict=True)):
        model.train()
        bar = tqdm(parts, desc=f"stance {number + 1}/{EPOCHS}", unit="batch", mininterval=5)
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
    left = lora.some_tokens(mask) | is_myth
    left[:, 0] = True  # no post without a token
    stance, role = model(inputs.float(), left, is_myth)
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


def _optimiser(model: PairModel, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    adapter = [value for name, value in model.named_parameters() if value.requires_grad and "lora_" in name]
    readout = [value for name, value in model.named_parameters() if value.requires_grad and "lora_" not in name]
    groups = [{"params": adapter, "lr": RATE}, {"params": readout, "lr": READOUT_RATE}]
    optimiser = torch.optim.AdamW(groups, weight_decay=DECAY, betas=(0.9, 0.98))
    warm = max(1, int(steps * WARM_UP))

    def share(step: int) -> float:
        return min(1.0, (step + 1) / warm) * max(0.02, 1 - max(0, step - warm) / max(1, steps - warm))

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, share)
