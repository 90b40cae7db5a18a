"""How long an answer may be, counted as each platform counts. Pure."""

from __future__ import annotations

import unicodedata

import regex

from services.alert.texts import Said, later

_GRAPHEME = regex.compile(r"\X")
_URL = regex.compile(r"https?://\S+")
# https://docs.x.com/fundamentals/counting-characters: these code points weigh 1, others and each emoji 2, an address 23.
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_ADDRESS = 23

LIMITS: dict[str, int] = {"bluesky": 300, "x": 280, "mastodon": 500, "long": 3_000}
"""Most characters of an answer, by where it is to be published."""

NAMES = Said({"bluesky": "Bluesky", "x": "X", "mastodon": "Mastodon", "long": later("Long")})


def length(text: str, place: str) -> int:
    """Characters of `text` as `place` counts them: graphemes, or X's weights; Mastodon counts an address as 23."""
    if place == "x":
        return sum(
            _weight(part) for part in _GRAPHEME.findall(unicodedata.normalize("NFC", _URL.sub("u" * _ADDRESS, text)))
        )
    if place == "mastodon":
        text = _URL.sub("u" * _ADDRESS, text)
    return len(_GRAPHEME.findall(text))


def fits(text: str, place: str) -> bool:
    """May it be published there as it is."""
    return bool(text.strip()) and length(text, place) <= LIMITS[place]


def _weight(grapheme: str) -> int:
    return 1 if len(grapheme) == 1 and any(low <= ord(grapheme) <= high for low, high in _LIGHT) else 2
