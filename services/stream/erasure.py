"""The event that has every service forget a post, or all posts of a pseudonym: the same as when a platform deletes them."""

from __future__ import annotations

from services.stream import events_pb2 as events


def erasure(pseudonym: str, platform: str, post: str, now_ms: int) -> events.SocialPost:
    """Of `post` (its id), or of everything by `pseudonym` on `platform`; `now_ms` in ms UTC."""
    identifier = post or f"{platform}:account:{pseudonym}"
    return events.SocialPost(
        id=identifier, action=events.POST_ACTION_DELETE, platform=identifier.partition(":")[0], received_ms=now_ms,
        created_ms=now_ms, author_deleted=pseudonym, source="privacy",
    )  # fmt: skip
