from __future__ import annotations

from dataclasses import replace

import pytest

from services.classify.policy import (
    FEATURES,
    READ_FEATURES,
    CandidateEvidence,
    Policy,
    PostEvidence,
    decide,
    is_unexplained,
)

POST = PostEvidence(health=0.98, claim=0.9, misinformation=0.8, kinds={
    "claim": 0.9, "question": 0.02, "experience": 0.02, "support": 0.02, "news": 0.02, "chatter": 0.02})  # fmt: skip
SPREADING = CandidateEvidence("vaccines-cause-autism", "Vaccines cause autism.", 5.0, 0.6, (0.95, 0.02, 0.02, 0.01))
FAR = CandidateEvidence("raw-milk-cures-asthma", "Raw milk cures asthma.", 1.0, 0.1)
POLICY = Policy(
    weights=tuple(1.0 if name == "endorse" else 0.0 for name in FEATURES),
    bias=0.0,
    match_weights=(1.0, 0.0, 0.5, 0.5),
    match_bias=-3.0,
    plausible=1.5,
    least_cosine=0.3,
    least_health=0.05,
    threshold=0.9,
)


def stance(endorse: float, refute: float, discuss: float, none: float) -> CandidateEvidence:
    return replace(SPREADING, stances=(endorse, refute, discuss, none))


def test_a_post_that_spreads_a_myth_is_flagged_with_the_myth_in_the_reasons() -> None:
    decision = decide(POST, [SPREADING, FAR], POLICY)
    assert decision.flag
    assert decision.stance == "endorse"
    assert decision.candidates[0][0] == "vaccines-cause-autism"
    assert "“Vaccines cause autism.”" in decision.reasons[0]
    assert "misinformation" in " ".join(decision.reasons)


def test_a_debunk_passes_and_says_so() -> None:
    decision = decide(POST, [stance(0.02, 0.95, 0.02, 0.01)], POLICY)
    assert not decision.flag
    assert decision.stance == "refute"
    assert decision.reasons[0].endswith("denies or corrects it.")


def test_a_question_passes_and_says_so() -> None:
    asking = replace(POST, kinds={**POST.kinds, "claim": 0.05, "question": 0.9})
    decision = decide(asking, [stance(0.1, 0.05, 0.84, 0.01)], POLICY)
    assert (decision.flag, decision.stance) == (False, "discuss")
    assert "Asks rather than asserts." in decision.reasons


def test_no_known_myth_is_an_answer() -> None:
    decision = decide(POST, [stance(0.02, 0.02, 0.02, 0.94)], POLICY)
    assert not decision.flag
    assert decision.reasons[0] == "No known myth is close enough."


def test_an_unread_candidate_is_never_flagged() -> None:
    decision = decide(POST, [FAR], replace(POLICY, threshold=0.0001))
    assert (decision.flag, decision.stance) == (False, "none")


def test_only_plausible_candidates_of_posts_on_health_are_read() -> None:
    assert POLICY.is_plausible(POST, 1.5, 0.3)
    assert not POLICY.is_plausible(POST, 1.49, 0.9)
    assert not POLICY.is_plausible(POST, 9.0, 0.29)
    assert not POLICY.is_plausible(replace(POST, health=0.04), 9.0, 0.9)


def test_a_stream_reads_on_only_where_a_myth_may_be_spread() -> None:
    careful = replace(
        POLICY, read_weights=tuple(1.0 if name == "match" else 0.0 for name in READ_FEATURES), read_threshold=0.9
    )
    assert careful.may_spread(POST, [(5.0, 0.5), (4.0, 0.4)])
    assert not careful.may_spread(POST, [(1.0, 0.5)])
    assert not careful.may_spread(POST, [])


def test_doubt_passes_with_its_score() -> None:
    decision = decide(POST, [stance(0.8, 0.1, 0.05, 0.05)], POLICY)
    assert not decision.flag
    assert 0.7 < decision.flag_score < 0.9
    assert "not surely enough" in decision.reasons[0]


