"""Low-rank adapters (LoRA, Hu et al., 2021) on transformer layers: what is trained first, and all that is shipped.

Whole matrices that are tuned afterwards (`opened`) ship as the adapter nearest to what changed (`compressed`).
"""

from __future__ import annotations

import torch
from torch import nn

LEFT_OUT = 0.08
SCALE = 2.0
"""lora_alpha / rank."""

_TARGETS = ["query", "key", "value", "dense"]


def adapted(layers: nn.ModuleList, rank: int, start: dict[str, torch.Tensor] | None = None) -> nn.ModuleList:
    """The layers, frozen and without dropout, with an adapter of `rank` on every matrix: a new one, or `start` to go on from.

    Dropout inside the layers doubles the time of a step on CPU; training leaves out whole tokens instead (`some_tokens`).
    """
    _without_dropout(layers)
    # Only training needs the library, and importing it takes seconds.
    from peft import LoraConfig, inject_adapter_in_model

    layers.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=int(SCALE * rank), lora_dropout=0.0, target_modules=_TARGETS)
    found: nn.ModuleList = inject_adapter_in_model(config, layers)  # type: ignore[assignment]
    if start is not None:
        found.load_state_dict({name: value.float() for name, value in start.items()}, strict=False)
    return found


def opened(layers: nn.ModuleList) -> nn.ModuleList:
    """The layers with every matrix to be trained as a whole; biases and norms stay."""
    _without_dropout(layers)
    for name, value in layers.named_parameters():
        value.requires_grad_(name.endswith(tuple(f"{target}.weight" for target in _TARGETS)))
    return layers


def compressed(trained: nn.ModuleList, base: nn.ModuleList, rank: int) -> dict[str, torch.Tensor]:
    """The adapter of `rank` nearest to how `trained` differs from `base` (Eckart and Young, 1936), in half precision."""
    found = {}
    for place, module in base.named_modules():
        if place.rpartition(".")[2] in _TARGETS:
            change = trained.get_parameter(f"{place}.weight").detach() - module.get_parameter("weight")
            left, sizes, right = torch.linalg.svd(change.float(), full_matrices=False)
            half = sizes[:rank].sqrt()
            found[f"{place}.lora_A.default.weight"] = (half[:, None] * right[:rank]).half().contiguous()
            found[f"{place}.lora_B.default.weight"] = (left[:, :rank] * half / SCALE).half().contiguous()
    return found


def _without_dropout(layers: nn.ModuleList) -> None:
    for module in layers.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def some_tokens(mask: torch.Tensor) -> torch.Tensor:
    """The mask without a random `LEFT_OUT` of its tokens, for training."""
    return mask & (torch.rand(mask.shape) >= LEFT_OUT)


def trained_state(model: nn.Module) -> dict[str, torch.Tensor]:
    """What training changed."""
    wanted = {name for name, value in model.named_parameters() if value.requires_grad}
    return {name: value.detach() for name, value in model.state_dict().items() if name in wanted}


def folded(layers: nn.ModuleList, state: dict[str, torch.Tensor], rank: int, name: str) -> nn.ModuleList:
    """The layers with the adapter of `state` added to their matrices: W + SCALE B A. For inference.

    Raises ValueError, naming the weights, when the adapter is one of other layers or of another rank.
    """
    wanted = {place for place, module in layers.named_modules() if place.rpartition(".")[2] in _TARGETS}
    found = {key.partition(".lora_")[0] for key in state}
    if wanted != found or len(state) != 2 * len(wanted):
        raise ValueError(f"the {name} weights have other tensors than this code expects")
    with torch.no_grad():
        for place in sorted(wanted):
            down, up = (state[f"{place}.lora_{side}.default.weight"].float() for side in "AB")
            weight = layers.get_parameter(f"{place}.weight")
            if down.shape[0] != rank or (up.shape[0], down.shape[1]) != weight.shape:
                raise ValueError(f"the {name} weights have other shapes than this code expects")
            weight.add_(SCALE * (up @ down))
    return layers
