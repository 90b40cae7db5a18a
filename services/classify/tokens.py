"""Text to token ids: the Unigram tokeniser of multilingual-e5-small, and pieces of it that other files need."""

from __future__ import annotations

import re

from tokenizers import Tokenizer, models, pre_tokenizers

from services.classify.e5_file import E5Vocabulary

PREFIX = "query: "
"""E5 was trained with a prefix; posts and claims are alike (symmetric), so both are queries."""

MAX_TOKENS = 192
"""Longest text that is read, in tokens with the specials: a post of 300 words; the rest is cut."""

MAX_CHARACTERS = 2_000
"""Characters looked at before tokenising, so that a 1 MB text costs no more than a long post."""

_SPECIALS = re.compile(r"</?s>|<(?:pad|unk|mask)>")
_SPACES = re.compile(r" {2,}")


class PostTokeniser:
    """Token ids with specials. Thread-safe: the tokeniser holds no state between calls."""

    def __init__(self, vocabulary: E5Vocabulary) -> None:
        self.pad = vocabulary.pad
        self.bos = vocabulary.bos
        self.eos = vocabulary.eos
        self._characters = vocabulary.characters
        self._tokeniser = Tokenizer(models.Unigram(vocabulary.pieces, unk_id=vocabulary.unk, byte_fallback=False))
        self._tokeniser.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)

    def __call__(self, texts: list[str], limit: int = MAX_TOKENS) -> list[list[int]]:
        """Ids of each text, at most `limit` tokens long, first and last being the specials."""
        encoded = self._tokeniser.encode_batch_fast(
            [PREFIX + self._normalise(text) for text in texts], add_special_tokens=False
        )
        return [[self.bos, *one.ids[: limit - 2], self.eos] for one in encoded]

    def _normalise(self, text: str) -> str:
        plain = _SPECIALS.sub(" ", text[:MAX_CHARACTERS])
        return _SPACES.sub(" ", plain.translate(self._characters))
