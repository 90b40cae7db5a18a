from __future__ import annotations

import pytest

from services.classify import copypasta
from services.classify.copypasta import RecentVerdicts, wording


@pytest.mark.parametrize(
    "copy",
    [
        "Share this: X cures Y!",
        "share  this:\nx cures y!",
        "@friend.bsky.social Share this: X cures Y! https://example.org/a?b",
        "SHARE THIS: X CURES Y! HTTPURL",
    ],
)
def test_copies_of_a_post_have_one_wording(copy: str) -> None:
    assert wording(copy) == wording("Share this: X cures Y!")


@pytest.mark.parametrize("other", ["Share this: X doesn't cure Y!", "Share this: X cures Y?", "Share this: X cures Z!"])
def test_a_word_or_a_mark_more_is_another_wording(other: str) -> None:
    assert wording(other) != wording("Share this: X cures Y!")


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copypasta, "KEPT", 2)
    recent = RecentVerdicts[str]()
    recent.keep([("one", "1"), ("two", "2")])
    assert recent.get("ONE") == "1"  # used again, so "two" is the oldest now
    recent.keep([("three", "3")])
    assert [recent.get(text) for text in ("one", "two", "three")] == ["1", None, "3"]
