"""Has this very content of this post just been written? A bounded memory; downstream is idempotent in any case."""

from __future__ import annotations

from collections import OrderedDict

from services.stream import events_pb2 as events
from services.stream.codec import content_id


def content_of(post: events.SocialPost) -> str:
    """Digest of what a post says and what happened to it; not of when or through which door it came."""
    content = events.SocialPost()
    content.CopyFrom(post)
    for field in ("created_ms", "received_ms", "source"):
        content.ClearField(field)
    return content_id(content.SerializeToString(deterministic=True))


class RecentPosts:
    """The latest content written of each of the last `capacity` posts.

    Only the latest counts: a post that was edited and edited back is not a duplicate of its first form.
    """

    def __init__(self, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._latest: OrderedDict[str, str] = OrderedDict()

    def has(self, post_id: str, content: str) -> bool:
        """True when `content` is what was last written of the post."""
        return self._latest.get(post_id) == content

    def remember(self, post_id: str, content: str) -> None:
        """Call once Kafka has confirmed it, never before."""
        self._latest[post_id] = content
        self._latest.move_to_end(post_id)
        while len(self._latest) > self._capacity:
            self._latest.popitem(last=False)

    def __len__(self) -> int:
        return len(self._latest)
