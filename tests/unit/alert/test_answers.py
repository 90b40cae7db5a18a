"""Lengths as platforms count them, drafts that fit, and which answer is in force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.alert.cases import Harm, Myth
from services.alert.drafting import draft
from services.alert.lengths import LIMITS, fits, length
from services.alert.responses import LANGUAGES, Response, ResponseState, answer, in_force, problem

FACT = "Sunscreen lowers the risk of skin cancer. Regular use halves melanoma in trials."
MYTH = Myth(
    "sunscreen-causes-cancer", "sun", {code: "Sunscreen causes cancer." for code in LANGUAGES}, {code: FACT for code in LANGUAGES},
    "Skin cancer is more common where people use sunscreen because they are in the sun more.", Harm.MODERATE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "place", "count"),
    [
        ("abc", "x", 3), ("é", "x", 1), ("e\u0301", "x", 1), ("日本", "x", 4), ("👍🏽", "x", 2), ("👨‍👩‍👧‍👦", "x", 2),
        ("“quoted”", "x", 8), ("see https://hospital.example/a/very/long/address/indeed now", "x", 31),
        ("👨‍👩‍👧‍👦", "bluesky", 1), ("日本", "bluesky", 2), ("e\u0301", "mastodon", 1),
        ("https://hospital.example/a/very/long/address/indeed", "mastodon", 23), ("https://h.example/", "bluesky", 18),
    ],
)  # fmt: skip
def test_each_platform_counts_in_its_own_way(text: str, place: str, count: int) -> None:
    assert length(text, place) == count


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("place", LIMITS)
def test_a_draft_fits_and_says_the_fact_first_and_the_myth_once(language: str, place: str) -> None:
    text = draft(MYTH, language, place)
    assert fits(text, place)
    assert text.startswith("Sunscreen lowers the risk of skin cancer.")
    assert text.count("Sunscreen causes cancer") == 1


def test_the_fullest_draft_ends_with_the_fact() -> None:
    assert draft(MYTH, "en").endswith("So remember: Sunscreen lowers the risk of skin cancer.")
    assert "because they are in the sun more" in draft(MYTH, "en")
    assert "because they are in the sun more" not in draft(MYTH, "nl")


def test_without_a_fact_in_the_language_there_is_no_draft() -> None:
    assert draft(MYTH, "pl") == ""
    assert draft(Myth("m"), "en") == ""


@given(st.text(min_size=1, max_size=900), st.sampled_from(sorted(LIMITS)), st.sampled_from(LANGUAGES))
def test_whatever_the_fact_the_draft_fits(fact: str, place: str, language: str) -> None:
    text = draft(Myth("m", claim={language: "A claim."}, fact={language: fact}), language, place)
    assert length(text, place) <= LIMITS[place]


def response(**more: object) -> Response:
    values = {
        "id": "r1", "myth_id": MYTH.id, "language": "en", "place": "long", "text": "Approved words.", "version": 1,
        "state": ResponseState.APPROVED, "author": "a", "approver": "b", "proposed_ms": 1, "approved_ms": 2, "expires_ms": 100,
    }  # fmt: skip
    return Response(**{**values, **more})  # type: ignore[arg-type]


def test_an_approved_answer_wins_over_a_draft_until_it_expires() -> None:
    found = answer(MYTH, [response()], "en", "long", 50)
    assert found is not None
    assert (found.text, found.approved) == ("Approved words.", response())
    old = answer(MYTH, [response()], "en", "long", 100)
    assert old is not None
    assert old.approved is None


@pytest.mark.parametrize("state", [ResponseState.PROPOSED, ResponseState.REPLACED, ResponseState.WITHDRAWN])
def test_only_what_is_approved_is_in_force(state: ResponseState) -> None:
    assert in_force([response(state=state)], "en", "long", 50) is None
    assert in_force([response()], "nl", "long", 50) is None
    assert in_force([response()], "en", "x", 50) is None


@pytest.mark.parametrize(
    ("text", "language", "place", "says"),
    [("", "en", "long", "text: empty"), ("a" * 281, "en", "x", "281 characters as X counts them; at most 280"),
     ("a", "xx", "long", "language: one of en"), ("a", "en", "fax", "length: one of bluesky")],
)  # fmt: skip
def test_what_is_wrong_with_a_proposal_is_named(text: str, language: str, place: str, says: str) -> None:
    assert says in problem(text, language, place)


def test_a_good_proposal_has_no_problem() -> None:
    assert problem("a" * 280, "nl", "x") == ""
