"""A post as a platform or a client hands it in: its schema, and one clear error for what does not fit it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.stream.failures import Invalid

# A client's clock may be a little ahead of ours.
MAX_AHEAD_MS = 5 * 60_000
# Milliseconds below this (March 1973) are seconds sent by mistake: no platform that we read is so old.
LEAST_MS = 100_000_000_000
MAX_COUNT = 2**63 - 1
PLATFORM = re.compile(r"^[a-z0-9][a-z0-9_-]{0,31}$")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")

FIXES = {
    "id": "send the platform's id of the post, 1 to 500 characters without spaces",
    "text": "send the post's words as a string",
    "created_at": "send ISO 8601 (2026-05-01T10:00:00Z) or whole milliseconds since 1970",
    "author": "send the platform's id or name of the author as a string",
    "platform": "send a lower-case name of letters, digits, - and _, at most 32 characters",
    "url": "send the post's http or https address, at most 2,000 characters",
    "language": "send an ISO 639-1 code such as nl, or leave it out",
    "reply_to": "send the platform's id of the post that this one answers",
    "parent_text": "send that post's words as a string, or leave it out",
    "action": "send create, update, delete or delete_author",
    "engagement": "send whole numbers of 0 or more as likes, reposts, replies and views",
}


class TooLong(Invalid):
    """The post is larger than we take (HTTP 413)."""


class IncomingEngagement(BaseModel):
    """Counts as of delivery."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    likes: int = Field(0, ge=0, le=MAX_COUNT)
    reposts: int = Field(0, ge=0, le=MAX_COUNT)
    replies: int = Field(0, ge=0, le=MAX_COUNT)
    views: int = Field(0, ge=0, le=MAX_COUNT)


class IncomingPost(BaseModel):
    """One post, or the news that it was edited or deleted. Unknown fields are ignored; null means absent."""

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    id: str = Field("", max_length=500, description="the platform's id of the post; needed but for delete_author")
    text: str = Field(
        "", description="the post's words; HTML is stripped; at most 10,000 characters; needed but for a delete"
    )
    created_at: str | int | None = Field(
        None, description="when it was written: ISO 8601 (UTC where it names no zone) or milliseconds since 1970; "
        "the time of receipt where absent"
    )  # fmt: skip
    author: str = Field(
        "", max_length=500, description="the platform's id or name of the author; only a pseudonym is kept"
    )
    platform: str = Field(
        "", description="lower-case name of the platform; the door's own name (http, file) where absent"
    )
    url: str = Field("", max_length=2000, description="public address of the post")
    language: str | list[str] = Field(
        "", description="ISO 639-1 code, or a list of candidates; told from the text where absent"
    )
    reply_to: str = Field("", max_length=500, description="the platform's id of the post that this one answers")
    parent_text: str = Field("", description="that post's words")
    action: Literal["create", "update", "delete", "delete_author"] = Field(
        "create", description="what happened; delete_author: the account is gone, and everything of it must go"
    )
    engagement: IncomingEngagement | None = Field(None, description="counts as of delivery")

    @field_validator("id", "reply_to")
    @classmethod
    def _printable(cls, value: str) -> str:
        if _UNPRINTABLE.search(value):
            raise ValueError("has a space or a control character")
        return value

    @field_validator("text", "parent_text", "author", "language")
    @classmethod
    def _storable(cls, value: Any) -> Any:
        for part in value if isinstance(value, list) else [value]:
            if "\x00" in part:
                raise ValueError("has a NUL character")
            if _SURROGATE.search(part):
                raise ValueError("has half a surrogate pair, which is no character")
        return value

    @field_validator("platform")
    @classmethod
    def _name(cls, value: str) -> str:
        lowered = value.lower()
        if lowered and not PLATFORM.match(lowered):
            raise ValueError("is not a platform name")
        return lowered

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and (not value.lower().startswith(("http://", "https://")) or _UNPRINTABLE.search(value)):
            raise ValueError("is not a web address")
        return value

    @field_validator("created_at")
    @classmethod
    def _instant(cls, value: str | int | None) -> int | None:
        return None if value is None else milliseconds(value)

    @model_validator(mode="after")
    def _complete(self) -> IncomingPost:
        if self.action == "delete_author":
            if not self.author:
                raise ValueError("author: is missing")
        elif not self.id:
            raise ValueError("id: is missing")
        elif self.action != "delete" and not self.text:
            raise ValueError("text: is missing")
        return self

    @property
    def created_ms(self) -> int | None:
        """When it was written, ms UTC; None where the source did not say."""
        return self.created_at if isinstance(self.created_at, int) else None


def milliseconds(value: str | int) -> int:
    """Milliseconds since 1970 of an ISO 8601 string or a count of milliseconds; raises ValueError saying what is wrong."""
    if isinstance(value, int):
        result = value
    else:
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("is not a time") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        result = int(moment.timestamp() * 1000)
    if 0 <= result < LEAST_MS and isinstance(value, int):
        raise ValueError("looks like seconds")
    if not 0 <= result <= 253_402_300_799_999:  # the end of year 9999
        raise ValueError("is out of range")
    return result


def read_json(raw: bytes) -> Any:
    """The JSON value in `raw`; raises Invalid naming what is wrong, without quoting it."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"body: not UTF-8 (byte {error.start + 1:,} of {len(raw):,}); send UTF-8") from None
    try:
        return json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise Invalid(f"body: not JSON ({error.msg} at character {error.pos + 1:,}); send one JSON object") from None
    except RecursionError:
        raise Invalid("body: nested too deeply; send one flat JSON object") from None
    except ValueError as error:
        raise Invalid(f"body: {error}; send a number of ordinary size") from None


def validate(fields: Any, now_ms: int) -> IncomingPost:
    """The post in a decoded JSON value; `now_ms` is the clock, ms UTC. Raises Invalid naming the field and the fix."""
    if not isinstance(fields, Mapping):
        raise Invalid("body: not a JSON object; send one object with at least id and text")
    present = {str(name): value for name, value in fields.items() if value is not None}
    for name in ("id", "author", "reply_to"):
        # Many platforms number their posts and people.
        if isinstance(present.get(name), int) and not isinstance(present[name], bool):
            present[name] = str(present[name])
    try:
        post = IncomingPost.model_validate(present)
    except ValidationError as error:
        raise Invalid(_explain(error)) from None
    except RecursionError:
        raise Invalid("body: nested too deeply; send one flat JSON object") from None
    if post.created_ms is not None and post.created_ms > now_ms + MAX_AHEAD_MS:
        raise Invalid("created_at: is in the future; send when the post was written, and check the sender's clock")
    return post


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    kind, message = first["type"], first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        field, _, problem = message.partition(": ")
    else:
        field = str(first["loc"][0])
        if field in ("created_at", "language") and kind.endswith("_type"):
            kind = "choice"  # of several types, of which pydantic names the first
        problem = {
            "string_type": "must be a string", "int_type": "must be a whole number", "string_too_long": "is too long",
            "literal_error": "is none of the known actions", "model_type": "must be an object",
            "greater_than_equal": "must be 0 or more", "less_than_equal": "is too large",
        }.get(kind, message if kind == "value_error" else "is of the wrong type")  # fmt: skip
    return f"{field}: {problem}; {FIXES.get(field, 'see the schema at /v1/openapi.json')}"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number
