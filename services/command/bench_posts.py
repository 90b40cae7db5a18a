"""Posts that the benchmarks read: held out of training, each text once, in the proportions of a stream."""

from __future__ import annotations

import random
from functools import cache

from services.classify.training import corpus
from services.classify.training.corpus import AuthoredPost

SPREADING_OF_HEALTH = 0.01
"""About one post in a hundred of a real health stream deserves an alert."""

UNRELATED = 0.97
"""Share of a public firehose that has nothing to do with health."""

SEED = 7


@cache
def _unseen() -> tuple[list[str], list[str], list[str]]:
    """Texts that no model was trained on: on health, unrelated, spreading a myth; each shuffled."""
    myths, held = corpus.training_myths(), corpus.held_out()
    splits = {myth.id: held.split(myth) for myth in myths}
    posts = [
        post
        for post in corpus.authored_posts(myths)
        if (splits[post.myth] if post.myth else corpus.ordinary_split(post.text)) != "train"
    ]
    health = [post.text for post in posts if _is_on_health(post)]
    unrelated = [post.text for post in posts if not post.myth and post.role == "chatter"]
    spreading = [post.text for post in posts if post.stance == "endorse"]
    draw = random.Random(SEED)
    for texts in (health, unrelated, spreading):
        draw.shuffle(texts)
    return health, unrelated, spreading


def health_posts(most: int) -> list[str]:
    """Ordinary posts on health and one in a hundred that spreads a myth, at most `most`."""
    health, _, spreading = _unseen()
    return _mixed([(1 - SPREADING_OF_HEALTH, health), (SPREADING_OF_HEALTH, spreading)], most)


def firehose_posts(most: int) -> list[str]:
    """97% chatter, the rest as `health_posts`, at most `most`."""
    _, unrelated, _ = _unseen()
    return _mixed([(UNRELATED, unrelated), (1 - UNRELATED, health_posts(10_000))], most)


def _is_on_health(post: AuthoredPost) -> bool:
    """Ordinary talk about health; of posts around a myth, those whose authors ask, tell or report."""
    if post.myth:
        return post.role in ("question", "experience", "comfort", "news", "near_miss")
    return post.role not in ("chatter", "satire")


def _mixed(parts: list[tuple[float, list[str]]], most: int) -> list[str]:
    """Texts of each part in the given shares, as many as the scarcest allows, each once, shuffled."""
    total = min(most, *(int(len(texts) / share) for share, texts in parts))
    texts = [text for share, part in parts for text in part[: round(share * total)]]
    random.Random(SEED).shuffle(texts)
    return texts
