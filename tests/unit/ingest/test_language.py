"""The language of a post: given, told, or `und`."""

from __future__ import annotations

import pytest

from services.ingest.language import LanguageTeller, iso_code

TELLER = LanguageTeller(("en", "nl", "de", "es", "fr"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Vaccins veroorzaken autisme, dat weet iedereen", "nl"),
        ("Impfungen machen krank, das ist bewiesen", "de"),
        ("Las vacunas son veneno y lo saben", "es"),
        ("They are hiding the cure for cancer", "en"),
        ("VACCINS ZIJN GEVAARLIJK VOOR KINDEREN", "nl"),
        ("@jan.bsky.social https://example.org/this-is-english dat klopt echt niet", "nl"),
        ("ok", "und"),
        ("🤣🤣🤣", "und"),
        ("123 456", "und"),
        ("https://example.org/the/path #health", "und"),
        ("EMAIL PHONE", "und"),
    ],
)
def test_told_from_the_words(text: str, language: str) -> None:
    assert TELLER.tell(text) == language


@pytest.mark.parametrize(
    ("given", "expected"),
    [("nl", "nl"), ("pt-BR", "pt"), ("EN_us", "en"), ("iw", "he"), (["de"], "de"), (["de", "de-AT"], "de"),
     ("klingon", "en"), ("", "en"), ("und", "en"), ([], "en"), (["xx"], "en"), (["nl", "en"], "en"), (["fr", "nl"], "nl")],
)  # fmt: skip
def test_a_valid_code_is_trusted_and_a_choice_decided(given: str | list[str], expected: str) -> None:
    text = "They are hiding the cure for cancer" if expected != "nl" or given == "nl" else "Dat weet iedereen toch"
    assert TELLER.tell(text, given) == expected


def test_iso_code() -> None:
    assert [iso_code(name) for name in ("nl", "NL-be", " en ", "nld", "zxx", "")] == ["nl", "nl", "en", "nl", "", ""]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ValueError, match="tlh"):
        LanguageTeller(("en", "tlh"))
