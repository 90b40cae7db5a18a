"""What an evaluation finds, before it is written down."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.classify.training.corpus import AuthoredPost
from services.classify.verdict import Verdict


@dataclass(frozen=True)
class Scored:
    """A held-out post with its verdict."""

    post: AuthoredPost
    verdict: Verdict

    @property
    def spreads(self) -> bool:
        """Is it meant to be flagged."""
        return self.post.stance == "endorse"


@dataclass
class Report:
    """Everything that `mythwatch evaluate` says. `checked` are the figures with a tolerance."""

    version: str
    myths: int
    topics: int
    stance: dict[str, dict[str, str]] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    groups: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)  # by language, by topic, by harm
    gate: dict[str, str] = field(default_factory=dict)
    candidates: dict[str, str] = field(default_factory=dict)
    matching: dict[str, dict[str, str]] = field(default_factory=dict)
    general: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    worst: list[tuple[str, str, float, str]] = field(default_factory=list)
    checked: dict[str, float] = field(default_factory=dict)
    plots: dict[str, str] = field(default_factory=dict)