def test_the_threshold_is_what_flags() -> None:
    score = decide(POST, [SPREADING], POLICY).flag_score
    assert decide(POST, [SPREADING], replace(POLICY, threshold=score - 0.001)).flag
    assert not decide(POST, [SPREADING], replace(POLICY, threshold=score + 0.001)).flag


def test_a_claim_that_is_stated_once_takes_less_certainty() -> None:
    score = decide(POST, [SPREADING], POLICY).flag_score
    strict = replace(POLICY, threshold=score + 0.05, bare_relief=0.1)
    assert not decide(POST, [SPREADING], strict).flag
    assert decide(POST, [replace(SPREADING, told=0.0)], strict).flag
    assert not decide(POST, [replace(SPREADING, told=0.9)], strict).flag


def test_the_myth_that_the_post_is_about_comes_first_even_if_another_is_nearer() -> None:
    nearer = replace(FAR, match=5.5, stances=(0.01, 0.01, 0.01, 0.97))
    decision = decide(POST, [nearer, SPREADING], POLICY)
    assert [name for name, _ in decision.candidates] == ["vaccines-cause-autism", "raw-milk-cures-asthma"]
    assert decision.candidates[0][1] > decision.candidates[1][1]


def test_a_myth_counts_by_its_lead_over_the_others() -> None:
    by_lead = replace(POLICY, match_weights=(0.0, 1.0, 0.0, 0.0), match_bias=0.0)
    alone, beside = by_lead.match_probabilities([SPREADING, FAR])[0], by_lead.match_probabilities([SPREADING] * 2)[0]
    assert alone > 0.9
    assert beside == 0.5


def test_what_one_candidate_reads_as_is_known_of_all() -> None:
    unread = replace(SPREADING, myth_id="another", stances=None)
    alone, beside = POLICY.match_probabilities([unread])[0], POLICY.match_probabilities([unread, SPREADING])[0]
    assert alone == beside < POLICY.match_probabilities([SPREADING])[0]
    any_counts = replace(POLICY, match_weights=(1.0, 0.0, 0.5, 0.0))
    assert any_counts.match_probabilities([unread, SPREADING])[0] > any_counts.match_probabilities([unread])[0]


def test_nothing_to_compare_with() -> None:
    decision = decide(POST, [], POLICY)
    assert (decision.flag, decision.candidates) == (False, ())


RISKY = replace(POST, misinformation=0.95)


def test_a_risky_claim_that_no_myth_explains_is_for_a_candidate_narrative() -> None:
    assert is_unexplained(RISKY, decide(RISKY, [FAR], POLICY))


@pytest.mark.parametrize(
    "post",
    [
        replace(RISKY, misinformation=0.5),
        replace(RISKY, health=0.3),
        replace(RISKY, claim=0.3),
        replace(RISKY, kinds={**POST.kinds, "claim": 0.1, "experience": 0.8}),
        replace(RISKY, kinds={**POST.kinds, "claim": 0.1, "question": 0.8}),
    ],
)
def test_ordinary_posts_are_not(post: PostEvidence) -> None:
    assert not is_unexplained(post, decide(post, [FAR], POLICY))


def test_what_a_known_myth_explains_is_not_whether_flagged_or_refuting() -> None:
    assert not is_unexplained(RISKY, decide(RISKY, [SPREADING], POLICY))
    assert not is_unexplained(RISKY, decide(RISKY, [stance(0.02, 0.95, 0.02, 0.01)], POLICY))


def test_a_flagged_post_far_from_its_myth_spreads_something_else() -> None:
    far = replace(SPREADING, match=0.2)
    decision = decide(POST, [far], replace(POLICY, match_weights=(1.0, 0.0, 0.0, 0.0), match_bias=-4.0))
    assert decision.flag
    assert decision.candidates[0][1] < 0.05
    assert is_unexplained(POST, decision)


def test_a_myth_that_does_little_harm_takes_more_certainty() -> None:
    policy = replace(POLICY, by_harm={"low": 0.99, "high": 0.9})
    harmless, grave = (decide(POST, [replace(SPREADING, harm=harm)], policy) for harm in ("low", "high"))
    assert (harmless.flag, grave.flag) == (False, True)
    assert harmless.flag_score == grave.flag_score
