"""The figures of the last report, and which of them have fallen since. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

TOLERANCE = {
    "spread_auc": 0.01,
    "recall": 0.04,
    "refuting_flagged": 0.015,
    "ordinary_flagged": 0.005,
    "blunt_first": 0.03,
    "short_list_spread_auc": 0.01,
    "short_list_recall": 0.04,
    "short_list_refuting_flagged": 0.015,
}
"""How much worse a figure may be: engines round differently, and a held-out post more or less is noise."""

LESS_IS_BETTER = {"refuting_flagged", "ordinary_flagged", "short_list_refuting_flagged"}


def as_text(figures: Mapping[str, float]) -> str:
    """JSON that `fallen` reads."""
    return json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=2) + "\n"


def fallen(now: Mapping[str, float], kept: str) -> list[str]:
    """A sentence for each figure that is worse than in `kept` by more than its tolerance. Raises ValueError for other files."""
    before = json.loads(kept)
    if not isinstance(before, dict) or before.keys() != TOLERANCE.keys():
        raise ValueError("not a file of kept figures: make it with `mythwatch evaluate --write docs/evaluation.md`")
    found = []
    for name, tolerance in TOLERANCE.items():
        worse = now[name] - before[name] if name in LESS_IS_BETTER else before[name] - now[name]
        # A figure that can't be computed any more has fallen too.
        if not worse <= tolerance:
            found.append(f"{name} was {before[name]:.4f} and is {now[name]:.4f}: more than {tolerance} worse")
    return found
