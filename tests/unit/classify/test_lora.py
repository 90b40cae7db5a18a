"""What tuning changed is shipped as an adapter: folded in again, the layers are as they were tuned."""

from __future__ import annotations

import copy

import pytest
import torch

from services.classify import lora
from services.classify.e5_file import E5File
from services.classify.encoder import upper_layers
from services.classify.layers import runnable

RANK = 8


@pytest.fixture(scope="module")
def base() -> torch.nn.ModuleList:
    return upper_layers(E5File())[:1]  # type: ignore[return-value]


def tuned(base: torch.nn.ModuleList, rank: int) -> torch.nn.ModuleList:
    torch.manual_seed(1)
    changed = copy.deepcopy(base)
    with torch.no_grad():
        weight = changed.get_parameter("0.attention.self.query.weight")
        weight.add_(0.01 * torch.randn(weight.shape[0], rank) @ torch.randn(rank, weight.shape[1]))
    return changed


def test_a_change_of_low_rank_is_kept_whole(base: torch.nn.ModuleList) -> None:
    changed = tuned(base, RANK)
    again = lora.folded(copy.deepcopy(base), lora.compressed(changed, base, RANK), RANK, "test")
    for (name, was), (_, found) in zip(changed.named_parameters(), again.named_parameters(), strict=True):
        torch.testing.assert_close(found, was, atol=2e-3, rtol=1e-2, msg=name)


def test_of_a_change_of_higher_rank_the_most_is_kept(base: torch.nn.ModuleList) -> None:
    changed, name = tuned(base, 4 * RANK), "0.attention.self.query.weight"
    again = lora.folded(copy.deepcopy(base), lora.compressed(changed, base, RANK), RANK, "test")
    whole = (changed.get_parameter(name) - base.get_parameter(name)).norm()
    left = (changed.get_parameter(name) - again.get_parameter(name)).norm()
    assert 0 < left < whole


def test_an_adapter_of_another_rank_is_refused(base: torch.nn.ModuleList) -> None:
    with pytest.raises(ValueError, match="other shapes"):
        lora.folded(copy.deepcopy(base), lora.compressed(base, base, RANK), RANK + 1, "test")


def test_opened_layers_train_their_matrices_and_nothing_else(base: torch.nn.ModuleList) -> None:
    opened = lora.opened(runnable(copy.deepcopy(base)))
    trained = {name for name, value in opened.named_parameters() if value.requires_grad}
    assert len(trained) == 6
    assert all(name.endswith(("query.weight", "key.weight", "value.weight", "dense.weight")) for name in trained)
