"""What a dead letter of a door may keep: the original where it cannot be read at all, else the same JSON without persons.

The author becomes `author_pseudonym`, so that a replay after a fix gives the very same post (docs/decisions/0025).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from services.ingest.journey import Journey
from services.ingest.post import PLATFORM

PSEUDONYM_FIELD = "author_pseudonym"
# Other names that clients give to fields which hold a person; what they hold is of no use to a replay.
_PERSONS = frozenset(
    ("user", "username", "user_name", "screen_name", "handle", "nick", "nickname", "did", "acct", "account", "name", "display_name",
     "email", "phone")
)  # fmt: skip
_DEEPEST = 20


def redact(fields: dict[str, Any], journey: Journey, door: str) -> bytes:
    """JSON of a post that could not be taken, with its author pseudonymised and its strings masked."""
    platform = str(fields.get("platform") or "").lower()
    platform = platform if PLATFORM.match(platform) else door
    kept = _redacted(fields, journey.masked, 0)
    author = fields.get("author")
    if author is not None:
        kept.pop("author", None)
        kept[PSEUDONYM_FIELD] = journey.pseudonymiser.pseudonym(
            platform, author if isinstance(author, str) else json.dumps(author)
        )
    # ids and addresses are references: masking a number in them would break the reference.
    for name in ("id", "reply_to", "url", "created_at", "platform", "action", "language"):
        if isinstance(fields.get(name), str | int | float):
            kept[name] = fields[name]
    return json.dumps(kept, ensure_ascii=True).encode("ascii")


def _redacted(value: Any, mask: Callable[[str], str], depth: int) -> Any:
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, dict):
        return {
            str(name): "..." if str(name).lower() in _PERSONS else _redacted(inner, mask, depth + 1)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_redacted(inner, mask, depth + 1) for inner in value]
    if isinstance(value, str):
        return mask(value[:100_000])
    return value
