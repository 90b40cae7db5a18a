"""Places that keep failing rest, longer each time, while the others of their channel are told (a circuit breaker each). Pure."""

from __future__ import annotations

from services.alert.retry import Attempt, Ending, break_s, channel_failed


class Rests:
    """Of one channel. Times are seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}  # in a row, by recipient
        self._until_s: dict[str, float] = {}

    def note(self, recipient: str, attempt: Attempt, now_s: float) -> None:
        """How an attempt ended."""
        if attempt.ending is Ending.SENT:
            self._failures.pop(recipient, None)
            self._until_s.pop(recipient, None)
        elif channel_failed(attempt) or attempt.retry_after_s:
            failures = self._failures.get(recipient, 0) + channel_failed(attempt)
            self._failures[recipient] = failures
            self._until_s[recipient] = now_s + max(break_s(failures), attempt.retry_after_s)

    def resting(self, now_s: float) -> list[str]:
        """Recipients that are to be left alone now."""
        return sorted(recipient for recipient, until_s in self._until_s.items() if until_s > now_s)
