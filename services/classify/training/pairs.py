"""Which (post, myth) pairs the stance model learns from, drawn anew each epoch."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from services.classify.knowledge_base import Myth
from services.classify.live_knowledge import Lesson
from services.classify.stance import ROLES, STANCES
from services.classify.training.corpus import AuthoredPost, Row
from services.classify.training.replies import replies

NEAREST = 12
"""Hard negatives are drawn from this many myths nearest to the post."""

NEAREST_PUBLIC = 4
"""The same for public posts, of which there are plenty: only the nearest few teach anything."""

TERSE = 70
"""Characters up to which a post is terse: a bare claim or denial differs by one word, so these are seen once more."""

SHORT = 400
"""Characters of evidence that are still like a post."""

SAME_LANGUAGE = 0.4
"""Share of pairs in which the myth is stated in the post's language; else English, as imported myths are."""

CONCERNS = {
    "ineffective": "Vaccines do not work and do not protect against the disease.",
    "side-effect": "Vaccines cause serious harm and deaths that are being hidden.",
    "ingredients": "Vaccines are full of dangerous ingredients.",
    "conspiracy": "Vaccination is a plot to control or harm people.",
    "pharma": "Vaccines are only pushed so that drug companies make money.",
    "rushed": "The vaccines were rushed and never properly tested.",
    "unnecessary": "Healthy people do not need vaccines because natural immunity is enough.",
}
"""Vaccine concerns of the caves source, as claims that a post with that label endorses."""
AGAINST = "Vaccines do more harm than good."


RIVAL_WEIGHT = 0.7
"""Neighbours overlap: a post can touch a second myth, so a wrong pair counts a little less."""

RIVALS = 2
"""Wrong myths that stand beside the right one of a post."""


@dataclass(frozen=True)
class Pair:
    """`stances`: which answers are right, 1 or 0 for each of STANCES; `role`: place in ROLES, -1 unknown.

    `rivals`: claims that the post only seems to be about, to be told from `myth`.
    """

    post: str
    myth: str
    stances: tuple[int, ...]
    role: int = -1
    weight: float = 1.0
    rivals: tuple[str, ...] = ()


def _right(*names: str) -> tuple[int, ...]:
    return tuple(int(stance in names) for stance in STANCES)


class PairSampler:
    """Draws an epoch of pairs. `near[text]` lists places in `myths`, nearest first; `alike[place]` those that say nearly the same."""

    def __init__(
        self,
        posts: list[AuthoredPost],
        myths: list[Myth],
        near: dict[str, npt.NDArray[np.int64]],
        alike: list[set[int]],
    ) -> None:
        self._posts = posts
        self._myths = myths
        self._places = {myth.id: place for place, myth in enumerate(myths)}
        self._near = near
        self._alike = alike

    def epoch(self, draw: random.Random) -> list[Pair]:
        """Authored posts with their myth and wrong ones, terse ones twice; the knowledge base's own sentences."""
        pairs = []
        for post in self._posts:
            if post.myth:
                pairs += [self._own(post, draw) for _ in range(2 if len(post.text) <= TERSE else 1)]
            if post.stance == "none":
                pairs.append(self._wrong(post, draw))
        for reply, collected in replies(self._posts, draw):
            claim = _claim(self._myths[self._places[reply.myth]], reply.language, draw)
            if collected:
                pairs.append(Pair(reply.text, claim, _right("refute", "discuss")))
            else:
                pairs.append(Pair(reply.text, claim, _right(reply.stance), ROLES.index(reply.role)))
        for myth in self._myths:
            pairs += self._from_knowledge(myth, draw)
        draw.shuffle(pairs)
        return pairs

    def _own(self, post: AuthoredPost, draw: random.Random) -> Pair:
        myth = self._myths[self._places[post.myth]]
        in_own = draw.random() < SAME_LANGUAGE
        claims = [one.title(post.language if in_own else "en") for one in (myth, *self._rivals(post, draw))]
        return Pair(post.text, claims[0], _right(post.stance), ROLES.index(post.role), rivals=tuple(claims[1:]))

    def _rivals(self, post: AuthoredPost, draw: random.Random) -> list[Myth]:
        """Wrong myths, stated in the language of the right one, or the language would tell them apart."""
        if post.stance == "none":
            return []
        near = self._others(post)
        return [self._myths[place] for place in draw.sample(near[:NEAREST], RIVALS)]

    def _others(self, post: AuthoredPost) -> list[int]:
        """Myths that the post isn't about, nearest first."""
        own = self._alike[self._places[post.myth]] if post.myth else set()
        return [int(place) for place in self._near[post.text][: NEAREST + len(own)] if int(place) not in own]

    def _wrong(self, post: AuthoredPost, draw: random.Random) -> Pair:
        near = self._others(post)[:NEAREST]
        place = draw.choice(near) if draw.random() < 0.75 else draw.randrange(len(self._myths))
        return Pair(post.text, _claim(self._myths[place], post.language, draw), _right("none"), weight=RIVAL_WEIGHT)

    def _from_knowledge(self, myth: Myth, draw: random.Random) -> list[Pair]:
        said = draw.sample(myth.said_as, min(4, len(myth.said_as)))
        pairs = [Pair(text, _claim(myth, "en", draw), _right("endorse"), weight=0.8) for text in said]
        if not myth.said_as:
            return [Pair(myth.title(), myth.title(), _right("endorse"), weight=0.3)]
        languages = draw.sample(sorted(myth.fact), min(2, len(myth.fact)))
        pairs += [Pair(myth.fact[one], _claim(myth, one, draw), _right("refute"), weight=0.5) for one in languages]
        language = draw.choice(sorted(myth.claim))
        pairs.append(Pair(myth.claim[language], _claim(myth, "en", draw), _right("endorse"), weight=0.5))
        near = draw.choice(myth.near_misses)
        pairs.append(Pair(near, _claim(myth, "en", draw), _right("none"), ROLES.index("near_miss"), 0.7))
        return pairs


