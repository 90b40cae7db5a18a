"""Drafts of answers, from the knowledge base: fact, the myth once and named as such, why it misleads, the fact again. Pure.

The order that debunking research advises (The Debunking Handbook 2020). A draft is for clinicians to check; nothing publishes it.
"""

from __future__ import annotations

import re

from services.alert.cases import Myth
from services.alert.lengths import LIMITS, fits

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WARNING = {
    "en": "You may have read otherwise: “{claim}”. That is a myth.",
    "nl": "Misschien las u iets anders: ‘{claim}’. Dat klopt niet.",
    "de": "Vielleicht haben Sie anderes gelesen: „{claim}“. Das stimmt nicht.",
    "es": "Quizá haya leído lo contrario: «{claim}». Es un bulo.",
    "fr": "Vous avez peut-être lu le contraire : « {claim} ». C'est faux.",
}
_AGAIN = {
    "en": "So remember: {fact}", "nl": "Dus onthoud: {fact}", "de": "Also: {fact}", "es": "Recuerde: {fact}",
    "fr": "À retenir : {fact}",
}  # fmt: skip


def draft(myth: Myth, language: str, place: str = "long") -> str:
    """A draft in `language` that fits `place` (lengths.LIMITS); empty while there is no fact in that language."""
    fact, claim = myth.fact.get(language, ""), myth.claim.get(language, "")
    if not fact:
        return ""
    sentences = _SENTENCE.split(fact.strip())
    warning = _WARNING[language].format(claim=claim.rstrip(".")) if claim and language in _WARNING else ""
    # The knowledge base says in English only why a myth misleads.
    why = myth.why_misleading if language == "en" else ""
    again = _AGAIN[language].format(fact=sentences[0]) if language in _AGAIN and len(sentences) > 1 else ""
    # From the fullest to the barest: what is left out first is what helps least.
    for parts in (
        (fact, warning, why, again),
        (fact, warning, why),
        (fact, warning),
        (sentences[0], warning, again if len(sentences) > 1 else ""),
        (sentences[0], warning),
        (fact,),
        (sentences[0],),
    ):
        text = " ".join(part for part in parts if part)
        if fits(text, place):
            return text
    return _cut(sentences[0], place)


def _cut(text: str, place: str) -> str:
    words = text.split()
    while words and not fits(" ".join(words) + " …", place):
        words.pop()
    return " ".join(words) + " …" if words else text[: LIMITS[place]]
