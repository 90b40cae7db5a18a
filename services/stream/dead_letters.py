"""Dead letters: the original bytes with where they came from and why they failed; and the limit that stops a service
which would dead-letter everything (a broken release must not empty the stream into the dead-letter topic)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from services.stream import events_pb2 as events
from services.stream.codec import Record, content_id
from services.stream.failures import Fatal
from services.stream.topics import Topic, dead_letter_topic

KEEP_BYTES = 900_000  # of the original, so that the dead letter itself stays under the broker's 1 MB


def dead_letter(
    *,
    topic: Topic,
    value: bytes | None,
    key: bytes | None,
    headers: Mapping[str, bytes],
    partition: int,
    offset: int,
    reason: str,
    service: str,
    trace: str,
    now_ms: int,
) -> Record:
    """The record for `<topic>.dlq`. `partition` and `offset` are -1 at a door that has none (HTTP, file, socket)."""
    original = value or b""
    origin: tuple[str | bytes | int, ...] = (topic.name, partition, offset) if offset >= 0 else (topic.name, original)
    letter = events.DeadLetter(
        id=content_id(*origin),
        original=original[:KEEP_BYTES],
        original_key=(key or b"")[:1000],
        topic=topic.name,
        partition=partition,
        offset=offset,
        reason=reason[:1000],
        service=service,
        trace=trace,
        failed_ms=now_ms,
        headers={name[:200]: data[:2000] for name, data in list(headers.items())[:50]},
        truncated=len(original) > KEEP_BYTES,
    )
    return Record(dead_letter_topic(topic.name), letter.id, letter, trace)


class DeadLetterLimit:
    """Stops the service when, over a full window of records, more than `share` of them failed."""

    def __init__(self, share: float, window: int) -> None:
        self._share = share
        self._outcomes: deque[bool] = deque(maxlen=window)
        self._failed = 0

    def count(self, good: int, failed: int) -> None:
        """Add a batch; raises Fatal when the limit is passed."""
        for outcome in [True] * failed + [False] * good:
            if len(self._outcomes) == self._outcomes.maxlen and self._outcomes[0]:
                self._failed -= 1
            self._outcomes.append(outcome)
            self._failed += outcome
        window = self._outcomes.maxlen or 0
        if len(self._outcomes) == window and self._failed > self._share * window:
            raise Fatal(
                f"{self._failed} of the last {window} records were dead-lettered, over the limit of {self._share:.0%}: "
                "something is wrong with the stream or this release; see the .dlq topic, then raise "
                "MYTHWATCH_DEAD_LETTER_SHARE or fix it"
            )
