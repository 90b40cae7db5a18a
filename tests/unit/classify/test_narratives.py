from __future__ import annotations

import numpy as np
import pytest

from services.classify import narratives
from services.classify.narratives import PREFIX, Narratives


def direction(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def test_posts_alike_are_one_candidate_and_others_begin_their_own() -> None:
    gathered = Narratives()
    first = gathered.join("moonlit water cures asthma", direction(0.0))
    assert first.startswith(PREFIX)
    assert gathered.join("drink water that stood in the moon", direction(0.4)) == first
    assert gathered.join("magnets in shoes stop strokes", direction(2.0)) != first


def test_an_id_comes_from_the_words_so_that_a_batch_read_again_changes_nothing() -> None:
    one, other = Narratives(), Narratives()
    texts = [("a claim", 0.0), ("another", 2.0), ("a claim again", 0.1)]
    ids = [one.join(text, direction(angle)) for text, angle in texts]
    assert [other.join(text.upper(), direction(angle)) for text, angle in texts] == ids
    assert [one.join(text, direction(angle)) for text, angle in texts] == ids


def test_what_another_process_gathered_is_joined() -> None:
    there, here = Narratives(), Narratives()
    candidate = there.join("a claim", direction(1.0))
    here.remember(candidate, direction(1.0))
    assert here.join("worded otherwise", direction(1.2)) == candidate


def test_the_candidate_that_nobody_joins_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narratives, "KEPT", 2)
    gathered = Narratives()
    first, second = gathered.join("first", direction(0.0)), gathered.join("second", direction(2.0))
    gathered.join("first again", direction(0.0))
    third = gathered.join("third", direction(4.0))
    assert gathered.join("x", direction(0.0)) == first
    assert gathered.join("y", direction(4.0)) == third
    assert gathered.join("z", direction(2.0)) != second
