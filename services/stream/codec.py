"""Bytes to events and back: protobuf values with CloudEvents headers (binary content mode, CloudEvents 1.0) and traceparent."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from google.protobuf.message import DecodeError, Message

from services.stream.failures import Invalid
from services.stream.topics import Topic

CONTENT_TYPE = b"application/protobuf"
# W3C Trace Context, version 00.
TRACEPARENT = re.compile(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")
MAX_VALUE_BYTES = 1_000_000

Headers = dict[str, bytes]


@dataclass(frozen=True)
class Record:
    """What is written to Kafka: an event and what travels with it."""

    topic: Topic
    key: str
    message: Message | None  # None: a tombstone that withdraws the key from a compacted topic
    trace: str
    event_id: str = ""  # ce_id; the event's own id by default
    headers: Mapping[str, bytes] = field(default_factory=dict)


def encode(record: Record, source: str, now_ms: int) -> tuple[bytes, bytes | None, list[tuple[str, bytes]]]:
    """(key, value, headers) as Kafka takes them; `source` is the writing service, `now_ms` milliseconds UTC.

    Raises Invalid when the value is larger than a broker takes.
    """
    value = None if record.message is None else record.message.SerializeToString(deterministic=True)
    if value is not None and len(value) > MAX_VALUE_BYTES and not record.topic.name.endswith(".dlq"):
        raise Invalid(f"record of {len(value):,} bytes is over {MAX_VALUE_BYTES:,}: shorten the text")
    event_id = record.event_id or str(getattr(record.message, "id", "")) or record.key
    headers: Headers = {
        "ce_specversion": b"1.0",
        "ce_id": event_id.encode(),
        "ce_type": record.topic.ce_type.encode(),
        "ce_source": f"/mythwatch/{source}".encode(),
        "ce_time": datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").encode(),
        "content-type": CONTENT_TYPE,
        "traceparent": record.trace.encode(),
        **record.headers,
    }
    return record.key.encode(), value, list(headers.items())


def decode(topic: Topic, value: bytes | None, headers: Mapping[str, bytes]) -> Message:
    """The event in `value`; raises Invalid, naming what is wrong, for anything that is not a `topic` record."""
    if value is None:
        raise Invalid("value: empty (a tombstone); write a delete event instead")
    kind = headers.get("ce_type", b"").decode("ascii", "replace")
    if kind and kind != topic.ce_type:
        raise Invalid(f"ce_type: {kind[:80]!r} does not belong on {topic.name}; send {topic.ce_type}")
    if len(value) > MAX_VALUE_BYTES:
        raise Invalid(f"value: {len(value):,} bytes; the most is {MAX_VALUE_BYTES:,}")
    message = topic.message()
    try:
        message.ParseFromString(value)
    except (DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"value: not a {topic.message.DESCRIPTOR.name} ({error}); encode it by proto/events.proto"
        ) from None
    return message


def header_map(headers: Iterable[tuple[str, bytes]] | Mapping[str, bytes] | None) -> Headers:
    """Kafka headers as a map; the last one of a name wins."""
    if not headers:
        return {}
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return {str(name): bytes(value or b"") for name, value in pairs}


def new_trace() -> str:
    """A fresh W3C traceparent, sampled."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def trace_of(headers: Mapping[str, bytes]) -> str:
    """The record's traceparent, or a fresh one where it has none that is well formed."""
    text = headers.get("traceparent", b"").decode("ascii", "replace")
    return text if TRACEPARENT.match(text) else new_trace()


def trace_id(trace: str) -> str:
    """The 32 hex characters that a post keeps through all services."""
    return trace.split("-")[1] if TRACEPARENT.match(trace) else ""


def content_id(*parts: str | bytes | int) -> str:
    """32 hex characters of SHA-256 over the parts, each length-prefixed so that no two lists collide."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:32]
