"""Authors become pseudonyms, and people named in a text become @USER, before anything reaches Kafka."""

from __future__ import annotations

import hashlib
import hmac
import re

from pydantic import SecretStr

# "@10mg" is a dose and "@5pm" a time; "@3M" and "@23andMe" are names.
_AMOUNT = r"(?!\d+(?:[.,]\d+)?(?:mg|mcg|µg|ug|g|kg|ml|cl|dl|l|iu|ie|units?|am|pm|h|hrs?|min|days?|weeks?|eur|usd|x)\b)"
_MENTION = re.compile(
    rf"(?<![\w@])@{_AMOUNT}(?=[\w.-]*[^\W\d_])[^\W_][\w-]*(?:\.[\w-]+)*(?:@[\w-]+(?:\.[\w-]+)+)?|(?<![\w@])@_\w[\w-]*",
    re.I,
)
_REDDIT = re.compile(r"(?<![\w/])/u/[\w-]{3,20}")
MENTION = "@USER"


class Pseudonymiser:
    """Keyed HMAC-SHA256: the same author has the same pseudonym for as long as the key stays, and nobody without it can tell."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key.get_secret_value().encode()

    def pseudonym(self, platform: str, author: str) -> str:
        """32 hex characters for an author of a platform; empty for an empty author."""
        if not author:
            return ""
        name = len(platform).to_bytes(2, "big") + platform.encode() + author.encode("utf-8", "replace")
        return hmac.new(self._key, name, hashlib.sha256).hexdigest()[:32]


def hide_mentions(text: str) -> str:
    """`text` with every @mention of a person (and Reddit's /u/name) as @USER; doses and times after an @ stay."""
    return _REDDIT.sub(MENTION, _MENTION.sub(MENTION, text)) if "@" in text or "/u/" in text else text
