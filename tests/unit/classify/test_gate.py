from __future__ import annotations

import pytest

from services.classify.gate import worth_reading
from services.classify.training import corpus


@pytest.mark.parametrize(
    "text", ["", "   ", "lol", "😀😀😀", "@USER HTTPURL", "12 34 56", "@a.bsky.social yes https://x.y/z"]
)
def test_what_cannot_state_anything_is_not_read(text: str) -> None:
    assert not worth_reading(text)


@pytest.mark.parametrize("text", ["Vaccines cause autism", "vaccins zijn gif", "疫苗会导致自闭症", "ワクチンは毒だ"])
def test_a_short_claim_is_read(text: str) -> None:
    assert worth_reading(text)


def test_no_post_that_spreads_a_myth_is_lost() -> None:
    posts = [post for post in corpus.authored_posts(corpus.training_myths()) if post.stance == "endorse"]
    assert len(posts) > 800
    assert [post.text for post in posts if not worth_reading(post.text)] == []
