from __future__ import annotations

import pytest
import torch

from services.classify.e5_file import E5File
from services.classify.encoder import Encoder, lower_layers
from services.classify.evaluation.held_out import dev_posts
from services.classify.gate import Gate, worth_reading
from services.classify.model_files import WEIGHTS
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


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


@pytest.fixture(scope="module")
def gate(encoder: Encoder) -> Gate:
    return Gate(WEIGHTS / "gate.safetensors", encoder)


def test_the_words_let_posts_that_spread_a_myth_through(gate: Gate, encoder: Encoder) -> None:
    posts, _ = dev_posts()
    passed = gate.may_matter(encoder.tokenise([post.text for post in posts if post.stance == "endorse"]))
    assert len(passed) > 300
    assert passed.mean() >= 0.98


def test_words_and_first_layers_stop_most_chatter(gate: Gate, encoder: Encoder) -> None:
    posts, _ = dev_posts()
    chatter = [post.text for post in posts if not post.myth and post.role == "chatter"]
    rows = encoder.tokenise(chatter)
    words = gate.may_matter(rows)
    assert len(words) > 200
    assert words.mean() <= 0.65
    assert (words & gate.is_hopeful(encoder.glance(rows))).mean() <= 0.35


def test_the_same_text_scores_the_same_in_any_company(gate: Gate, encoder: Encoder) -> None:
    rows = encoder.tokenise(["Vaccines cause autism", "ok", "", "how is it november already"])
    together = gate.word_scores(rows)
    for row, score in zip(rows, together, strict=True):
        assert gate.word_scores([row])[0] == pytest.approx(score, abs=1e-4)


def test_nothing_to_read_is_no_error(gate: Gate) -> None:
    assert gate.may_matter([]).tolist() == []
    assert gate.is_hopeful([]).tolist() == []
    assert gate.goes_on([]).tolist() == []


def test_the_lower_half_in_two_steps_is_the_whole_of_it(encoder: Encoder) -> None:
    rows = encoder.tokenise(["Vaccines cause autism"])
    whole = encoder.engine.tower("lower", lower_layers(E5File()))
    ids = torch.tensor(rows)
    states = whole(encoder.embed(ids), torch.ones_like(ids, dtype=torch.bool))
    assert torch.allclose(encoder.begin(rows)[0].tokens, states[0], atol=1e-4)
