"""Measures the ranges of activations that the 8-bit engine rounds by (int8_tower.py), on training posts, in float32."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.numpy import load_file, save_file

from services.classify import int8_tower
from services.classify.batching import token_budget_batches
from services.classify.e5_file import E5File
from services.classify.encoder import TOKEN_BUDGET, Encoder, lower_layers, padded, upper_layers
from services.classify.engine import run_layers
from services.classify.layers import runnable

RANGE_TEXTS = 400
"""Training posts on which the ranges are measured."""

Batches = list[tuple[torch.Tensor, torch.Tensor]]


def lower(file: E5File, texts: Sequence[str], path: Path) -> None:
    """The lower half's ranges into the file at `path`."""
    keep(path, "lower", int8_tower.measure(lower_layers(file), _inputs(file, texts)))


def upper(file: E5File, texts: Sequence[str], adapter: dict[str, torch.Tensor] | None, path: Path) -> None:
    """The upper half's, with its adapter or as packaged."""
    layers = runnable(lower_layers(file))
    with torch.inference_mode():
        inputs = [(run_layers(layers, states, mask), mask) for states, mask in _inputs(file, texts)]
    keep(path, "upper", int8_tower.measure(upper_layers(file, adapter), inputs))


def keep(path: Path, part: str, ranges: int8_tower.Ranges) -> None:
    """Replaces the ranges of `part` in the file at `path`; the other parts stay."""
    others = load_file(path) if path.is_file() else {}
    kept = {name: value for name, value in others.items() if not name.startswith(f"{part}.")}
    save_file({**kept, **{f"{part}.{name}": value for name, value in ranges.items()}}, path)


def _inputs(file: E5File, texts: Sequence[str]) -> Batches:
    """Of the first layer: states and masks in batches."""
    reference = Encoder(file=file)
    rows = reference.tokenise(list(texts))
    batches = [
        padded([rows[index] for index in batch], reference.tokenise.pad)
        for batch in token_budget_batches([len(row) for row in rows], TOKEN_BUDGET)
    ]
    return [(reference.embed(ids), mask) for ids, mask in batches]
