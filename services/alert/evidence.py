"""Which posts are quoted: the most convincing ones, by different people, in different words and languages."""

from __future__ import annotations

from collections.abc import Sequence

from services.alert.cases import Post


def choose(candidates: Sequence[Post], most: int) -> tuple[Post, ...]:
    """At most `most` of `candidates`, which come most convincing first; no wording twice while there are others."""
    chosen: list[Post] = []
    left = list(candidates)
    while left and len(chosen) < most:
        best = max(left, key=lambda post: (_novelty(post, chosen), post.flag_score, post.seen_ms, post.id))
        left.remove(best)
        chosen.append(best)
    return tuple(chosen)


def _novelty(post: Post, chosen: Sequence[Post]) -> tuple[bool, bool, bool]:
    words = _words(post.text)
    return (
        all(words != _words(other.text) for other in chosen),
        not post.author or all(post.author != other.author for other in chosen),
        all(post.language != other.language for other in chosen),
    )


def _words(text: str) -> str:
    return " ".join(text.casefold().split())
