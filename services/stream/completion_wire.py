"""What goes to a chat-completions endpoint as data, and how its answers are read. Pure: no network, no clock."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_S = 3600.0

# Never written as they are: the brackets of marks around data, and characters that a person doesn't see but a model reads.
_HIDDEN = re.compile(
    r"[<>\x7f-\x9f\xad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\U000e0000-\U000e0fff]"
)


class NotACompletion(ValueError):
    """The body is not an answer of a chat-completions endpoint."""


def as_data(values: Mapping[str, object]) -> str:
    """JSON that can be put between marks such as <data>: it holds neither brackets nor characters that nobody sees."""
    return _HIDDEN.sub(_as_escape, json.dumps(values, ensure_ascii=False))


def completion_text(body: bytes) -> str:
    """What the model wrote; empty when it wrote nothing (a refusal). Raises NotACompletion."""
    try:
        content = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, RecursionError, LookupError, TypeError):
        raise NotACompletion("not a chat completion") from None
    if content is not None and not isinstance(content, str):
        raise NotACompletion("not a chat completion")
    return content or ""


def retry_after_s(header: str, now: datetime) -> float:
    """Seconds that a Retry-After header (seconds or a date) asks to wait, 0 to 3600; 0 when there is none or it is wrong."""
    if re.fullmatch(r"[0-9]{1,9}", header):
        return min(float(header), MAX_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(header)
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    except (ValueError, OverflowError):
        return 0.0
    return min(max(wait.total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def _as_escape(match: re.Match[str]) -> str:
    character = match.group()
    return json.dumps(character)[1:-1] if character > "\x7f" else f"\\u{ord(character):04x}"
