"""What a running classifier learns from the topics `myths`, `feedback` and `verdicts`. Pure: no Kafka, no clock, no model.

A myth that was written, changed or withdrawn is matched, or no longer, from then on. "Not a myth" on a case teaches: its
posts are counter-examples of that myth, and posts about it must be surer. Acknowledging or reopening the case undoes it.
Taking a record twice, or out of order between topics, ends in the same state.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from services.classify.knowledge_base import Myth, Source
from services.stream import events_pb2 as events

TEXTS_KEPT = 50_000
"""Flagged posts remembered, so that a decision on their case can teach."""

COUNTER_EXAMPLES = 200
"""Per myth, the latest."""


@dataclass(frozen=True)
class Lesson:
    """What people's decisions say of one myth: `dismissed` cases that were judged not a myth, and the texts in them."""

    dismissed: int
    texts: tuple[str, ...]


class LiveKnowledge:
    """The built-in myths, and what the topics changed in them."""

    def __init__(self, built_in: Iterable[Myth]) -> None:
        self._myths = {myth.id: myth for myth in built_in}
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._decisions: dict[str, events.Feedback] = {}
        self._teaching: set[str] = set()  # ids of the posts of dismissed cases

    def myths(self) -> list[Myth]:
        """All that posts are matched against."""
        return list(self._myths.values())

    def take_myth(self, myth_id: str, event: events.Myth | None) -> bool:
        """Written or changed; None: withdrawn. True when that is news."""
        if event is None:
            return self._myths.pop(myth_id, None) is not None
        myth = myth_of(event)
        news = self._myths.get(myth_id) != myth
        self._myths[myth_id] = myth
        return news

    def take_verdict(self, verdict: events.ClaimVerdict) -> bool:
        """Remember the text of a flagged post; forget that of one that was deleted, or edited into something else."""
        post = verdict.post
        taught = self._texts.get(post.id)
        if verdict.flag and post.action != events.POST_ACTION_DELETE:
            self._texts[post.id] = post.text
            self._texts.move_to_end(post.id)
            while len(self._texts) > TEXTS_KEPT:
                self._texts.popitem(last=False)
        else:
            self._texts.pop(post.id, None)
        return post.id in self._teaching and self._texts.get(post.id) != taught

    def take_feedback(self, feedback: events.Feedback) -> bool:
        """The latest decision on a case counts. True when it changes what is taught."""
        before = self._decisions.get(feedback.case_id)
        if before is not None and (before.decided_ms, before.id) >= (feedback.decided_ms, feedback.id):
            return False
        self._decisions[feedback.case_id] = feedback
        self._teaching = {post for one in self._dismissals() for post in one.post_ids}
        return any(one is not None and one.action == events.FEEDBACK_ACTION_NOT_A_MYTH for one in (before, feedback))

    def lessons(self) -> dict[str, Lesson]:
        """By myth."""
        cases: dict[str, list[events.Feedback]] = defaultdict(list)
        for decision in self._dismissals():
            cases[decision.myth_id].append(decision)
        found = {}
        for myth_id, decisions in cases.items():
            posts = dict.fromkeys(post for one in decisions for post in one.post_ids)
            texts = [self._texts[post] for post in posts if post in self._texts]
            found[myth_id] = Lesson(len(decisions), tuple(texts[-COUNTER_EXAMPLES:]))
        return found

    def _dismissals(self) -> list[events.Feedback]:
        kept = [one for one in self._decisions.values() if one.action == events.FEEDBACK_ACTION_NOT_A_MYTH]
        return sorted(kept, key=lambda one: (one.decided_ms, one.id))


def myth_of(event: events.Myth) -> Myth:
    """The contract's form as the knowledge base has it."""
    harm = events.Harm.Name(event.harm).removeprefix("HARM_").lower()
    return Myth(
        id=event.id,
        claim=dict(event.claim),
        topic=event.topic,
        said_as=tuple(event.said_as),
        near_misses=tuple(event.near_misses),
        fact=dict(event.fact),
        why_misleading=event.why_misleading,
        harm="" if harm == "unspecified" else harm,
        harm_reason=event.harm_reason,
        specialty=event.specialty,
        sources=tuple(Source(one.organisation, one.title, one.url) for one in event.sources),
        reviewed=event.reviewed,
    )
