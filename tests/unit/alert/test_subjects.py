"""Topics, specialties and the classifier's reasons have a name and a sentence to translate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.alert import texts
from services.alert.subjects import _NAMES, subject
from services.alert.why_flagged import _PATTERNS, carried, reason
from services.classify import knowledge_base
from services.classify.carrying_words import MOST_CHARACTERS, quoted, sentences
from services.classify.policy import CandidateEvidence, PostEvidence
from services.classify.reasons import reasons


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    texts.use("en")


def test_every_topic_and_specialty_of_the_knowledge_base_can_be_translated() -> None:
    used = {slug.replace("-", " ") for myth in knowledge_base.load() for slug in (myth.topic, myth.specialty)}
    assert used - set(_NAMES) == set()


def test_a_topic_in_dutch() -> None:
    texts.use("nl")
    assert (subject("general-practice"), subject("weight-loss-drugs")) == ("huisartsgeneeskunde", "afslankmedicijnen")
    assert subject("our-own-topic") == "our own topic"
    assert subject("") == ""


BEST = CandidateEvidence("m", "Sunscreen “causes” cancer.", 3.0, 0.8, (0.8, 0.1, 0.05, 0.05))


def said() -> set[str]:
    """Every reason that the classifier gives."""
    found = {
        quoted(["They hide it.", "It gives you cancer."], [0.1, 0.9]),
        "Below the post it answers, it doesn't spread the myth (31%).",
    }
    for kind in ("question", "experience", "support", "news", "claim"):
        for health, misinformation in ((0.1, 0.9), (0.9, 0.9)):
            for flag, chance, stance in (
                (True, 0.9, "endorse"), (False, 0.9, "endorse"), (False, 0.9, "refute"), (False, 0.9, "discuss"), (False, 0.2, "none"),
            ):  # fmt: skip
                post = PostEvidence(health, 0.9, misinformation, {kind: 1.0})
                found |= set(reasons(post, BEST, chance, stance, flag, 0.87))
    return found


def test_every_reason_of_the_classifier_is_known() -> None:
    given = said()
    assert all(any(pattern.fullmatch(one) for pattern, _ in _PATTERNS) for one in given), given
    assert {sentence for pattern, sentence in _PATTERNS if not any(pattern.fullmatch(one) for one in given)} == set()
    assert all(reason(one) == one for one in given)


def test_a_reason_in_dutch_keeps_the_title_and_the_share() -> None:
    texts.use("nl")
    assert reason("Repeats the myth “A {b} % c” (91% sure that this is the myth).") == (
        "Herhaalt de mythe “A {b} % c” (91% zeker dat dit de mythe is)."
    )
    assert reason("What another version of the classifier said.") == "What another version of the classifier said."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("They hide it. It gives you cancer! Share this.", "It gives you cancer!"),
        ("They hide it.\nIt gives you\ncancer, ask anyone there.\nShare this.", "It gives you"),
        ("x <b>&amp;</b> (a|b)* [c]. " + "so it is " * 40 + "end of it. And then.", "so it is"),
    ],
)
def test_the_words_that_carried_the_decision_are_found_in_the_post(text: str, words: str) -> None:
    parts = sentences(text)
    given = quoted(parts, [float(part.startswith(words)) for part in parts])
    before, found, after = carried(text, ["Repeats the myth.", given])
    assert before + found + after == text
    assert found.startswith(words)
    assert len(found) <= MOST_CHARACTERS


def test_nothing_is_marked_where_nothing_or_all_of_it_carried_the_decision() -> None:
    assert carried("It gives you cancer.", ["Its words: “It gives you cancer.”"]) == ("It gives you cancer.", "", "")
    assert carried("It was edited since.", ["Its words: “It gives you cancer.”"]) == ("It was edited since.", "", "")
    assert carried("No reason.", []) == ("No reason.", "", "")
