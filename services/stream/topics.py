"""Every topic: name, message, key, partitions, retention and compaction, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message

from services.stream import events_pb2 as events

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Topic:
    """A Kafka topic of the product; `retention_ms` is None where compaction keeps the latest of each key instead."""

    name: str
    message: type[Message]
    key: str
    partitions: int
    retention_ms: int | None
    purpose: str

    @property
    def ce_type(self) -> str:
        """CloudEvents type of its records."""
        return f"org.mythwatch.v1.{self.message.DESCRIPTOR.name}"

    @property
    def config(self) -> dict[str, str]:
        """Broker settings that are created and checked."""
        if self.retention_ms is None:
            return {"cleanup.policy": "compact"}
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


# Posts and verdicts share key and partition count, so that one post's create, update and delete stay in order
# through every service (docs/decisions/0001-verdicts-are-keyed-by-post.md).
POSTS = Topic("posts", events.SocialPost, "post id", 8, 7 * DAY_MS, "what ingest read, normalised and pseudonymised")
VERDICTS = Topic("verdicts", events.ClaimVerdict, "post id", 8, 7 * DAY_MS, "flagged posts; updates and deletes")
CASES = Topic("cases", events.MythCase, "case id", 4, None, "each case as it stands now")
NOTIFICATIONS = Topic("notifications", events.Notification, "case id", 4, 30 * DAY_MS, "who was told what, and why")
FEEDBACK = Topic("feedback", events.Feedback, "case id", 4, 365 * DAY_MS, "what people decided")
MYTHS = Topic("myths", events.Myth, "myth id", 1, None, "the knowledge base, live")


def dead_letter_topic(name: str) -> Topic:
    """Where records of topic `name` go that cannot be processed."""
    return Topic(
        f"{name}.dlq", events.DeadLetter, "dead letter id", 1, 14 * DAY_MS, f"{name}: what could not be processed"
    )


LIVE = (POSTS, VERDICTS, CASES, NOTIFICATIONS, FEEDBACK, MYTHS)
DEAD_LETTERS = tuple(dead_letter_topic(topic.name) for topic in LIVE)
TOPICS: dict[str, Topic] = {topic.name: topic for topic in (*LIVE, *DEAD_LETTERS)}
