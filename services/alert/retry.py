"""What becomes of a notification that did not arrive: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

# Seconds before the second, third, ... attempt.
BACKOFF_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
# What may have arrived is looked for only after requests in flight have settled.
SETTLE_S = 3.0
# While a channel refuses our credentials, or a message as such, people have to mend it: try slowly.
SLOWLY_S = 60.0
GIVE_UP_MS = 3 * 86_400_000
# After so many failures in a row a place waits, longer each time: thousands of due messages must not hammer a relay that is
# down (a circuit breaker; one message at a time then tries whether it works again).
BREAKS_AFTER = 5
BREAK_S = (5.0, 15.0, 30.0, 60.0)


class Ending(Enum):
    """How an attempt ended."""

    SENT = auto()  # confirmed
    REFUSED = auto()  # certainly not taken; may be later
    UNSURE = auto()  # perhaps taken: timeout, dropped connection, server error
    BROKEN = auto()  # our credentials or rights are refused
    REJECTED = auto()  # this message is refused as it is
    GONE = auto()  # the message to be edited is no longer there


@dataclass(frozen=True)
class Attempt:
    """How an attempt ended; `external_id` when sent; `error` never holds a secret or a text."""

    ending: Ending
    external_id: str = ""
    error: str = ""
    retry_after_s: float = 0.0


@dataclass(frozen=True)
class Next:
    """When to try again (ms UTC), or to give up."""

    at_ms: int
    give_up: bool = False


def next_attempt(attempt: Attempt, attempts: int, created_ms: int, now_ms: int) -> Next:
    """`attempts` is the number made so far; `created_ms` when the notification was recorded."""
    if attempt.ending is Ending.REJECTED and now_ms - created_ms > GIVE_UP_MS:
        return Next(0, give_up=True)
    slow = attempt.ending in (Ending.BROKEN, Ending.REJECTED)
    delay_s = SLOWLY_S if slow else BACKOFF_S[min(max(attempts, 1), len(BACKOFF_S)) - 1]
    if attempt.ending is Ending.UNSURE:
        delay_s = max(delay_s, SETTLE_S)
    return Next(now_ms + int(1000 * max(delay_s, attempt.retry_after_s)))


def channel_failed(attempt: Attempt) -> bool:
    """Is it the channel that failed, not this one message?"""
    return attempt.ending in (Ending.REFUSED, Ending.UNSURE, Ending.BROKEN) and not attempt.retry_after_s


def break_s(failures: int) -> float:
    """How long a place rests after that many failures in a row, seconds."""
    return BREAK_S[min(failures - BREAKS_AFTER, len(BREAK_S) - 1)] if failures >= BREAKS_AFTER else 0.0
