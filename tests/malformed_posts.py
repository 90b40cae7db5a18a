"""Posts that are wrong, each in one of the ways that clients and platforms have of being wrong; the same on every run."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from itertools import cycle, islice

GOOD = {"id": "1", "text": "Tea cures flu", "created_at": "2026-05-01T10:00:00Z", "author": "jan"}
FAR_FUTURE = 4_102_444_800_000  # 2100


def _with(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def _without(name: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != name}).encode()


def _cut(rng: random.Random) -> bytes:
    whole = _with(id=str(rng.random()))
    return whole[: rng.randrange(1, len(whole) - 1)]


def _broken_utf8(rng: random.Random) -> bytes:
    whole = bytearray(_with(text="Thee geneest alles, zegt men é"))
    whole.insert(rng.randrange(1, len(whole)), rng.choice([0xFF, 0xC0, 0xFE]))
    return bytes(whole)


def _noise(rng: random.Random) -> bytes:
    # Never a digit, quote, bracket or letter: nothing that could be JSON, and no end of line.
    return bytes(rng.choice(range(0x80, 0x100)) for _ in range(rng.randrange(1, 300)))


KINDS: dict[str, Callable[[random.Random], bytes]] = {
    "noise": _noise,
    "cut": _cut,
    "broken utf-8": _broken_utf8,
    "utf-16": lambda rng: json.dumps({**GOOD, "id": str(rng.random())}).encode("utf-16").replace(b"\n", b""),
    "nul byte": lambda rng: _with(id=str(rng.random())).replace(b"cures", b"cu\x00res"),
    "nul escaped": lambda rng: _with(text=f"tea\x00 {rng.random()}"),
    "half a surrogate": lambda rng: _with(text=f"tea \ud83d {rng.random()}"),
    "no id": lambda rng: _without("id"),
    "no text": lambda rng: _without("text"),
    "empty text": lambda rng: _with(text=rng.choice(["", " ", "\n", "<p></p>", "&nbsp;", "\u200b"])),
    "text of another type": lambda rng: _with(text=rng.choice([5, 1.5, True, [], ["x"], {}, {"a": "b"}])),
    "id of another type": lambda rng: _with(id=rng.choice([1.5, True, [], {}, "", " ", "a b", "a\tb"])),
    "long id": lambda rng: _with(id="x" * rng.randrange(501, 5_000)),
    "long text": lambda rng: _with(text="word " * rng.randrange(2_100, 4_000)),
    "1 MB text": lambda rng: _with(text="x" * 900_000),
    "future": lambda rng: _with(created_at=FAR_FUTURE + rng.randrange(10**9)),
    "future iso": lambda rng: _with(created_at=f"{rng.randrange(2100, 9999)}-01-01T00:00:00Z"),
    "seconds": lambda rng: _with(created_at=1_777_629_600 + rng.randrange(1000)),
    "no time": lambda rng: _with(
        created_at=rng.choice(["soon", "", "2026-13-01", "12:00", [], {}, 1.5, True, -1, 10**25])
    ),
    "action": lambda rng: _with(action=rng.choice(["drop", "CREATE", 1, [], {}])),
    "url": lambda rng: _with(url=rng.choice(["javascript:alert(1)", "ftp://x", "x", 5, [], "https://" + "x" * 3_000])),
    "platform": lambda rng: _with(platform=rng.choice(["a b", "../x", "x" * 50, 5, [], "<b>"])),
    "engagement": lambda rng: _with(
        engagement=rng.choice([5, [], "x", {"likes": -1}, {"likes": "x"}, {"views": 2**70}])
    ),
    "author": lambda rng: _with(author=rng.choice([1.5, [], {}, "x" * 600, "a\x00b"])),
    "not an object": lambda rng: rng.choice([b"[]", b"null", b"5", b'"x"', b"true", b"[{}]", b"{}"]),
    "two objects": lambda rng: _with() + _with(),
    "deep": lambda rng: b"[" * rng.randrange(2_000, 100_000),
    "deep object": lambda rng: b'{"text":' * rng.randrange(2_000, 20_000),
    "nan": lambda rng: (
        b'{"id":"1","text":"x","created_at":' + rng.choice([b"NaN", b"Infinity", b"-Infinity", b"1e999"]) + b"}"
    ),
    "huge number": lambda rng: b'{"id":' + b"9" * rng.randrange(4_400, 9_000) + b',"text":"x"}',
    "not json": lambda rng: rng.choice(
        [b"<xml/>", b"id=1&text=x", b"{'id':'1'}", b"{id:1}", b'{"id":"1",}', b"id,text"]
    ),
    "deleted without id": lambda rng: json.dumps({"action": "delete", "text": str(rng.random())}).encode(),
    "author gone without author": lambda rng: json.dumps({"action": "delete_author", "id": str(rng.random())}).encode(),
}


def malformed(count: int, seed: int = 3) -> Iterator[tuple[str, bytes]]:
    """`count` pairs of (kind, one line of bytes), every kind in turn."""
    rng = random.Random(seed)
    for kind in islice(cycle(KINDS), count):
        line = KINDS[kind](rng)
        assert b"\n" not in line, kind
        yield kind, line
