"""A reply is read below what it answers, which can only take a flag back."""

from __future__ import annotations

import pytest

from services.classify.context import MOST_PARENT, together
from services.classify.pipeline import Classifier
from services.classify.settings import ClassifySettings
from services.classify.verdict import PostIn


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load(ClassifySettings())


def test_a_long_parent_is_cut_and_the_reply_stands_whole() -> None:
    text = together("word " * 500, "That is not true.")
    assert text.endswith("”\n\nThat is not true.")
    assert len(text) < MOST_PARENT + 40


def test_what_answers_nothing_is_judged_as_before(classifier: Classifier) -> None:
    plain, empty = classifier.classify(
        [PostIn("1", "The flu shot gives you the flu.", "en"), PostIn("2", "The flu shot gives you the flu.", "en", "")]
    )
    assert (plain.flag, plain.flag_score) == (empty.flag, empty.flag_score)


def test_a_myth_above_never_makes_a_flag_of_comfort_below(classifier: Classifier) -> None:
    myth = "Chemo is poison, it kills more people than cancer ever did. Refuse it."
    replies = [
        "So sorry for your loss. Sending love to you and the kids.",
        "My dad had it too, hugs.",
        "Thank you for this!",
    ]
    verdicts = classifier.classify([PostIn(str(n), text, "en", myth) for n, text in enumerate(replies)], gate=False)
    assert [verdict.flag for verdict in verdicts] == [False] * len(replies)


def test_a_verdict_below_one_post_is_not_reused_below_another(classifier: Classifier) -> None:
    text = "Garlic cures cancer, everyone knows that."
    collector = "Collecting the daftest medical myths for my lecture, add yours!"
    alone, below, again = classifier.classify(
        [PostIn("1", text, "en"), PostIn("2", text, "en", collector), PostIn("3", text, "en")]
    )
    assert alone.flag_score == again.flag_score
    assert not below.flag
