from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.classify.batching import token_budget_batches


@given(st.lists(st.integers(1, 300), max_size=200), st.integers(1, 1_000))
def test_each_text_comes_once_and_batches_stay_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(token_budget_batches(lengths, budget))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[index] for index in batch) * len(batch) <= budget


def test_similar_lengths_go_together_longest_first() -> None:
    assert list(token_budget_batches([3, 100, 4, 90], 208)) == [[1, 3], [2, 0]]


def test_equal_input_gives_equal_batches() -> None:
    lengths = [5, 5, 5, 2, 9, 9]
    assert list(token_budget_batches(lengths, 18)) == list(token_budget_batches(lengths, 18))


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="budget must be at least 1"):
        list(token_budget_batches([1], 0))
