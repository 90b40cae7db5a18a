"""The journey of one post through ingest, step by step: validated post -> SocialPost. No clock, no Kafka, no network."""

from __future__ import annotations

from collections.abc import Sequence

from services.ingest.language import UNKNOWN, LanguageTeller
from services.ingest.mask import mask_contacts
from services.ingest.normalise import MAX_CHARACTERS, MAX_RAW_CHARACTERS, normalise, plain_text
from services.ingest.post import PLATFORM, IncomingPost
from services.ingest.pseudonymise import Pseudonymiser, hide_mentions
from services.stream import events_pb2 as events

_ACTIONS = {
    "create": events.POST_ACTION_CREATE,
    "update": events.POST_ACTION_UPDATE,
    "delete": events.POST_ACTION_DELETE,
    "delete_author": events.POST_ACTION_DELETE,
}


class Journey:
    """normalise -> language -> pseudonymise -> mask -> SocialPost."""

    def __init__(self, pseudonymiser: Pseudonymiser, teller: LanguageTeller, phone_regions: Sequence[str]) -> None:
        self.pseudonymiser = pseudonymiser
        self._teller = teller
        self._phone_regions = phone_regions

    def social_post(
        self, post: IncomingPost, *, door: str, source: str, received_ms: int, pseudonym: str = ""
    ) -> events.SocialPost:
        """What goes to Kafka. `door` names the platform of a post that names none; `source` is where it was read.

        `pseudonym` is given for a post that was pseudonymised before (a replayed dead letter).
        Raises Invalid (TooLong for too much text) naming the field and the fix.
        """
        platform = post.platform or door
        author = pseudonym or self.pseudonymiser.pseudonym(platform, post.author)
        record = events.SocialPost(
            action=_ACTIONS[post.action], platform=platform, author=author, received_ms=received_ms, source=source
        )
        if post.action == "delete_author":
            record.id = f"{platform}:account:{author}"
            record.author_deleted = author
            record.created_ms = post.created_ms or received_ms
            return record
        record.id = full_id(platform, post.id)
        if post.action == "delete":
            record.created_ms = post.created_ms or received_ms
            return record
        plain = normalise(post.text)
        record.language = self._teller.tell(plain, post.language) or UNKNOWN
        record.text = self.masked(plain)
        record.url = post.url
        record.created_ms = post.created_ms if post.created_ms is not None else received_ms
        if post.reply_to:
            record.reply_to = full_id(platform, post.reply_to)
        if post.parent_text:
            record.parent_text = self.masked(plain_text(post.parent_text[:MAX_RAW_CHARACTERS])[:MAX_CHARACTERS])
        if post.engagement is not None:
            counts = post.engagement
            record.engagement.CopyFrom(
                events.Engagement(
                    likes=counts.likes, reposts=counts.reposts, replies=counts.replies, views=counts.views
                )
            )
        return record

    def masked(self, text: str) -> str:
        """Normalised `text` without contacts and without names of people."""
        # Contacts first: an address is no mention. Masks may make a text a little longer than its limit.
        return hide_mentions(mask_contacts(text, self._phone_regions))[:MAX_CHARACTERS]


def full_id(platform: str, platform_id: str) -> str:
    """`<platform>:<id on the platform>`; a full id of that platform stays as it is."""
    return platform_id if platform_id.startswith(f"{platform}:") else f"{platform}:{platform_id}"


def split_id(post_id: str, default_platform: str) -> tuple[str, str]:
    """(platform, full id) of an id as our answers give it, or of a bare one of `default_platform`."""
    platform, colon, _ = post_id.partition(":")
    if colon and PLATFORM.match(platform):
        return platform, post_id
    return default_platform, full_id(default_platform, post_id)
