"""Figures with intervals. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

Z95 = 1.96


@dataclass(frozen=True)
class Share:
    """`hits` of `total`, with Wilson's 95% interval."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """0-1; nan of nothing."""
        return self.hits / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson score interval, 95%."""
        if not self.total:
            return (0.0, 1.0)
        p, n, z2 = self.value, self.total, Z95**2
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        reach = Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return (max(0.0, centre - reach), min(1.0, centre + reach))

    def __str__(self) -> str:
        if not self.total:
            return "none to measure"
        low, high = self.interval
        digits = 2 if high < 0.02 else 1 if high < 0.1 else 0
        return f"{self.value:.{digits}%} ({self.hits} of {self.total}; {low:.{digits}%} to {high:.{digits}%})"


def share(values: Sequence[bool]) -> Share:
    """Of truths."""
    return Share(sum(map(bool, values)), len(values))


def auc(truth: Sequence[bool], scores: Sequence[float]) -> float:
    """Area under ROC; nan when only one class is there."""
    return float(roc_auc_score(truth, scores)) if len(set(truth)) == 2 else math.nan


def auc_interval(truth: Sequence[bool], scores: Sequence[float], seed: int = 7) -> tuple[float, float]:
    """95% by bootstrap over posts (500 draws)."""
    values, answers, draw = np.array(scores), np.array(truth), np.random.default_rng(seed)
    found = []
    for _ in range(500):
        rows = draw.integers(len(values), size=len(values))
        if len(set(answers[rows].tolist())) == 2:
            found.append(float(roc_auc_score(answers[rows], values[rows])))
    return (float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))) if found else (0.0, 1.0)


def f1(truth: Sequence[bool], answers: Sequence[bool]) -> float:
    """F1 of the positive class; 0 when nothing is right."""
    right = sum(t and a for t, a in zip(truth, answers, strict=True))
    return 2 * right / max(1, sum(truth) + sum(answers)) if right else 0.0


def precision_at_share(truth: Sequence[bool], flags: Sequence[bool], spreading: float) -> float:
    """Precision as it would be if `spreading` of the posts spread a myth, with the rates measured here."""
    positives, negatives = sum(truth), len(truth) - sum(truth)
    caught = sum(t and f for t, f in zip(truth, flags, strict=True)) / max(1, positives) * spreading
    wrong = sum(f and not t for t, f in zip(truth, flags, strict=True)) / max(1, negatives) * (1 - spreading)
    return caught / (caught + wrong) if caught + wrong else math.nan


def mean_average_precision(ranks: Sequence[int | None], depth: int = 5) -> float:
    """MAP@depth with one right answer each: `ranks` count from 0, None when it isn't listed."""
    return float(np.mean([1 / (rank + 1) if rank is not None and rank < depth else 0.0 for rank in ranks]))
