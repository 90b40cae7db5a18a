"""The gate: is there anything in a text for the encoder to read? Pure and cheap.

It only removes what can't hold a claim: no letters, or nothing left but mentions, addresses and tags.
A gate that removes ordinary chatter must first prove a recall of 99.5% on flaggable posts.
"""

from __future__ import annotations

import re

LEAST_WORDS = 3
"""A myth needs a subject and a statement; no authored post that spreads one is shorter."""

_NOISE = re.compile(r"@\w[\w.-]*|HTTPURL|EMAIL|PHONE|https?://\S+")
_WORD = re.compile(r"[^\W\d_]+")
# Scripts written without spaces: a word is counted for every two characters.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def worth_reading(text: str) -> bool:
    """False when the text can't state anything."""
    plain = _NOISE.sub(" ", text[:2_000])
    count = sum(1 for _ in _WORD.finditer(plain)) + len(_UNSPACED.findall(plain)) // 2
    return count >= LEAST_WORDS
