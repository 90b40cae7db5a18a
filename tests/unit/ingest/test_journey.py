"""From a validated post to the record on Kafka, and what a dead letter may keep."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from services.ingest.journey import Journey, full_id, split_id
from services.ingest.language import LanguageTeller
from services.ingest.post import validate
from services.ingest.pseudonymise import Pseudonymiser
from services.ingest.redact import redact
from services.stream import events_pb2 as events
from services.stream.failures import Invalid

NOW = 1_777_629_600_000
JOURNEY = Journey(Pseudonymiser(SecretStr("k" * 16)), LanguageTeller(("en", "nl")), ("NL",))


def record(**fields: object) -> events.SocialPost:
    return JOURNEY.social_post(validate(fields, NOW), door="http", source="http", received_ms=NOW)


def test_every_step_shows_in_the_record() -> None:
    made = record(
        id="7", platform="forum", author="jan", reply_to="6", url="https://example.org/7", created_at=NOW - 1000,
        text="<p>@piet zegt: bel 06-12345678 of mail jan@x.nl, want vaccins zijn gevaarlijk &amp; duur</p>",
        parent_text="@jan <b>Is dit waar?</b>", engagement={"likes": 3, "views": 9},
    )  # fmt: skip
    assert made == events.SocialPost(
        id="forum:7", action=events.POST_ACTION_CREATE, platform="forum", language="nl",
        text="@USER zegt: bel PHONE of mail EMAIL, want vaccins zijn gevaarlijk & duur",
        author=JOURNEY.pseudonymiser.pseudonym("forum", "jan"), url="https://example.org/7", created_ms=NOW - 1000, received_ms=NOW,
        reply_to="forum:6", parent_text="@USER Is dit waar?", engagement=events.Engagement(likes=3, views=9), source="http",
    )  # fmt: skip


def test_the_door_names_the_platform_and_the_clock_the_time_where_the_post_does_not() -> None:
    made = record(id="7", text="tea")
    assert (made.id, made.platform, made.created_ms, made.author) == ("http:7", "http", NOW, "")
    assert not made.HasField("engagement")


def test_a_delete_carries_no_text() -> None:
    made = record(id="7", action="delete", text="still here")
    assert (made.action, made.text, made.id) == (events.POST_ACTION_DELETE, "", "http:7")


def test_a_deleted_author_is_a_pseudonym_and_nothing_else() -> None:
    made = record(author="did:plc:aaa", platform="bluesky", action="delete_author")
    pseudonym = JOURNEY.pseudonymiser.pseudonym("bluesky", "did:plc:aaa")
    assert made.id == f"bluesky:account:{pseudonym}"
    assert made.author_deleted == made.author == pseudonym
    assert made.action == events.POST_ACTION_DELETE
    assert b"did:plc" not in made.SerializeToString()


def test_ids() -> None:
    assert full_id("http", "7") == full_id("http", "http:7") == "http:7"
    assert split_id("bluesky:at://did:plc:a/app.bsky.feed.post/1", "http") == (
        "bluesky",
        "bluesky:at://did:plc:a/app.bsky.feed.post/1",
    )
    assert split_id("7", "http") == ("http", "http:7")
    assert split_id("at://did:plc:a/1", "http")[0] == "at"


def test_masks_do_not_make_a_text_longer_than_allowed() -> None:
    assert len(record(id="7", text="@a " * 3_333).text) <= 10_000


@pytest.mark.parametrize("created", ["in the future", NOW + 10**9])
def test_a_dead_letter_keeps_no_person(created: object) -> None:
    fields = {
        "id": "7", "author": "jan", "text": "@piet bel 06-12345678 jan@x.nl", "created_at": created, "url": "https://x.example/0612345678",
        "user": {"name": "Jan Jansen"}, "more": {"deep": ["jan@x.nl", {"email": "jan@x.nl"}]},
    }  # fmt: skip
    kept = redact(fields, JOURNEY, "http")
    for trace in (b"piet", b"06-12345678", b"jan", b"Jan"):
        assert trace not in kept
    assert json.loads(kept)["url"] == fields["url"]
    assert json.loads(kept)["author_pseudonym"] == JOURNEY.pseudonymiser.pseudonym("http", "jan")


def test_a_very_deep_dead_letter_is_cut() -> None:
    fields: dict = {}
    for _ in range(300):
        fields = {"a": fields}
    assert len(redact(fields, JOURNEY, "http")) < 1_000


def test_too_much_text_is_refused() -> None:
    with pytest.raises(Invalid, match="text: has"):
        record(id="7", text="word " * 3_000)
