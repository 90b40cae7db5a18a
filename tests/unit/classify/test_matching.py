"""The scale of the matching: it must mean the same whatever list a post is matched against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from services.classify.matching import Yardstick

SIZE = 32
WORDINGS = 8
FloatArray = npt.NDArray[np.float32]


def unit(count: int, seed: int) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, SIZE)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


REFERENCE = Yardstick(unit(50 * WORDINGS, 1), np.arange(0, 50 * WORDINGS, WORDINGS))
POSTS, CLAIMS = unit(4, 2), unit(300, 3)


def test_a_score_does_not_depend_on_the_rest_of_the_list() -> None:
    near = POSTS @ CLAIMS.T
    whole = REFERENCE.z_scores(near, POSTS, np.zeros(300, np.float32))
    few = REFERENCE.z_scores(near[:, :3], POSTS, np.zeros(3, np.float32))
    np.testing.assert_allclose(few, whole[:, :3], rtol=1e-5)


def test_a_myth_told_in_many_ways_must_be_nearer() -> None:
    near = np.repeat(POSTS @ CLAIMS[:1].T, 3, axis=1)
    scores = REFERENCE.z_scores(near, POSTS, REFERENCE.told(np.array([1, 3, WORDINGS])))
    assert (scores[:, 0] > scores[:, 1]).all()
    assert (scores[:, 1] > scores[:, 2]).all()


def test_unrelated_myths_are_near_zero_however_often_they_are_told() -> None:
    once = REFERENCE.z_scores(POSTS @ CLAIMS.T, POSTS, np.zeros(300, np.float32))
    grouped = np.maximum.reduceat(POSTS @ CLAIMS.T, np.arange(0, 296, WORDINGS), axis=1)
    often = REFERENCE.z_scores(grouped, POSTS, np.ones(grouped.shape[1], np.float32))
    assert abs(once.mean()) < 0.3
    assert abs(often.mean()) < 0.5


def test_without_a_reference_nothing_is_near() -> None:
    nothing = Yardstick(np.zeros((0, SIZE), np.float32), np.zeros(0, np.int64))
    assert not nothing.z_scores(POSTS @ CLAIMS.T, POSTS, np.zeros(300, np.float32)).any()


def test_how_fully_a_myth_is_told_is_between_once_and_as_often_as_the_reference() -> None:
    told = REFERENCE.told(np.array([1, 3, WORDINGS, 10 * WORDINGS])).tolist()
    assert told == sorted(told)
    assert (told[0], told[2], told[3]) == (0, 1, 1)
