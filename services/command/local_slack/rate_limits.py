"""Slack's rate limits as token buckets: https://docs.slack.dev/apis/web-api/rate-limits."""

from __future__ import annotations

import math
from dataclasses import dataclass

TIER_3_PER_MINUTE = 50
TIER_4_PER_MINUTE = 100
TIERS = {
    "chat.update": TIER_3_PER_MINUTE,
    "chat.delete": TIER_3_PER_MINUTE,
    "conversations.history": TIER_3_PER_MINUTE,
    "conversations.replies": TIER_3_PER_MINUTE,
    "chat.postEphemeral": TIER_4_PER_MINUTE,
    "views.open": TIER_4_PER_MINUTE,
}


@dataclass
class RateLimits:
    """Messages per second and channel with a short burst, other methods per minute; `posts_per_second` None: no limits at all."""

    posts_per_second: float | None = 1.0
    burst: int = 5

    def __post_init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, method: str, channel: str, now: float) -> int:
        """Whole seconds the client must wait (Retry-After); 0 when the call may pass, which it then counts. `now` in seconds."""
        if self.posts_per_second is None:
            return 0
        if method == "chat.postMessage":
            return self._take(f"{method} {channel}", float(self.burst), self.posts_per_second, now)
        if method in TIERS:
            return self._take(method, float(TIERS[method]), TIERS[method] / 60, now)
        return 0

    def _take(self, name: str, capacity: float, per_second: float, now: float) -> int:
        left, at = self._buckets.get(name, (capacity, now))
        left = min(capacity, left + (now - at) * per_second)
        if left < 1:
            self._buckets[name] = (left, now)
            return max(1, math.ceil((1 - left) / per_second))
        self._buckets[name] = (left - 1, now)
        return 0
