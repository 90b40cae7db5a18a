"""What people decide and write reaches the classifier's knowledge, in whatever order and however often it comes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from services.classify.knowledge_base import Myth
from services.classify.lessons import MOST_RAISED, Lessons
from services.classify.live_knowledge import Lesson, LiveKnowledge
from services.stream import events_pb2 as events

BUILT_IN = [Myth(id="tea-cures-flu", claim={"en": "Tea cures the flu."})]
CREATE, UPDATE, DELETE = events.POST_ACTION_CREATE, events.POST_ACTION_UPDATE, events.POST_ACTION_DELETE
NOT_A_MYTH, REOPEN = events.FEEDBACK_ACTION_NOT_A_MYTH, events.FEEDBACK_ACTION_REOPEN


def flagged(post: str, text: str = "tea did it", action: int = CREATE, flag: bool = True) -> events.ClaimVerdict:
    return events.ClaimVerdict(post=events.SocialPost(id=post, text=text, action=action), flag=flag, myth_id="m")  # type: ignore[arg-type]


def decided(action: int, at: int, *posts: str, case: str = "case", myth: str = "m") -> events.Feedback:
    return events.Feedback(id=f"{case}{at}", case_id=case, myth_id=myth, action=action, decided_ms=at, post_ids=posts)  # type: ignore[arg-type]


def test_a_myth_is_written_changed_and_withdrawn() -> None:
    knowledge = LiveKnowledge(BUILT_IN)
    new = events.Myth(id="new", claim={"en": "Snails cure warts."}, harm=events.HARM_LOW, said_as=["snails!"])
    assert knowledge.take_myth("new", new)
    assert not knowledge.take_myth("new", new)  # the same again is no news
    assert [myth.id for myth in knowledge.myths()] == ["tea-cures-flu", "new"]
    assert knowledge.myths()[1].wordings() == ["Snails cure warts.", "snails!"]
    assert knowledge.myths()[1].harm == "low"
    assert knowledge.take_myth("tea-cures-flu", None)
    assert not knowledge.take_myth("never-there", None)
    assert [myth.id for myth in knowledge.myths()] == ["new"]


def test_a_decision_teaches_whatever_comes_first_and_however_often() -> None:
    story = [
        lambda one: one.take_verdict(flagged("1")),
        lambda one: one.take_verdict(flagged("2", "tea again")),
        lambda one: one.take_feedback(decided(NOT_A_MYTH, 5, "1", "2")),
    ]
    for order in itertools.permutations(story):
        knowledge = LiveKnowledge(BUILT_IN)
        news = [step(knowledge) for step in (*order, *order)]
        assert knowledge.lessons() == {"m": Lesson(1, ("tea did it", "tea again"))}
        assert any(news)
        assert not any(news[3:])


def test_reopening_undoes_it_even_when_it_comes_first() -> None:
    for order in ((5, 9), (9, 5)):
        knowledge = LiveKnowledge(BUILT_IN)
        knowledge.take_verdict(flagged("1"))
        for at in order:
            knowledge.take_feedback(decided(NOT_A_MYTH if at == 5 else REOPEN, at, "1"))
        assert knowledge.lessons() == {}


@pytest.mark.parametrize(
    "taken_back", [flagged("1", "", DELETE, flag=False), flagged("1", "I like tea", UPDATE, flag=False)]
)
def test_a_deleted_or_edited_post_is_no_counter_example_any_more(taken_back: events.ClaimVerdict) -> None:
    knowledge = LiveKnowledge(BUILT_IN)
    knowledge.take_verdict(flagged("1"))
    knowledge.take_feedback(decided(NOT_A_MYTH, 5, "1"))
    assert knowledge.take_verdict(taken_back)
    assert knowledge.lessons() == {"m": Lesson(1, ())}


def embed(texts: list[str]) -> np.ndarray:
    return np.array([[1, 0] if "tea" in text else [0, 1] for text in texts], dtype=np.float32)


TEA, OTHER = embed(["tea"])[0], embed(["other"])[0]


def test_what_is_like_a_counter_example_passes_and_the_rest_must_be_surer() -> None:
    lessons = Lessons({"m": Lesson(1, ("tea did it",))}, embed)
    assert "like a post" in lessons.objection("m", TEA, 0.99, 0.6)
    assert "takes 80%" in lessons.objection("m", OTHER, 0.7, 0.6)
    assert lessons.objection("m", OTHER, 0.9, 0.6) == ""
    assert lessons.objection("another myth", TEA, 0.61, 0.6) == ""


def test_many_dismissals_never_close_a_myth_for_good() -> None:
    few, many = (Lessons({"m": Lesson(count, ())}, embed) for count in (MOST_RAISED, 50))
    assert many.objection("m", OTHER, 0.9, 0.6) == few.objection("m", OTHER, 0.9, 0.6)
    assert many.objection("m", OTHER, 0.99, 0.6) == ""
