from __future__ import annotations

import pytest

from services.classify import posts
from services.classify.verdict import Verdict
from services.stream import events_pb2 as events

NOW = 1_795_000_000_000


def post(**more: object) -> events.SocialPost:
    fields = {
        "id": "bluesky:1",
        "action": events.POST_ACTION_CREATE,
        "text": "Vaccines work.",
        "created_ms": NOW,
        **more,
    }
    return events.SocialPost(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"id": ""}, "id"),
        ({"action": events.POST_ACTION_UNSPECIFIED}, "action"),
        ({"action": 99}, "action"),
        ({"text": " "}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "a" * 10_001}, "text"),
        ({"created_ms": NOW + 2 * 24 * 3_600_000}, "created_ms"),
    ],
)
def test_what_can_never_be_classified_names_the_field(wrong: dict[str, object], field: str) -> None:
    reason = posts.problem(post(**wrong), NOW)
    assert reason is not None
    assert reason.startswith(f"{field}:")


def test_a_delete_needs_no_text() -> None:
    assert posts.problem(post(action=events.POST_ACTION_DELETE, text=""), NOW) is None
    assert posts.problem(post(), NOW) is None


def verdict(flag: bool) -> Verdict:
    return Verdict(
        id="bluesky:1", language="en", health=0.9, kind="claim", claim=0.9, misinformation=0.8,
        candidates=(("m1", 0.9), ("m2", 0.1)), stance="endorse" if flag else "none", stance_score=0.9, flag=flag,
        flag_score=0.95 if flag else 0.1, reasons=("Because.",), model_version="v",
    )  # fmt: skip


def test_flagged_posts_updates_and_deletes_are_told_and_the_rest_is_only_counted() -> None:
    update, delete = post(action=events.POST_ACTION_UPDATE), post(action=events.POST_ACTION_DELETE, text="")
    assert posts.is_told(post(), verdict(True))
    assert not posts.is_told(post(), verdict(False))
    assert posts.is_told(update, verdict(False))
    assert posts.is_told(delete, None)


def test_the_event_carries_the_answer() -> None:
    event = posts.claim_verdict(post(), verdict(True), "abc", "v", NOW)
    assert (event.id, event.myth_id, event.flag, event.kind) == ("abc", "m1", True, events.POST_KIND_CLAIM)
    assert event.stance == events.STANCE_ENDORSE
    assert [candidate.myth_id for candidate in event.candidates] == ["m1", "m2"]
    assert posts.claim_verdict(post(), verdict(False), "abc", "v", NOW).myth_id == ""


def test_a_delete_only_names_the_post() -> None:
    event = posts.claim_verdict(post(action=events.POST_ACTION_DELETE, text=""), None, "abc", "v", NOW)
    assert (event.post.id, event.flag, event.kind, len(event.candidates)) == ("bluesky:1", False, 0, 0)
