"""Plain text out of whatever a platform calls text."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.normalise import MAX_CHARACTERS, normalise, plain_text
from services.ingest.post import TooLong
from services.stream.failures import Invalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>Tea &amp; <b>bleach</b></p><p>cure</p>", "Tea & bleach\n\ncure"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("I <3 you, 2 < 3 > 1", "I <3 you, 2 < 3 > 1"),
        ("&lt;b&gt;bold&lt;/b&gt;", "bold"),
        ("5 &amp;gt; 3", "5 > 3"),
        ('<a href="https://x.example/?a=1&amp;b">link</a>', "link"),
        ("<script>alert(1)</script>ok<style>p{}</style>", "ok"),
        ("<script>never closed", ""),
        ("<!-- hidden -->seen", "seen"),
        ("vac\u200dci\u00adne\u200b \u202eabc\ufeff", "vaccine abc"),
        ("a\x07b\x1b[0m", "ab[0m"),
        ("a\r\nb\r\rc \t\xa0 d", "a\nb\n\nc d"),
        ("a\n\n \n\nb", "a\n\nb"),
        ("e\u0301", "é"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_examples(text: str, expected: str) -> None:
    assert plain_text(text) == expected


def test_limits() -> None:
    assert len(normalise("x" * MAX_CHARACTERS)) == MAX_CHARACTERS
    with pytest.raises(TooLong, match="10,001 characters; send at most 10,000"):
        normalise("x" * (MAX_CHARACTERS + 1))
    with pytest.raises(TooLong):
        normalise("x" * 1_000_000)
    assert normalise("<i></i>" * 5_000 + "tea") == "tea"


@pytest.mark.parametrize("text", ["", "  \n ", "<p></p>", "&nbsp;", "\u200b\u200e"])
def test_nothing_left_is_an_error(text: str) -> None:
    with pytest.raises(Invalid, match="text: is empty"):
        normalise(text)


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("<>&;/pb\n\u200d\u0301"), max_size=80))
def test_the_result_is_clean_and_stays_as_it_is(text: str) -> None:
    plain = plain_text(text)
    assert unicodedata.is_normalized("NFC", plain)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c != "\n" for c in plain)
    assert plain == plain.strip()
    assert plain_text(plain) == plain
    plain.encode("utf-8")


@pytest.mark.parametrize(
    "attack",
    ["&amp;" + "amp;" * 20_000, "<p " * 30_000, "<script>" * 12_000, "<!--" * 24_000, "\n " * 49_000, "<" * 99_000, "&" * 99_000,
     "e\u0301" * 49_000, "<a" + " " * 99_000],
)  # fmt: skip
def test_hostile_markup_takes_no_time(attack: str) -> None:
    started = time.perf_counter()
    plain_text(attack)
    assert time.perf_counter() - started < 1.5
