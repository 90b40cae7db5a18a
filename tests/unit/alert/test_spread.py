"""Pace, doubling and coordination of a narrative."""

from __future__ import annotations

import pytest

from services.alert.cases import HOUR_MS
from services.alert.spread import GROWTH_WINDOW_MS, Copy, coordinated, doubling_ms, pace, wording

MINUTE = 60_000


@pytest.mark.parametrize(("posts", "before", "hours"), [(20, 10, 6), (40, 10, 3), (16, 1, 1.5)])
def test_doubling_follows_exponential_growth(posts: int, before: int, hours: float) -> None:
    assert doubling_ms(posts, before) == pytest.approx(hours * HOUR_MS, rel=0.01)
    assert GROWTH_WINDOW_MS == 6 * HOUR_MS


@pytest.mark.parametrize(("posts", "before"), [(0, 0), (4, 0), (10, 10), (10, 12)])
def test_what_does_not_grow_does_not_double(posts: int, before: int) -> None:
    assert doubling_ms(posts, before) == 0


def test_a_rise_above_the_usual_is_named_and_luck_is_not() -> None:
    steady = [2] * 24
    assert pace([*steady, 12]) == 6
    assert pace([*steady, 4]) == 0  # four where two are usual happens by chance
    assert pace([*steady, 2]) == 0
    assert pace([]) == 0


def test_one_burst_in_the_past_does_not_hide_the_next() -> None:
    assert pace([1, 1, 1, 200, 1, 1, 1, 1, 9]) == 9


def copies(authors: int, apart_ms: int, words: str = "w") -> list[Copy]:
    return [Copy(words, f"a{n}", n * apart_ms) for n in range(authors)]


def test_many_accounts_with_the_same_words_in_the_same_minutes_are_named() -> None:
    assert coordinated(copies(9, MINUTE)) == "9 accounts posted the same words within 8 minutes."


@pytest.mark.parametrize(
    "found",
    [
        copies(4, 1_000),
        copies(9, 20 * MINUTE),
        [Copy("w", "one", n * 1_000) for n in range(20)],
        [Copy("", f"a{n}", n) for n in range(20)],
        [Copy(f"w{n}", f"a{n}", n) for n in range(20)],
    ],
)
def test_few_slow_single_or_different_voices_are_not(found: list[Copy]) -> None:
    assert coordinated(found) == ""


def test_the_same_words_are_told_whatever_surrounds_them() -> None:
    text = "They are HIDING what vaccines do to our children"
    assert wording(text) == wording(f"@you {text.lower()}!!! https://x.example/1")
    assert wording(text) != wording(f"{text} again")
    assert wording("so true") == ""
