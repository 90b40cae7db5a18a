"""Pictures of spread: which span of time a chart shows, in how many steps, and where its bars stand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.alert.cases import DAY_MS, HOUR_MS

_MINUTE_MS = 60_000
# (age of the narrative up to, length of a step, number of steps), all in ms: young narratives are shown by the minute.
_SPANS = (
    (HOUR_MS, 5 * _MINUTE_MS, 12),
    (6 * HOUR_MS, 15 * _MINUTE_MS, 24),
    (DAY_MS, HOUR_MS, 24),
    (7 * DAY_MS, 6 * HOUR_MS, 28),
    (45 * DAY_MS, DAY_MS, 45),
)
_WEEK_MS, _MOST_WEEKS = 7 * DAY_MS, 52
# A share of the height that even the smallest bar has, so that one post is seen beside a thousand.
_LEAST = 0.06


@dataclass(frozen=True)
class Span:
    """`steps` steps of `step_ms` each, the last of which ends now."""

    step_ms: int
    steps: int

    @property
    def total_ms(self) -> int:
        return self.step_ms * self.steps


@dataclass(frozen=True)
class Bar:
    """A bar in a picture `height` high: `y` is its top. `ago` counts steps back, 0 for the one that ends now."""

    x: float
    y: float
    width: float
    height: float
    count: int
    ago: int


def span_for(first_seen_ms: int, now_ms: int) -> Span:
    """The shortest span that shows a narrative from its first post on; of a very old one, its last year."""
    age_ms = max(0, now_ms - first_seen_ms)
    for most_ms, step_ms, steps in _SPANS:
        if age_ms <= most_ms:
            return Span(step_ms, steps)
    return Span(_WEEK_MS, min(_MOST_WEEKS, -(-age_ms // _WEEK_MS)))


def bars(counts: Sequence[int], width: float, height: float, gap: float = 0.25) -> list[Bar]:
    """Bars side by side, oldest first; `gap` is the share of a step left free. Empty steps have no height."""
    step, top = width / max(1, len(counts)), max(counts, default=0)
    drawn = []
    for index, count in enumerate(counts):
        tall = height * max(_LEAST, count / top) if count else 0.0
        drawn.append(
            Bar(
                round(index * step + step * gap / 2, 2), round(height - tall, 2), round(step * (1 - gap), 2),
                round(tall, 2), count, len(counts) - 1 - index,
            )
        )  # fmt: skip
    return drawn
