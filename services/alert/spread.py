"""How a narrative spreads: its pace against its own past, how fast it doubles, and whether it looks coordinated. Pure.

Times are milliseconds UTC.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from services.alert.cases import HOUR_MS
from services.alert.texts import _
from services.alert.wording import number
from services.stream.codec import content_id

GROWTH_WINDOW_MS = 6 * HOUR_MS
FEWEST_TO_GROW = 5
"""Posts below which a doubling time says nothing."""

PAST_HOURS = 24
UNLIKELY = 0.01
"""Chance below which a last hour isn't put down to luck."""

SHORTEST_WORDING = 30
"""Characters below which people write the same words by chance."""

COORDINATED_AUTHORS = 5
COORDINATED_WITHIN_MS = 15 * 60_000

_NOISE = re.compile(r"https?://\S+|@[\w.-]+|\W+")


@dataclass(frozen=True)
class Copy:
    """One post of a wording that several authors used."""

    wording: str
    author: str
    seen_ms: int


def wording(text: str) -> str:
    """A fingerprint of the words of a post, without case, mentions, addresses and punctuation; empty for short ones."""
    plain = _NOISE.sub(" ", text).casefold().strip()
    return content_id("wording", plain) if len(plain) >= SHORTEST_WORDING else ""


def doubling_ms(posts: int, posts_before: int) -> int:
    """How long `posts` take to double at the pace since there were `posts_before`, GROWTH_WINDOW_MS ago; 0 when they don't.

    Exponential growth: ln 2 x window / ln(posts / before). Of a narrative younger than the window, one post counts as before.
    """
    before = max(1, posts_before)
    if posts < FEWEST_TO_GROW or posts <= before:
        return 0
    return round(math.log(2) * GROWTH_WINDOW_MS / math.log(posts / before))


def pace(hours: Sequence[int]) -> float:
    """How many times the usual number of posts came in the last hour, when that is no accident; 0 otherwise.

    `hours`: posts in each of the last hours, oldest first, the last one now. Usual is the median of the hours before, which a
    single burst doesn't move; no accident is a Poisson tail under UNLIKELY (as outbreak detection has it, e.g. Farrington 1996).
    """
    *past, now = hours or (0,)
    usual = max(float(median(past)) if past else 0.0, 0.5)
    return now / usual if now >= 3 and _poisson_tail(now, usual) < UNLIKELY else 0.0


def coordinated(copies: Sequence[Copy]) -> str:
    """Why the posts look copied or coordinated, one sentence: many accounts, the same words, the same minutes; else empty."""
    by_wording = defaultdict(list)
    for copy in copies:
        if copy.wording and copy.author:
            by_wording[copy.wording].append((copy.seen_ms, copy.author))
    most, within = 0, 0
    for found in by_wording.values():
        accounts, span = _busiest(sorted(found))
        if (accounts, -span) > (most, -within):
            most, within = accounts, span
    if most < COORDINATED_AUTHORS:
        return ""
    minutes = max(1, math.ceil(within / 60_000))
    return _("{accounts} posted the same words within {time}.").format(
        accounts=number(most, "account", "accounts"), time=number(minutes, "minute", "minutes")
    )


def _busiest(found: Sequence[tuple[int, str]]) -> tuple[int, int]:
    """Most distinct authors within COORDINATED_WITHIN_MS, and in which span (ms), of (time, author), oldest first."""
    best, first = (0, 0), 0
    for last, (seen_ms, _author) in enumerate(found):
        while seen_ms - found[first][0] > COORDINATED_WITHIN_MS:
            first += 1
        authors = len({author for _, author in found[first : last + 1]})
        if authors > best[0]:
            best = (authors, seen_ms - found[first][0])
    return best


def _poisson_tail(count: int, rate: float) -> float:
    """P(X >= count) of a Poisson variable."""
    term, below = math.exp(-rate), 0.0
    for reached in range(count):
        below += term
        term *= rate / (reached + 1)
    return max(0.0, 1 - below)
