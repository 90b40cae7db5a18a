"""Bytes to events and back; and the limit on dead letters."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.stream import events_pb2 as events
from services.stream.codec import MAX_VALUE_BYTES, Record, content_id, decode, encode, new_trace, trace_of
from services.stream.dead_letters import KEEP_BYTES, DeadLetterLimit, dead_letter
from services.stream.failures import Fatal, Invalid
from services.stream.topics import POSTS, TOPICS


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_what_is_encoded_decodes(text: str, post_id: str) -> None:
    post = events.SocialPost(id=post_id, text=text)
    key, value, headers = encode(Record(POSTS, post_id, post, new_trace()), "test", 1_700_000_000_000)
    assert key == post_id.encode()
    assert decode(POSTS, value, dict(headers)) == post


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_named_invalid(data: bytes) -> None:
    with suppress(Invalid):
        decode(POSTS, data, {})


def test_invalid_utf8_in_a_string_field_is_invalid() -> None:
    with pytest.raises(Invalid, match="not a SocialPost"):
        decode(POSTS, b"\x0a\x02\xff\xfe", {})


def test_oversize_is_refused_both_ways() -> None:
    huge = events.SocialPost(id="p", text="x" * MAX_VALUE_BYTES)
    with pytest.raises(Invalid, match="shorten the text"):
        encode(Record(POSTS, "p", huge, new_trace()), "test", 0)
    with pytest.raises(Invalid, match="the most is"):
        decode(POSTS, huge.SerializeToString(), {})


def test_a_malformed_trace_is_replaced() -> None:
    good = new_trace()
    assert trace_of({"traceparent": good.encode()}) == good
    assert trace_of({"traceparent": b"rubbish\xff"}) != "rubbish"


def test_content_ids_depend_on_where_parts_end() -> None:
    assert content_id("ab", "c") != content_id("a", "bc")
    assert content_id("a", 1) == content_id("a", 1)


def test_a_dead_letter_of_a_huge_value_fits_kafka_and_says_so() -> None:
    record = dead_letter(
        topic=POSTS, value=b"x" * 5_000_000, key=b"k", headers={}, partition=-1, offset=-1, reason="r" * 5000,
        service="test", trace=new_trace(), now_ms=0,
    )  # fmt: skip
    _, value, _ = encode(record, "test", 0)
    letter = events.DeadLetter.FromString(value or b"")
    assert letter.truncated
    assert len(letter.original) == KEEP_BYTES
    assert len(value or b"") < MAX_VALUE_BYTES


def test_the_limit_waits_for_a_full_window_and_forgets_old_failures() -> None:
    limit = DeadLetterLimit(0.5, 10)
    limit.count(good=0, failed=5)
    limit.count(good=10, failed=0)
    limit.count(good=0, failed=5)
    with pytest.raises(Fatal, match="6 of the last 10"):
        limit.count(good=0, failed=1)


def test_posts_and_verdicts_share_partitioning() -> None:
    assert (TOPICS["posts"].partitions, TOPICS["posts"].key) == (TOPICS["verdicts"].partitions, TOPICS["verdicts"].key)