class PublicPairs:
    """Ordinary public posts beside the myths nearest to them: whatever they do, they don't endorse one."""

    def __init__(self, texts: list[str], myths: list[Myth], near: dict[str, npt.NDArray[np.int64]]) -> None:
        self._texts = texts
        self._myths = myths
        self._near = near

    def draw(self, draw: random.Random, count: int) -> list[Pair]:
        """`count` pairs; refuting, discussing and not being about it are left open."""
        pairs = []
        for text in draw.sample(self._texts, min(count, len(self._texts))):
            place = int(draw.choice(self._near[text][:NEAREST_PUBLIC].tolist()))
            pairs.append(Pair(text, _claim(self._myths[place], "en", draw), _right("refute", "discuss", "none")))
        return pairs


def vaccine_pairs(rows: list[Row], draw: random.Random, count: int) -> list[Pair]:
    """`count` pairs from real posts about vaccines (caves, yuan); what isn't endorsed is left open."""
    open_answer = _right("refute", "discuss", "none")
    pairs = []
    for row in draw.sample(rows, min(count, len(rows))):
        if row.source == "yuan":
            stances = _right("endorse") if row.label == "antivax_stance" else open_answer
            pairs.append(Pair(row.text, AGAINST, stances, weight=0.4))
            continue
        concerns = row.label.split(":")[-1].split()
        known = [CONCERNS[one] for one in concerns if one in CONCERNS]
        if known:
            pairs.append(Pair(row.text, draw.choice(known), _right("endorse"), weight=0.4))
        elif concerns == ["none"]:
            pairs.append(Pair(row.text, draw.choice([*CONCERNS.values(), AGAINST]), open_answer, weight=0.4))
    return pairs


def dismissed_pairs(lessons: Mapping[str, Lesson], myths: list[Myth]) -> list[Pair]:
    """Posts of cases that people judged not to be a myth: whatever they do, they don't endorse it."""
    known = {myth.id: myth for myth in myths}
    return [
        Pair(text, known[myth_id].title("en"), _right("refute", "discuss", "none"))
        for myth_id, lesson in sorted(lessons.items())
        if myth_id in known
        for text in lesson.texts
    ]


def evidence_pairs(rows: list[dict[str, Any]], draw: random.Random, count: int) -> list[Pair]:
    """`count` pairs of short evidence and claim: to support is to endorse; a claim that evidence denies is refuted."""
    stances = {
        "supports": _right("endorse"),
        "supported": _right("endorse"),
        "refutes": _right("refute"),
        "refuted": _right("refute"),
        "neutral": _right("discuss", "none"),
    }
    # One of the sources gives evidence as a list of sentences.
    found = [
        Pair(evidence, row["text"], stances[row["label"].lower()], weight=0.3)
        for row in rows
        for evidence in [" ".join(row["evidence"]) if isinstance(row["evidence"], list) else row["evidence"]]
        if row["split"] == "train" and 0 < len(evidence) <= SHORT
    ]
    return draw.sample(found, min(count, len(found)))


def _claim(myth: Myth, language: str, draw: random.Random) -> str:
    return myth.title(language if draw.random() < SAME_LANGUAGE else "en")
