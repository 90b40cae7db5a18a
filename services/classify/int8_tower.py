"""Transformer layers in 8-bit integers on OpenVINO: the fastest a CPU with VNNI or AMX runs them.

Activations of this encoder have a few large channels. As in SmoothQuant (Xiao et al., 2023), a channel's range is moved
into the weights before both are rounded: x W = (x / s) (s W), s = max|x|^a / max|w|^(1-a). Ranges are measured on
training posts by `measure` and shipped; rounding itself happens when the model is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import openvino as ov
import torch
from openvino import opset13 as op
from torch import nn

from services.classify.batching import STEP
from services.classify.layers import LayerWeights, runnable

MIGRATION = 0.75
"""The exponent a: .75 and .8 keep embeddings nearest to float32 (cosine .9995 on average), .5 gives .9965."""

FAR = -1e4
"""Added to the attention of padding."""

FloatArray = npt.NDArray[np.float32]
Ranges = dict[str, FloatArray]

INPUTS = {
    "attention": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attention_out": ("attention.output.dense",),
    "wide": ("intermediate.dense",),
    "narrow": ("output.dense",),
}
"""Matrices of a layer by the input they share."""


def measure(layers: nn.ModuleList, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> Ranges:
    """Largest and smallest value of each input channel, [2, channels], by `layer.input`; of states and masks in float32."""
    layers = runnable(layers)
    found: Ranges = {}
    kept: torch.Tensor

    def watch(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            values = inputs[0][kept]
            both = torch.stack([values.amax(0), values.amin(0)]).numpy()
            if name in found:
                both = np.stack([np.maximum(found[name][0], both[0]), np.minimum(found[name][1], both[1])])
            found[name] = both

        return hook

    hooks = [
        layer.get_submodule(members[0]).register_forward_pre_hook(watch(f"{number}.{name}"))
        for number, layer in enumerate(layers)
        for name, members in INPUTS.items()
    ]
    with torch.inference_mode():
        for states, mask in batches:
            kept = mask
            for layer in layers:
                states = layer(states, mask[:, None, None, :])
    for one in hooks:
        one.remove()
    return found


class Int8Tower:
    """Layers as one function of states [batch, length, width] and mask [batch, length]. One thread at a time."""

    def __init__(self, layers: nn.ModuleList, ranges: Ranges, threads: int, width: int = 384) -> None:
        """Raises KeyError when `ranges` are those of other layers."""
        states = op.parameter([-1, -1, width], np.float32, name="states")
        mask = op.parameter([-1, -1], np.float32, name="mask")
        far = op.unsqueeze(op.multiply(op.subtract(mask, np.float32(1)), np.float32(-FAR)), np.array([1, 2]))
        out = states
        for number, layer in enumerate(layers):
            assert isinstance(layer, LayerWeights)
            out = _layer(out, far, layer, {name: ranges[f"{number}.{name}"] for name in INPUTS})
        model = ov.Model([out], [states, mask], "tower")
        config = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        self._request = ov.Core().compile_model(model, "CPU", config).create_infer_request()

    def __call__(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """States after the layers, float32."""
        rows, width, hidden = states.shape
        # Each new shape costs a third more, once, for kernels of its own: few widths, and as many rows as fill a batch.
        shape = (rows, -(-width // STEP) * STEP)
        inputs, kept = np.zeros((*shape, hidden), np.float32), np.zeros(shape, np.float32)
        inputs[:, :width], kept[:, :width] = states.float().numpy(), mask.numpy()
        answer = self._request.infer([inputs, kept])
        return torch.from_numpy(answer[0][:, :width].copy())


def _layer(x: ov.Node, far: ov.Node, layer: LayerWeights, ranges: Ranges) -> ov.Node:
    heads = layer.sizes.heads
    size = layer.sizes.hidden // heads
    joined = _linear(x, layer, "attention", ranges)
    apart = op.transpose(
        op.reshape(joined, np.array([0, 0, 3, heads, size]), special_zero=True), np.array([2, 0, 3, 1, 4])
    )
    query, key, value = (op.gather(apart, np.int64(place), np.int64(0)) for place in range(3))
    mixed = op.scaled_dot_product_attention(query, key, value, far)
    mixed = op.reshape(op.transpose(mixed, np.array([0, 2, 1, 3])), np.array([0, 0, heads * size]), special_zero=True)
    x = _norm(
        op.add(_linear(mixed, layer, "attention_out", ranges), x),
        layer.get_submodule("attention.output.LayerNorm"),
        layer.sizes.epsilon,
    )
    wide = op.gelu(_linear(x, layer, "wide", ranges), "erf")
    return _norm(
        op.add(_linear(wide, layer, "narrow", ranges), x), layer.get_submodule("output.LayerNorm"), layer.sizes.epsilon
    )


def _linear(x: ov.Node, layer: LayerWeights, name: str, ranges: Ranges) -> ov.Node:
    members = [layer.get_submodule(one) for one in INPUTS[name]]
    weight = torch.cat([one.get_parameter("weight") for one in members]).detach().float().numpy()
    bias = torch.cat([one.get_parameter("bias") for one in members]).detach().float().numpy()
    highest, lowest = ranges[name]
    reach = np.maximum(np.maximum(highest, -lowest), 1e-5)
    smooth = reach**MIGRATION / np.maximum(np.abs(weight).max(0), 1e-5) ** (1 - MIGRATION)
    low, high = min(float((lowest / smooth).min()), 0.0), max(float((highest / smooth).max()), 1e-5)
    x = op.multiply(x, (1 / smooth).astype(np.float32))
    edges = [np.float32(low), np.float32(high)]
    x = op.fake_quantize(x, *edges, *edges, 256)
    weight = weight * smooth
    scale = np.maximum(np.abs(weight).max(1, keepdims=True), 1e-8).astype(np.float32) / 127
    whole = op.constant(np.round(weight / scale).astype(np.int8))
    restored = op.multiply(op.convert(whole, np.float32), scale)
    return op.add(op.matmul(x, restored, False, True), bias)


def _norm(x: ov.Node, norm: nn.Module, epsilon: float) -> ov.Node:
    weight, bias = (norm.get_parameter(one).detach().float().numpy() for one in ("weight", "bias"))
    return op.add(op.multiply(op.mvn(x, np.array([-1]), True, epsilon, "inside_sqrt"), weight), bias)
