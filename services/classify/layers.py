"""Transformer layers of the packaged encoder: their matrices under transformers' names, and transformers' own layers made of them.

The 8-bit engine needs the matrices only; transformers is imported where layers are run or trained by torch, since that takes
seconds and a quarter of a gigabyte.
"""

from __future__ import annotations

import torch
from torch import nn

from services.classify.e5_file import E5File, E5Header

_NAMES = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "attention.output.LayerNorm": "aln",
    "intermediate.dense": "fi",
    "output.dense": "fo",
    "output.LayerNorm": "oln",
}


class LayerWeights(nn.Module):
    """The matrices and norms of layer `index`, float32; it can't be run."""

    def __init__(self, file: E5File, index: int) -> None:
        super().__init__()
        self.sizes = file.header
        for ours, theirs in _NAMES.items():
            weight, bias = (torch.from_numpy(file.tensor(f"l{index}.{theirs}.{part}")) for part in "wb")
            parent: nn.Module = self
            *path, last = ours.split(".")
            for name in path:
                if name not in dict(parent.named_children()):
                    parent.add_module(name, nn.Module())
                parent = parent.get_submodule(name)
            if last == "LayerNorm":
                module: nn.Module = nn.LayerNorm(len(bias), eps=file.header.epsilon)
            else:
                module = nn.Linear(len(weight) // len(bias), len(bias))
            module.load_state_dict({"weight": weight.reshape(module.get_parameter("weight").shape), "bias": bias})
            parent.add_module(last, module)


def runnable(layers: nn.ModuleList) -> nn.ModuleList:
    """The same layers as transformers' BertLayer, for inference or as a start for training; those that are stay as they are."""
    return nn.ModuleList([_bert_layer(one) if isinstance(one, LayerWeights) else one for one in layers])


def _bert_layer(weights: LayerWeights) -> nn.Module:
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertLayer

    sizes: E5Header = weights.sizes
    config = BertConfig(
        hidden_size=sizes.hidden,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.intermediate,
        layer_norm_eps=sizes.epsilon,
        # Dropout inside the attention would keep training off the fast kernel.
        attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )
    layer: nn.Module = BertLayer(config)
    layer.load_state_dict(weights.state_dict())
    return layer
