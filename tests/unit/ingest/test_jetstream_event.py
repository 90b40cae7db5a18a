"""What each Jetstream event means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.sources.jetstream_event import read_event

TIME_US = 1_777_629_600_000_000
DID = "did:plc:aaa"


def event(record: Any = None, operation: str = "create", **changes: Any) -> bytes:
    commit = {
        "rev": "3l1",
        "operation": operation,
        "collection": "app.bsky.feed.post",
        "rkey": "3l2",
        "cid": "bafy1",
        "record": record,
    }
    if record is None:
        del commit["record"], commit["cid"]
    return json.dumps({"did": DID, "time_us": TIME_US, "kind": "commit", "commit": commit, **changes}).encode()


RECORD = {
    "$type": "app.bsky.feed.post", "text": "Tea?", "langs": ["en"], "createdAt": "2026-05-01T09:59:58.000Z",
    "reply": {"root": {"uri": "at://did:plc:bbb/app.bsky.feed.post/3k1", "cid": "b"},
              "parent": {"uri": "at://did:plc:bbb/app.bsky.feed.post/3k9", "cid": "b"}},
}  # fmt: skip


def test_a_post() -> None:
    assert read_event(event(RECORD)).fields == {
        "platform": "bluesky", "id": "at://did:plc:aaa/app.bsky.feed.post/3l2", "author": DID, "action": "create", "text": "Tea?",
        "created_at": TIME_US // 1000 - 2000, "language": ["en"], "url": "https://bsky.app/profile/did:plc:aaa/post/3l2",
        "reply_to": "at://did:plc:bbb/app.bsky.feed.post/3k9",
    }  # fmt: skip


def test_an_edit_and_a_delete() -> None:
    assert read_event(event(RECORD, "update")).fields["action"] == "update"
    deleted = read_event(event(None, "delete")).fields
    assert (deleted["action"], deleted["id"]) == ("delete", "at://did:plc:aaa/app.bsky.feed.post/3l2")
    assert "text" not in deleted


def test_an_edit_that_takes_the_words_away_is_a_delete_and_a_picture_is_nothing() -> None:
    assert read_event(event({**RECORD, "text": " "}, "update")).fields["action"] == "delete"
    assert read_event(event({**RECORD, "text": ""})).fields is None


@pytest.mark.parametrize("status", ["deleted", "takendown", "suspended", "deactivated"])
def test_an_account_that_is_gone(status: str) -> None:
    frame = {
        "did": DID,
        "time_us": TIME_US,
        "kind": "account",
        "account": {"active": False, "did": DID, "seq": 1, "status": status},
    }
    assert read_event(json.dumps(frame).encode()).fields == {
        "platform": "bluesky", "action": "delete_author", "author": DID, "created_at": TIME_US // 1000,
    }  # fmt: skip


@pytest.mark.parametrize(
    "frame",
    [
        {"kind": "account", "account": {"active": True}},
        {"kind": "account", "account": {"active": False, "status": "throttled"}},
        {"kind": "identity", "identity": {"handle": "a"}},
        {
            "kind": "commit",
            "commit": {"collection": "app.bsky.feed.like", "operation": "create", "rkey": "1", "record": {}},
        },
        {"kind": "sync"},
    ],
)
def test_other_events_move_the_cursor_and_nothing_else(frame: dict) -> None:
    read = read_event(json.dumps({"did": DID, "time_us": TIME_US, **frame}).encode())
    assert (read.time_us, read.fields, read.problem) == (TIME_US, None, "")


@pytest.mark.parametrize(
    ("claimed", "operation", "believed"),
    [
        ("2026-05-01T09:00:00Z", "create", True), ("2016-05-01T09:00:00Z", "create", False), ("2026-05-01T10:00:01Z", "create", False),
        ("2016-05-01T09:00:00Z", "update", True), ("2036-05-01T09:00:00Z", "update", False), ("nonsense", "create", False),
        (None, "create", False),
    ],
)  # fmt: skip
def test_a_claimed_time_is_believed_only_where_it_can_be(claimed: str | None, operation: str, believed: bool) -> None:
    fields = read_event(event({**RECORD, "createdAt": claimed}, operation)).fields
    assert (fields["created_at"] != TIME_US // 1000) is believed


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (b"\xff", "UTF-8"), (b"[]", "not a JSON object"), (b"{}", "time_us"), (event(RECORD, time_us="1"), "time_us"),
        (event(RECORD, did=5), "did"), (event(RECORD, did="did:plc:a/../b"), "did"), (event(RECORD, "move"), "operation"),
        (event({"text": 5}), "commit.record.text"), (event(None), "commit.record"), (event(RECORD, commit=5), "commit"),
    ],
)  # fmt: skip
def test_a_frame_that_cannot_be_read_says_why(frame: bytes, problem: str) -> None:
    read = read_event(frame)
    assert read.fields is None
    assert problem in read.problem


@given(
    st.binary(max_size=100)
    | st.dictionaries(st.text(), st.integers() | st.text()).map(lambda d: json.dumps(d).encode())
)
def test_no_frame_raises(frame: bytes) -> None:
    read_event(frame)
