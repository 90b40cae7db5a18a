"""What a Jetstream v1 event means to us: the fields of an incoming post, or nothing. Pure: bytes in, fields out.

Field by field as in Jetstream's models (`did`, `time_us`, `kind`, `commit` or `account` or `identity`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from services.ingest.post import milliseconds, read_json
from services.stream.failures import Invalid

PLATFORM = "bluesky"
COLLECTION = "app.bsky.feed.post"
# An account in one of these states must not be shown any more; `throttled` and `desynchronized` say nothing about that.
GONE = frozenset({"deleted", "takendown", "suspended", "deactivated"})
# `createdAt` is what the author's client claims: believed within a day before the server saw it, else the server's time is.
CLAIM_BELIEVED_MS = 86_400_000
_DID = re.compile(r"^did:[a-z]+:[A-Za-z0-9._:%-]{1,256}$")
_RKEY = re.compile(r"^[A-Za-z0-9._:~-]{1,512}$")
_AT_URI = re.compile(r"^at://[A-Za-z0-9._:%/~-]{1,800}$")


@dataclass(frozen=True)
class JetstreamEvent:
    """`time_us` is the server's microseconds (the cursor), None where the frame has none; `fields` None: not for us."""

    time_us: int | None
    fields: dict[str, Any] | None = None
    problem: str = ""


def read_event(frame: bytes) -> JetstreamEvent:
    """Never raises: a frame that cannot be read has a `problem` that names the field and the fix."""
    time_us = None
    try:
        event = read_json(frame)
        if not isinstance(event, dict):
            raise Invalid("event: not a JSON object; expected a Jetstream v1 event")
        time_us = event.get("time_us")
        if type(time_us) is not int or not 0 < time_us < 10**17:
            time_us = None
            raise Invalid("time_us: missing or no count of microseconds; expected a Jetstream v1 event")
        return JetstreamEvent(time_us, _fields(event, time_us // 1000))
    except Invalid as invalid:
        return JetstreamEvent(time_us, problem=str(invalid))


def _fields(event: dict[str, Any], time_ms: int) -> dict[str, Any] | None:
    kind = event.get("kind")
    if kind not in ("commit", "account"):
        return None
    did = event.get("did")
    if not isinstance(did, str) or not _DID.match(did):
        raise Invalid("did: missing or malformed; expected did:plc:... or did:web:...")
    if kind == "account":
        account = _object(event, "account")
        if account.get("active") is not False or account.get("status", "deleted") not in GONE:
            return None
        return {"platform": PLATFORM, "action": "delete_author", "author": did, "created_at": time_ms}
    commit = _object(event, "commit")
    if commit.get("collection") != COLLECTION:
        return None
    return _commit(did, commit, time_ms)


def _commit(did: str, commit: dict[str, Any], time_ms: int) -> dict[str, Any] | None:
    rkey = commit.get("rkey")
    if not isinstance(rkey, str) or not _RKEY.match(rkey):
        raise Invalid("commit.rkey: missing or malformed; expected a record key")
    fields: dict[str, Any] = {
        "platform": PLATFORM,
        "id": f"at://{did}/{COLLECTION}/{rkey}",
        "author": did,
        "created_at": time_ms,
    }
    operation = commit.get("operation")
    if operation == "delete":
        return {**fields, "action": "delete"}
    if operation not in ("create", "update"):
        raise Invalid("commit.operation: unknown; expected create, update or delete")
    record = _object(commit, "record", "commit.")
    text = record.get("text")
    if not isinstance(text, str):
        raise Invalid("commit.record.text: missing; expected a string")
    if not text.strip():
        # A picture alone says nothing that we read; but an edit that takes the words away takes ours away too.
        return {**fields, "action": "delete"} if operation == "update" else None
    languages = record.get("langs")
    return {
        **fields,
        "action": operation,
        "text": text,
        "created_at": _created_ms(record.get("createdAt"), time_ms, operation),
        "language": [tag for tag in languages if isinstance(tag, str)] if isinstance(languages, list) else "",
        "url": f"https://bsky.app/profile/{did}/post/{rkey}",
        "reply_to": _parent(record.get("reply")),
    }


def _created_ms(claimed: Any, time_ms: int, operation: str) -> int:
    try:
        created = milliseconds(claimed) if isinstance(claimed, str) else time_ms
    except ValueError:
        return time_ms
    believed_from = 0 if operation == "update" else time_ms - CLAIM_BELIEVED_MS
    return created if believed_from <= created <= time_ms else time_ms


def _parent(reply: Any) -> str:
    parent = reply.get("parent") if isinstance(reply, dict) else None
    uri = parent.get("uri") if isinstance(parent, dict) else None
    return uri if isinstance(uri, str) and len(uri) <= 500 and _AT_URI.match(uri) else ""


def _object(holder: dict[str, Any], name: str, prefix: str = "") -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise Invalid(f"{prefix}{name}: missing; expected an object")
    return value
