"""Reads records whose header names are not UTF-8: the Kafka client would fail on such a record for ever, and all behind it wait.

Importing this module changes how aiokafka's consumers of this process read. An unreadable name comes with U+FFFD in it; key,
value and all other headers are as they were written. Only a batch that has such a name is read by the slower Python parser.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


class _Name(bytes):
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "replace")


class _Buffer(bytearray):
    """What the parser takes out of it decodes whatever it is."""

    def __getitem__(self, index: Any) -> Any:
        got: Any = super().__getitem__(index)
        return _Name(got) if isinstance(index, slice) else got


class _Batch:
    """A batch of records, as aiokafka made it but for how it is iterated."""

    def __init__(self, batch: Any, raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            lenient: Any = _DefaultRecordBatchPy(self._raw)
            lenient._maybe_uncompress()
            lenient._buffer = _Buffer(lenient._buffer)
            return iter(list(lenient))


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self) -> Any:
        raw = self._next_slice
        batch = super().next_batch()
        return None if batch is None else _Batch(batch, bytes(raw))


fetcher.MemoryRecords = _Records
