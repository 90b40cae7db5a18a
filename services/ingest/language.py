"""Which language a post is in: what its source says where that is a real code, else told from its words, else `und`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from py3langid.langid import MODEL_FILE, LanguageIdentifier

UNKNOWN = "und"
# Below this it says `und`: measured in docs/decisions/0023-language-given-told-or-und.md.
MIN_CONFIDENCE = 0.5
# The identifier reads bytes; the first of them tell as much as all.
READ_CHARACTERS = 1_000
_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es et eu "
    "fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km "
    "kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr "
    "ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
ISO_639_1 = frozenset(_CODES.split())
# Codes that platforms still send for a language that has a newer one.
_SAME = {"iw": "he", "in": "id", "ji": "yi", "nb": "no", "nn": "no", "mo": "ro", "eng": "en", "nld": "nl", "dut": "nl",
         "deu": "de", "ger": "de", "spa": "es", "fra": "fr", "fre": "fr"}  # fmt: skip
_NAMES = re.compile(r"https?://\S+|\bwww\.\S+|[@#]\w[\w.-]*|\b(?:EMAIL|PHONE)\b")
_NOT_WORDS = re.compile(r"[\W\d_]+")


class LanguageTeller:
    """Tells posts apart among `languages` (ISO 639-1 codes); loading takes 0.3 s and 70 MB."""

    def __init__(self, languages: Sequence[str]) -> None:
        """Raises ValueError when `languages` has one that the identifier does not know."""
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        self._identifier.set_languages(languages)
        self._languages = frozenset(languages)

    def tell(self, text: str, given: str | Sequence[str] = "") -> str:
        """ISO 639-1 code of normalised `text`, or `und`; `given` is what the source says, one code or candidates."""
        named = [given] if isinstance(given, str) else given
        codes = list(dict.fromkeys(code for name in named if (code := iso_code(name))))
        if len(codes) == 1:
            return codes[0]
        words = _NOT_WORDS.sub(" ", _NAMES.sub(" ", text[:READ_CHARACTERS])).strip()
        if not words:
            return UNKNOWN
        ranked: list[tuple[str, float]] = self._identifier.rank(words)
        if len(codes) > 1:
            # The source left a choice: the best of its candidates, however unsure.
            best = next((code for code, _ in ranked if code in codes), "")
            return best or UNKNOWN
        code, confidence = ranked[0]
        return code if confidence >= MIN_CONFIDENCE else UNKNOWN


def iso_code(name: str) -> str:
    """The ISO 639-1 code in a language tag such as `pt-BR`; empty when it names none."""
    code = re.split(r"[-_]", name.strip().lower(), maxsplit=1)[0]
    code = _SAME.get(code, code)
    return code if code in ISO_639_1 else ""
