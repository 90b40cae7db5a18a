"""Which words of a flagged post carried the decision: the sentence that, read alone, spreads the myth most surely. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_SENTENCES = 8
LEAST_CHARACTERS = 12
MOST_CHARACTERS = 200

_END = re.compile(r"(?<=[.!?…。！？])[\"'”»)]*\s+|\n+")


def sentences(text: str) -> list[str]:
    """The parts of a post that could be quoted, at most `MOST_SENTENCES`; too short ones join the one before."""
    found: list[str] = []
    for part in (one.strip() for one in _END.split(text)):
        if not part:
            continue
        if found and (len(part) < LEAST_CHARACTERS or len(found[-1]) < LEAST_CHARACTERS):
            found[-1] = f"{found[-1]} {part}"
        else:
            found.append(part)
    return found[:MOST_SENTENCES]


def quoted(parts: Sequence[str], endorse: Sequence[float]) -> str:
    """The reason that quotes the part with the highest probability of endorsing; a long one is cut."""
    best = parts[max(range(len(parts)), key=lambda place: endorse[place])]
    best = best if len(best) <= MOST_CHARACTERS else best[: MOST_CHARACTERS - 1].rstrip() + "…"
    return f"Its words: “{best}”"
