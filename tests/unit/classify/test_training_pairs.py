"""What the models learn from: the right myth beside wrong ones, never beside one that says the same."""

from __future__ import annotations

import random

import numpy as np

from services.classify.knowledge_base import Myth
from services.classify.live_knowledge import Lesson
from services.classify.stance import STANCES
from services.classify.training.corpus import AuthoredPost
from services.classify.training.fit_matching import MatchPair, hardened, hardest
from services.classify.training.fit_stance import _firsts
from services.classify.training.pairs import RIVALS, Pair, PairSampler, dismissed_pairs
from services.classify.training.replies import COLLECTING, replies

MYTHS = [Myth(id=f"m{n}", claim={"en": f"Claim number {n}."}) for n in range(20)]
POSTS = [
    AuthoredPost(f"Post about {n}, told at some length so that it is not terse, is it?", "en", "endorse_blunt", f"m{n}")
    for n in range(20)
]


def sampler(alike: list[set[int]]) -> PairSampler:
    near = {post.text: np.arange(20) for post in POSTS}
    return PairSampler(POSTS, MYTHS, near, alike)


def test_rivals_are_other_myths_and_none_that_says_the_same() -> None:
    alike = [{place, (place + 1) % 20} for place in range(20)]
    pairs = [pair for pair in sampler(alike).epoch(random.Random(1)) if pair.rivals]
    assert len(pairs) >= len(POSTS)
    for pair in pairs:
        own = next(place for place, myth in enumerate(MYTHS) if myth.claim["en"] == pair.myth)
        assert len(set(pair.rivals)) == RIVALS
        assert not set(pair.rivals) & {MYTHS[place].claim["en"] for place in alike[own]}


def test_each_post_stands_first_among_its_rivals() -> None:
    right = (1, 0, 0, 0)
    pairs = [Pair("a", "1", right, rivals=("2", "3")), Pair("b", "1", right), Pair("c", "1", right, rivals=("2",))]
    assert _firsts(pairs).tolist() == [0, 3, 4]


def test_hard_negatives_leave_out_the_own_claim_and_its_like() -> None:
    claims = np.eye(20, 8, dtype=np.float32)
    claims[8:] = np.eye(12, 8, k=0, dtype=np.float32)[:, ::-1] * 0.5 + 0.5
    claims[1] = claims[0]  # says the same as the first
    claims /= np.linalg.norm(claims, axis=1, keepdims=True)
    found = hardest([MatchPair("text", "claim", "m0")], claims[:1].copy(), claims, MYTHS)
    assert not {0, 1} & set(found["text"])
    pairs = hardened(
        [MatchPair("text", "claim", "m0"), MatchPair("other", "claim", "x")], MYTHS, found, random.Random(1)
    )
    assert pairs[0].wrong.startswith("Claim number")
    assert pairs[1].wrong == ""


def test_a_myth_given_to_a_collector_of_myths_is_no_endorsement() -> None:
    short = [AuthoredPost("Garlic cures it.", "en", "endorse_blunt", "m0") for _ in range(400)]
    asked = AuthoredPost("Does garlic cure it?", "en", "question", "m0")
    found = replies([*short, asked], random.Random(3))
    collected = [post for post, to_collector in found if to_collector]
    assert collected
    assert all(any(post.text.startswith(f"“{prompt}”") for prompt in COLLECTING["en"]) for post in collected)
    assert all(post.text.startswith("“Does garlic cure it?”") for post, to_collector in found if not to_collector)


def test_posts_of_dismissed_cases_are_never_endorsements() -> None:
    (pair,) = dismissed_pairs({"m0": Lesson(1, ("A post.",)), "gone": Lesson(1, ("Another.",))}, MYTHS)
    assert (pair.post, pair.myth) == ("A post.", "Claim number 0.")
    assert pair.stances[STANCES.index("endorse")] == 0
