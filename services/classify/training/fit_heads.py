"""Trains the heads on features of the frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from services.classify.heads import HEADS
from services.classify.training.labels import Target

WIDTH = 128
EPOCHS = 8
BATCH = 256
RATE = 1e-3
DECAY = 0.02

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """One row: which family of sources it is from, what it says, how much it weighs."""

    family: str
    target: Target


class _Head(nn.Module):
    def __init__(self, inputs: int, outputs: int, families: int) -> None:
        super().__init__()
        self.inner = nn.Linear(inputs, WIDTH)
        self.outer = nn.Linear(WIDTH, outputs)
        # A source's own idea of the label goes into its offset, which is dropped after training.
        self.offsets = nn.Embedding(families, outputs)
        nn.init.zeros_(self.offsets.weight)

    def forward(self, inputs: torch.Tensor, family: torch.Tensor) -> torch.Tensor:
        inner = nn.functional.dropout(torch.relu(self.inner(inputs)), 0.3, self.training)
        logits: torch.Tensor = self.outer(inner) + self.offsets(family)
        return logits


def fit(inputs: FloatArray, examples: list[Example], seed: int = 7) -> dict[str, FloatArray]:
    """Weights for heads.Heads. `inputs` is [rows, 768]; the family named "" has no offset."""
    torch.manual_seed(seed)
    mean, scale = inputs.mean(0), inputs.std(0) + 1e-4
    scaled = torch.from_numpy((inputs - mean) / scale)
    families = ["", *sorted({one.family for one in examples} - {""})]
    family = torch.tensor([families.index(one.family) for one in examples])
    weights = {"mean": mean, "scale": scale}
    for name, outputs in tqdm(HEADS.items(), desc="heads", unit="head"):
        rows = torch.tensor([i for i, one in enumerate(examples) if getattr(one.target, name) is not None])
        truth = torch.tensor([float(getattr(examples[i].target, name)) for i in rows.tolist()])
        weight = torch.tensor([examples[i].target.weight for i in rows.tolist()])
        head = _Head(inputs.shape[1], outputs, len(families))
        _train(head, scaled[rows], family[rows], truth, weight, seed)
        with torch.no_grad():
            bias = head.outer.bias + head.offsets.weight[0]
        weights |= {
            f"{name}.in": _array(head.inner.weight.T),
            f"{name}.in_bias": _array(head.inner.bias),
            f"{name}.out": _array(head.outer.weight.T),
            f"{name}.out_bias": _array(bias),
        }
    return weights


def _train(
    head: _Head, inputs: torch.Tensor, family: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor, seed: int
) -> None:
    steps = EPOCHS * (len(inputs) // BATCH + 1)
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=steps)
    order = torch.Generator().manual_seed(seed)
    head.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(inputs), generator=order).split(BATCH):  # type: ignore[no-untyped-call]
            logits = head(inputs[batch], family[batch])
            if logits.shape[1] == 1:
                loss = nn.functional.binary_cross_entropy_with_logits(logits[:, 0], truth[batch], reduction="none")
            else:
                loss = nn.functional.cross_entropy(logits, truth[batch].long(), reduction="none")
            optimiser.zero_grad()
            ((loss * weight[batch]).sum() / weight[batch].sum()).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    head.eval()


def _array(tensor: torch.Tensor) -> FloatArray:
    return np.ascontiguousarray(tensor.detach().numpy().astype(np.float32))
