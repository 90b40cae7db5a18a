"""The schema of an incoming post: what fits, and one clear error for what does not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.post import FIXES, milliseconds, read_json, validate
from services.stream.failures import Invalid

NOW = 1_777_629_600_000
GOOD = {"id": "1", "text": "Tea cures flu", "created_at": "2026-05-01T10:00:00Z"}


def error_of(**changes: object) -> str:
    with pytest.raises(Invalid) as caught:
        validate({**GOOD, **changes}, NOW)
    return str(caught.value)


def test_a_minimal_and_a_full_post_are_taken() -> None:
    assert validate({"id": 7, "text": "x"}, NOW).id == "7"
    full = validate(
        {
            **GOOD, "author": "jan", "platform": "Forum", "url": "https://example.org/1", "language": "nl", "reply_to": 6,
            "parent_text": "?", "action": "update", "engagement": {"likes": 1, "unknown": "x"}, "unknown": {"a": 1},
        },
        NOW,
    )  # fmt: skip
    assert (full.platform, full.reply_to, full.created_ms) == ("forum", "6", NOW)
    assert full.engagement is not None
    assert full.engagement.likes == 1


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"id": None}, "id", "missing"),
        ({"id": ""}, "id", "missing"),
        ({"id": "a b"}, "id", "space"),
        ({"id": "a\x00"}, "id", "control"),
        ({"id": True}, "id", "string"),
        ({"id": "x" * 501}, "id", "too long"),
        ({"text": None}, "text", "missing"),
        ({"text": 5}, "text", "string"),
        ({"text": ["x"]}, "text", "string"),
        ({"text": "a\x00b"}, "text", "NUL"),
        ({"text": "a\ud800b"}, "text", "surrogate"),
        ({"created_at": "yesterday"}, "created_at", "not a time"),
        ({"created_at": NOW // 1000}, "created_at", "seconds"),
        ({"created_at": NOW + 301_000}, "created_at", "future"),
        ({"created_at": "9999-12-31T23:59:59Z"}, "created_at", "future"),
        ({"created_at": 10**30}, "created_at", "range"),
        ({"created_at": -5}, "created_at", "range"),
        ({"created_at": 1.5}, "created_at", "type"),
        ({"created_at": True}, "created_at", ""),
        ({"platform": "a b"}, "platform", "not a platform"),
        ({"url": "javascript:alert(1)"}, "url", "not a web address"),
        ({"url": "https://example.org/ x"}, "url", "not a web address"),
        ({"action": "drop"}, "action", "none of"),
        ({"engagement": {"likes": -1}}, "engagement", "0 or more"),
        ({"engagement": {"likes": 2**63}}, "engagement", "too large"),
        ({"engagement": [1]}, "engagement", "object"),
        ({"language": 5}, "language", "type"),
        ({"action": "delete_author"}, "author", "missing"),
    ],
)
def test_an_error_names_the_field_and_the_fix_and_not_the_value(changes: dict, field: str, says: str) -> None:
    error = error_of(**changes)
    assert error.startswith(f"{field}: ")
    assert says in error
    assert error.endswith(FIXES[field]) or "future" in error
    assert "javascript" not in error
    assert "yesterday" not in error


def test_the_clock_of_a_sender_may_be_a_little_ahead() -> None:
    assert validate({**GOOD, "created_at": NOW + 299_000}, NOW).created_ms == NOW + 299_000


def test_a_delete_needs_no_text_and_a_deleted_author_no_id() -> None:
    assert validate({"id": "1", "action": "delete"}, NOW).action == "delete"
    assert validate({"author": "jan", "action": "delete_author"}, NOW).author == "jan"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("2026-05-01T10:00:00Z", NOW), ("2026-05-01T12:00:00+02:00", NOW), ("2026-05-01T10:00:00", NOW), (NOW, NOW)],
)
def test_times(value: str | int, expected: int) -> None:
    assert milliseconds(value) == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe{\x00", b'{"id": "1", "text": "\xc3\x28"}', b"", b"{", b"[" * 200_000, b'{"a":' * 100_000, b'{"id": NaN}',
        b'{"id": 1e999}', b'{"id": ' + b"9" * 5000 + b"}", b'{"text": "a\nb"}', b"nul\x00", b"'x'", b"{} {}",
    ],
)  # fmt: skip
def test_bytes_that_are_no_json_say_so(raw: bytes) -> None:
    with pytest.raises(Invalid, match=r"^body: .*; send "):
        read_json(raw)


@pytest.mark.parametrize("value", [None, [], "x", 5, True])
def test_json_that_is_no_object_says_so(value: object) -> None:
    with pytest.raises(Invalid, match="not a JSON object"):
        validate(value, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*FIXES, "other"]), JSON))
def test_whatever_the_fields_hold_the_answer_is_a_post_or_one_named_error(fields: dict) -> None:
    try:
        post = validate(fields, NOW)
    except Invalid as error:
        name, _, rest = str(error).partition(": ")
        assert name in FIXES
        assert "; " in rest
    else:
        json.dumps(post.model_dump())


@given(st.binary(max_size=200))
def test_whatever_the_bytes_the_answer_is_a_value_or_one_named_error(raw: bytes) -> None:
    problem = ""
    try:
        read_json(raw)
    except Invalid as error:
        problem = str(error)
    assert not problem or problem.startswith("body: ")
