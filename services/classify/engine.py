"""What runs the transformer layers: torch (the reference), torch in bfloat16, a CUDA GPU, or 8-bit integers on OpenVINO.

`auto` measures them on the lower half when the model is loaded and takes the fastest: what the processor's flags promise
is not what it does (an AVX512-BF16 machine ran bfloat16 at two thirds of float32).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from safetensors.numpy import load_file
from torch import nn

from services.classify.int8_tower import INPUTS, Int8Tower, Ranges
from services.classify.layers import runnable

ENGINES = ("torch", "torch-bf16", "torch-cuda", "openvino-int8")
WIDTH = 384
TRIAL = (16, 32)
"""Posts and tokens of the batch that engines are measured on."""

CLOSE = 1.25
"""As good as the fastest: of these the first in order is taken, so that a noisy machine gives the same answers twice."""


class Tower(Protocol):
    """Layers as one function of states [batch, length, 384] and mask [batch, length], true at tokens; answers float32."""

    def __call__(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor: ...


class Engine:
    """Makes towers of one kind. `ranges` are needed for openvino-int8 only, by `part.layer.input`."""

    def __init__(self, name: str = "torch", threads: int = 0, ranges: Ranges | None = None) -> None:
        """Raises ValueError for an engine that is unknown or that this machine lacks."""
        if name not in ENGINES:
            raise ValueError(f"engine {name!r} is unknown; one of {', '.join(ENGINES)}")
        if name == "torch-cuda" and not torch.cuda.is_available():
            raise ValueError("engine torch-cuda: torch sees no CUDA GPU here; use auto")
        self.name = name
        self._threads = use_threads(threads)
        self._ranges = ranges or {}

    def tower(self, part: str, layers: nn.ModuleList, first: int = 0) -> Tower:
        """`part` of the model (lower, upper or stance), whose layers these are from number `first` on."""
        if self.name == "openvino-int8":
            own = {
                f"{number}.{name}": self._ranges[f"{part}.{first + number}.{name}"]
                for number in range(len(layers))
                for name in INPUTS
            }
            return Int8Tower(layers, own, self._threads)
        precision = torch.float32 if self.name == "torch" else torch.bfloat16
        return TorchTower(layers, precision, "cuda" if self.name == "torch-cuda" else "cpu")


class TorchTower:
    """Layers run by torch."""

    def __init__(self, layers: nn.ModuleList, precision: torch.dtype, device: str) -> None:
        self._layers = runnable(layers).to(device=device, dtype=precision).eval()
        self._precision, self._device = precision, device

    @torch.inference_mode()
    def __call__(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """States after the layers, float32."""
        answer = run_layers(self._layers, states.to(self._device, self._precision), mask.to(self._device))
        return answer.float().cpu()


def run_layers(layers: nn.ModuleList, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Runs transformer layers; `mask` is true at the tokens that may be attended to."""
    attend = None if bool(mask.all()) else mask[:, None, None, :]
    for layer in layers:
        states = layer(states, attend)
    return states


def choose(wanted: str, threads: int, ranges: Path, layers: Callable[[], nn.ModuleList]) -> Engine:
    """The engine named, or for "auto" the one that runs `layers()` fastest here. Raises ValueError as Engine does."""
    known = load_file(str(ranges))
    if wanted != "auto":
        return Engine(wanted, threads, known)
    if torch.cuda.is_available():
        return Engine("torch-cuda", threads, known)
    rounded = Engine("openvino-int8", threads, known)
    seconds = _seconds(rounded.tower("lower", layers()))
    if seconds <= CLOSE * _products_alone(layers()):
        return rounded  # torch can't be faster than its matrix products alone: it needn't be made ready
    others = [Engine(name, threads, known) for name in ("torch", "torch-bf16")]
    took = [seconds, *(_seconds(engine.tower("lower", layers())) for engine in others)]
    return next(one for one, each in zip([rounded, *others], took, strict=True) if each <= CLOSE * min(took))


def _seconds(tower: Tower) -> float:
    """Best of three on a batch of ordinary size, after a warm-up."""
    states = torch.linspace(-1, 1, TRIAL[0] * TRIAL[1] * WIDTH).reshape(*TRIAL, WIDTH)
    mask = torch.ones(*TRIAL, dtype=torch.bool)
    return _best(lambda: tower(states, mask))


@torch.inference_mode()
def _products_alone(layers: nn.ModuleList) -> float:
    """The same of nothing but the matrix products of the layers, in float32."""
    matrices = [module for module in layers.modules() if isinstance(module, nn.Linear)]
    inputs = {
        m.in_features: torch.linspace(-1, 1, TRIAL[0] * TRIAL[1] * m.in_features).view(-1, m.in_features)
        for m in matrices
    }
    return _best(lambda: [matrix(inputs[matrix.in_features]) for matrix in matrices])


def _best(run: Callable[[], object]) -> float:
    run()
    took = []
    for _ in range(3):
        started = time.perf_counter()
        run()
        took.append(time.perf_counter() - started)
    return min(took)


def use_threads(count: int = 0) -> int:
    """Sets torch's threads (0: one a core that this process may use) and returns the number."""
    count = count or len(os.sched_getaffinity(0))
    torch.set_num_threads(count)
    return count
