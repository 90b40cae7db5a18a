"""How much the HTTP door holds at once: a bound on requests and on bytes, so that a slow Kafka cannot fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Full(Exception):
    """No room now: the client should come back."""


class InFlight:
    """Counts requests and the bytes of their bodies."""

    def __init__(self, most_requests: int, most_bytes: int) -> None:
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self.requests = 0
        self.bytes = 0

    @contextmanager
    def request(self) -> Iterator[Hold]:
        """Hold a place for one request; raises Full when there is none."""
        if self.requests >= self._most_requests:
            raise Full
        self.requests += 1
        hold = Hold(self)
        try:
            yield hold
        finally:
            self.requests -= 1
            self.bytes -= hold.bytes

    def add(self, size: int) -> None:
        """Hold `size` more bytes; raises Full when there is no room."""
        if self.bytes + size > self._most_bytes:
            raise Full
        self.bytes += size


class Hold:
    """What one request holds."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self.bytes = 0

    def add(self, size: int) -> None:
        """`size` more bytes of its body have come; raises Full."""
        self._in_flight.add(size)
        self.bytes += size
