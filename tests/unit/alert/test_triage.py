"""Advice: harm against spread."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alert.cases import DAY_MS, Counts, Harm, Triage
from services.alert.triage import TriageRules, advise, advise_candidate, novelty

RULES = TriageRules()
NICHE, SPREADING = Counts(posts=2, authors=2), Counts(posts=6, authors=4, last_hour=2)
WIDE = Counts(posts=40, authors=25, last_hour=8)


@pytest.mark.parametrize(
    ("harm", "advice"),
    [
        (Harm.LOW, ["ignore", "monitor", "monitor"]),
        (Harm.MODERATE, ["ignore", "monitor", "respond"]),
        (Harm.UNKNOWN, ["ignore", "monitor", "respond"]),
        (Harm.HIGH, ["monitor", "respond", "respond"]),
    ],
)
def test_the_matrix(harm: Harm, advice: list[str]) -> None:
    assert [advise(harm, counts, RULES).triage.value for counts in (NICHE, SPREADING, WIDE)] == advice


def test_one_loud_voice_is_not_spread() -> None:
    assert advise(Harm.MODERATE, Counts(posts=500, authors=1, last_hour=500), RULES).triage is Triage.IGNORE


def test_one_post_that_thousands_shared_is() -> None:
    assert advise(Harm.MODERATE, Counts(posts=1, authors=1, shares=5_000), RULES).triage is Triage.RESPOND


def test_a_burst_by_several_people_counts_before_there_are_many() -> None:
    assert advise(Harm.MODERATE, Counts(posts=12, authors=5, last_hour=12), RULES).triage is Triage.RESPOND


counts = st.builds(
    Counts, posts=st.integers(1, 5_000), authors=st.integers(1, 5_000), last_hour=st.integers(0, 5_000),
    shares=st.integers(0, 10**6),
)  # fmt: skip


@given(st.sampled_from(Harm), counts, st.integers(0, 1_000), st.integers(0, 1_000))
def test_more_spread_or_more_harm_never_lowers_the_advice(harm: Harm, now: Counts, posts: int, authors: int) -> None:
    wider = Counts(posts=now.posts + posts, authors=now.authors + authors, last_hour=now.last_hour, shares=now.shares)
    low, high = advise(harm, now, RULES), advise(harm, wider, RULES)
    assert high.triage.rank >= low.triage.rank
    assert advise(Harm.HIGH, now, RULES).triage.rank >= low.triage.rank
    for advice in (low, high):
        assert advice.reason.endswith(".")
        assert not advice.reason[0].islower()
        assert "None" not in advice.reason


def test_the_reason_says_what_and_why() -> None:
    reason = advise(Harm.HIGH, SPREADING, RULES).reason
    assert reason == (
        "4 accounts posted it 6 times, 2 in the last hour; believing it could do grave harm, "
        "so answer before it goes further."
    )  # fmt: skip
    assert advise(Harm.LOW, Counts(), RULES).reason.startswith("No post repeats it any more")


@given(counts)
def test_a_candidate_narrative_is_watched_at_most_and_only_when_many_post_it(now: Counts) -> None:
    advice = advise_candidate(now, RULES)
    assert advice.triage is (Triage.MONITOR if now.authors >= RULES.candidate_authors else Triage.IGNORE)
    assert "no known myth explains it" in advice.reason


WIDE_AND_OLD = Counts(posts=90, authors=40, last_hour=2, first_seen_ms=1)
NOW = 100 * DAY_MS


def test_what_was_answered_or_has_long_been_told_is_watched_instead() -> None:
    for harm in (Harm.MODERATE, Harm.HIGH):
        advice = advise(harm, WIDE_AND_OLD, RULES, novelty(WIDE_AND_OLD, NOW - DAY_MS, NOW))
        assert advice.triage is Triage.MONITOR
        assert "answered" in advice.reason
    old = novelty(WIDE_AND_OLD, 0, NOW)
    assert advise(Harm.MODERATE, WIDE_AND_OLD, RULES, old).triage is Triage.MONITOR
    assert advise(Harm.HIGH, WIDE_AND_OLD, RULES, old).triage is Triage.RESPOND


def test_a_pace_above_its_own_past_calls_for_an_answer_again() -> None:
    faster = dataclasses.replace(WIDE_AND_OLD, last_hour=30, pace=15.0)
    for answered_ms in (0, NOW - DAY_MS):
        advice = advise(Harm.MODERATE, faster, RULES, novelty(faster, answered_ms, NOW))
        assert advice.triage is Triage.RESPOND
        assert "15 times its usual pace" in advice.reason


def test_an_answer_long_ago_is_no_reason_to_wait() -> None:
    young = dataclasses.replace(WIDE_AND_OLD, first_seen_ms=NOW - 20 * DAY_MS)
    assert advise(Harm.MODERATE, young, RULES, novelty(young, NOW - 10 * DAY_MS, NOW)).triage is Triage.RESPOND
