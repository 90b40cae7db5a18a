"""The language of a post that came without one."""

from __future__ import annotations

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

LEAST_LETTERS = 10
LEAST_PROBABILITY = 0.35
UNDETERMINED = "und"
LANGUAGES = (
    *("ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id", "it"),
    *("ja", "ko", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "ta", "th", "tr", "uk", "ur", "vi", "zh"),
)
"""Widely used on the platforms; rare ones only draw short posts away from the right answer."""
_NOISE = re.compile(r"@\w[\w.-]*|HTTPURL|EMAIL|PHONE|https?://\S+|#\w+")


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier


def detect(text: str) -> str:
    """ISO 639-1 code, or "und" when the text is too short or the answer unsure."""
    plain = _NOISE.sub(" ", text[:1_000])
    if sum(map(str.isalpha, plain)) < LEAST_LETTERS:
        return UNDETERMINED
    language, probability = _identifier().classify(plain)
    return str(language) if probability >= LEAST_PROBABILITY else UNDETERMINED
