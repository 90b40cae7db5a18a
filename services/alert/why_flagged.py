"""The classifier's reasons (services/classify/reasons.py), which are English, in the language of the pages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.alert.texts import gettext, later

_SENTENCES = (
    later("Repeats the myth “{title}” ({share} sure that this is the myth)."),
    later("Presents it as true ({share} sure), rather than asking, reporting or correcting."),
    later("Its wording reads like misinformation."),
    later("Chance that it spreads the myth: {share}."),
    later("Not about health."),
    later("No known myth is close enough."),
    later("Is about the myth “{title}” ({share} sure), and denies or corrects it."),
    later("Is about the myth “{title}” ({share} sure), without taking it for true."),
    later("Is about the myth “{title}” ({share} sure) and may repeat it, but not surely enough to alert ({score})."),
    later("Asks rather than asserts."),
    later("Tells a personal story."),
    later("Comforts or encourages."),
    later("Reports news."),
    later("Below the post it answers, it doesn't spread the myth ({share})."),
    later("Its words: “{words}”"),
)


def reason(given: str) -> str:
    """One reason, translated."""
    for pattern, sentence in _PATTERNS:
        if found := pattern.fullmatch(given):
            return gettext(sentence).format(**found.groupdict())
    return given


def carried(text: str, reasons: Sequence[str]) -> tuple[str, str, str]:
    """A post in three: before the words that carried the decision, those, and after. All of it first where none are known, or all
    of it did.
    """
    for given in reasons:
        if found := _WORDS.fullmatch(given):
            # A long quotation is cut with a sign of its own; parts of a post are joined by a space.
            words = re.escape(found["words"].removesuffix("…")).replace("\\ ", r"\s+")
            place = re.search(words, text)
            if place and len(place[0]) < len(text.strip()):
                return text[: place.start()], place[0], text[place.end() :]
    return text, "", ""


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", sentence)
    named = (f"(?P<{part}>.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile("".join(named), re.DOTALL)


_WORDS = _pattern("Its words: “{words}”")
_PATTERNS = tuple((_pattern(sentence), sentence) for sentence in _SENTENCES)
