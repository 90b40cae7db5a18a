"""Persons leave no name behind."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from services.ingest.pseudonymise import Pseudonymiser, hide_mentions

ONE = Pseudonymiser(SecretStr("first key of the hospital"))
OTHER = Pseudonymiser(SecretStr("other key of the hospital"))


def test_a_pseudonym_is_a_keyed_hmac_of_platform_and_author() -> None:
    expected = hmac.new(b"first key of the hospital", b"\x00\x07blueskydid:plc:aaa", hashlib.sha256).hexdigest()[:32]
    assert ONE.pseudonym("bluesky", "did:plc:aaa") == expected


@given(st.text(), st.text(min_size=1))
def test_it_depends_on_key_platform_and_author_alone(platform: str, author: str) -> None:
    pseudonym = ONE.pseudonym(platform, author)
    assert pseudonym == ONE.pseudonym(platform, author)
    assert len(pseudonym) == 32
    assert pseudonym != OTHER.pseudonym(platform, author)
    assert pseudonym != ONE.pseudonym(platform + author[0], author[1:] or "x")


def test_nobody_stays_nobody() -> None:
    assert ONE.pseudonym("bluesky", "") == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@jan hi @jan.bsky.social.", "@USER hi @USER."),
        ("thanks @a_b@mastodon.example!", "thanks @USER!"),
        ("(@jan) .@piet, @_x: @3M @23andMe @élodie", "(@USER) .@USER, @USER: @USER @USER @USER"),
        ("medium.com/@jan/story", "medium.com/@USER/story"),
        ("as /u/foo_bar said", "as @USER said"),
        ("take @10mg @2.5ml @5pm", "take @10mg @2.5ml @5pm"),
        ("a@b.nl stays for the address mask", "a@b.nl stays for the address mask"),
        ("meet @ home", "meet @ home"),
        ("@USER", "@USER"),
    ],
)
def test_mentions(text: str, expected: str) -> None:
    assert hide_mentions(text) == expected
    assert hide_mentions(expected) == expected


@given(
    st.from_regex(r"[a-z][a-z0-9_]{2,15}(\.bsky\.social)?", fullmatch=True),
    st.sampled_from(["", "Hi ", "(", "\n", "…", "'"]),
)
def test_no_handle_survives(handle: str, before: str) -> None:
    assert handle not in hide_mentions(f"{before}@{handle} you").replace("@USER you", "")
