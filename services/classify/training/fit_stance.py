"""Trains the stance model, which reads post and myth together: an adapter on the upper layers first, then their whole matrices."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import torch
from torch import nn
from tqdm import tqdm

from services.classify import lora
from services.classify.stance import STANCES, PairModel, joined
from services.classify.training.lower_states import LowerStates
from services.classify.training.pairs import RIVAL_WEIGHT, Pair

NOT_ABOUT = tuple(int(stance == "none") for stance in STANCES)

EPOCHS = 2
TOKENS_A_STEP = 2_400
FIRST_RATES = (6e-4, 1e-3)
"""Of the adapter and of the read-out."""

WHOLE_RATES = (1e-4, 3e-4)
"""Of the matrices and of the read-out, once the adapter has been trained."""

DECAY = 0.01
WARM_UP = 0.08
ROLE_WEIGHT = 0.4
RANK_WEIGHT = 0.5
"""Of telling the right myth from the wrong ones beside it."""
SMOOTHING = 0.03


def fit(
    model: PairModel,
    states: LowerStates,
    draw_epoch: Callable[[random.Random], list[Pair]],
    seed: int,
    rates: tuple[float, float],
    after_epoch: Callable[[int], None] | None = None,
) -> None:
    """Trains in place, layers and read-out at their `rates`. Equal seed, data and machine give equal weights, up to the order of sums."""
    torch.manual_seed(seed)
    draw = random.Random(seed)
    plan = [draw_epoch(draw) for _ in range(EPOCHS)]
    states.prepare([text for epoch in plan for pair in epoch for text in (pair.post, pair.myth, *pair.rivals)])
    batches = [_batches(epoch, states, draw) for epoch in plan]
    optimiser, rate = _optimiser(model, rates, sum(len(one) for one in batches))
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
    """Cross-entropy where several answers may be right (their probabilities add up), of the role, and of which myth it is."""
    rows = [(pair.post, myth) for pair in pairs for myth in (pair.myth, *pair.rivals)]
    inputs, mask, is_myth = joined([(states[post], states[myth]) for post, myth in rows])
    left = lora.some_tokens(mask) | is_myth
    left[:, 0] = True  # no post without a token
    stance, role = model(inputs.float(), left, is_myth)
    logs, own = torch.log_softmax(stance.float(), dim=-1), _firsts(pairs)
    right = torch.tensor([answers for pair in pairs for answers in (pair.stances, *[NOT_ABOUT] * len(pair.rivals))])
    weight = torch.tensor([w for pair in pairs for w in (pair.weight, *[RIVAL_WEIGHT] * len(pair.rivals))])
    wanted = torch.logsumexp(logs.masked_fill(right == 0, -math.inf), dim=-1)
    loss = -(wanted * (1 - SMOOTHING) + logs.mean(-1) * SMOOTHING)
    known = torch.full((len(rows),), -1)
    known[own] = torch.tensor([pair.role for pair in pairs])
    roles = nn.functional.cross_entropy(role.float(), known.clamp(min=0), reduction="none") * (known >= 0)
    told = ((loss + ROLE_WEIGHT * roles) * weight).sum() / weight.sum()
    return told + RANK_WEIGHT * _ranking(logs, own, pairs)


def _firsts(pairs: list[Pair]) -> torch.Tensor:
    """Rows of the pairs themselves, among those of their rivals."""
    sizes = torch.tensor([1 + len(pair.rivals) for pair in pairs])
    return sizes.cumsum(0) - sizes


def _ranking(logs: torch.Tensor, own: torch.Tensor, pairs: list[Pair]) -> torch.Tensor:
    """How little the right myth stands out among its rivals: cross-entropy over the log-odds of being about each."""
    about = torch.logsumexp(logs[:, :-1], dim=-1) - logs[:, -1]
    losses = [
        -torch.log_softmax(about[start : start + 1 + len(pair.rivals)], dim=0)[0]
        for start, pair in zip(own.tolist(), pairs, strict=True)
        if pair.rivals
    ]
    return torch.stack(losses).mean() if losses else about.new_zeros(())


def _batches(epoch: list[Pair], states: LowerStates, draw: random.Random) -> list[list[int]]:
    """Batches of similar length in random order, so that little is padded and steps stay varied; rivals stay together."""
    lengths = [
        len(states[p.post]) + max(len(states[m]) for m in (p.myth, *p.rivals)) + draw.randrange(6) for p in epoch
    ]
    parts: list[list[int]] = [[]]
    rows = width = 0
    for place in sorted(range(len(epoch)), key=lambda index: -lengths[index]):
        more = 1 + len(epoch[place].rivals)
        if parts[-1] and (rows + more) * width > TOKENS_A_STEP:
            parts.append([])
            rows = 0
        width = width if rows else lengths[place]
        rows += more
        parts[-1].append(place)
    draw.shuffle(parts)
    return parts


def _optimiser(
    model: PairModel, rates: tuple[float, float], steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    layers = [value for value in model.layers.parameters() if value.requires_grad]
    inside = {id(value) for value in layers}
    readout = [value for value in model.parameters() if value.requires_grad and id(value) not in inside]
    groups = [{"params": part, "lr": rate} for part, rate in zip((layers, readout), rates, strict=True)]
    optimiser = torch.optim.AdamW(groups, weight_decay=DECAY, betas=(0.9, 0.98))
    warm = max(1, int(steps * WARM_UP))

    def share(step: int) -> float:
        return min(1.0, (step + 1) / warm) * max(0.02, 1 - max(0, step - warm) / max(1, steps - warm))

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, share)
