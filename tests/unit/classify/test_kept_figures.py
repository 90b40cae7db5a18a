from __future__ import annotations

import math

import pytest

from services.classify.evaluation.kept_figures import TOLERANCE, as_text, fallen

KEPT = {
    "spread_auc": 0.96, "recall": 0.8, "refuting_flagged": 0.02, "ordinary_flagged": 0.001, "blunt_first": 0.9,
    "short_list_spread_auc": 0.95, "short_list_recall": 0.7, "short_list_refuting_flagged": 0.01,
}  # fmt: skip


def test_within_its_tolerance_nothing_has_fallen() -> None:
    now = {**KEPT, "recall": KEPT["recall"] - TOLERANCE["recall"] / 2, "refuting_flagged": 0.03}
    assert fallen(now, as_text(KEPT)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("spread_auc", 0.94),
        ("recall", 0.7),
        ("refuting_flagged", 0.05),
        ("ordinary_flagged", 0.01),
        ("short_list_recall", 0.5),
        ("short_list_refuting_flagged", 0.03),
        ("recall", math.nan),
    ],
)
def test_a_worse_figure_is_named_with_both_values(name: str, value: float) -> None:
    (sentence,) = fallen({**KEPT, name: value}, as_text(KEPT))
    assert sentence.startswith(f"{name} was {KEPT[name]:.4f} and is ")


def test_better_is_never_worse() -> None:
    assert fallen({**KEPT, "recall": 0.99, "refuting_flagged": 0.0}, as_text(KEPT)) == []


@pytest.mark.parametrize("kept", ["[]", "{}", '{"recall": 1}'])
def test_another_file_is_refused_with_what_makes_one(kept: str) -> None:
    with pytest.raises(ValueError, match="evaluate --write"):
        fallen(KEPT, kept)
