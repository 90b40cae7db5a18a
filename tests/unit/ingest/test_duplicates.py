"""What comes twice is dropped; what only looks so is not."""

from __future__ import annotations

from services.ingest.duplicates import RecentPosts, content_of
from services.stream import events_pb2 as events


def post(**changes: object) -> events.SocialPost:
    return events.SocialPost(
        **{"id": "x:1", "action": events.POST_ACTION_CREATE, "text": "tea", "received_ms": 1, **changes}
    )


def test_when_and_where_it_came_do_not_matter() -> None:
    assert content_of(post()) == content_of(post(received_ms=2, created_ms=3, source="jetstream:b"))


def test_what_it_says_does() -> None:
    changes = [
        {"text": "coffee"}, {"action": events.POST_ACTION_UPDATE}, {"action": events.POST_ACTION_DELETE}, {"author": "a"},
        {"engagement": events.Engagement(likes=1)}, {"reply_to": "x:0"}, {"language": "nl"},
    ]  # fmt: skip
    contents = {content_of(post(**change)) for change in changes} | {content_of(post())}
    assert len(contents) == len(changes) + 1


def test_only_the_latest_content_counts() -> None:
    recent = RecentPosts()
    recent.remember("x:1", "first")
    assert recent.has("x:1", "first")
    recent.remember("x:1", "edited")
    # Edited back: not a duplicate, or the edit would stand for ever.
    assert not recent.has("x:1", "first")


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    recent = RecentPosts(capacity=3)
    for number in range(10):
        recent.remember(f"x:{number}", "c")
    assert len(recent) == 3
    assert recent.has("x:9", "c")
    assert not recent.has("x:6", "c")
