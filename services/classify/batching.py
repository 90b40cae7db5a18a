"""Which texts go through the encoder together: similar lengths, a bounded number of padded tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

STEP = 8
"""Lengths are rounded up to multiples of this, so that few shapes of batches occur."""


def token_budget_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices of `lengths` in batches, longest first.

    A batch's longest length, rounded up to `STEP`, times its size stays within `budget` tokens; a text longer than the
    budget is a batch of its own. Each index comes exactly once; equal input gives equal batches.
    Raises ValueError when `budget` is not positive.
    """
    if budget < 1:
        raise ValueError("budget must be at least 1 token")
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    at = 0
    while at < len(order):
        width = -(-max(1, lengths[order[at]]) // STEP) * STEP
        size = max(1, budget // width)
        yield order[at : at + size]
        at += size
