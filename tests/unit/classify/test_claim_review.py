from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.classify import knowledge_base
from services.classify.claim_review import parse_myths, read_myths, to_claim_review
from services.stream.claim_review import ClaimReviewError


def test_what_is_exported_is_imported_again() -> None:
    myths = knowledge_base.load()
    again = parse_myths(json.dumps(to_claim_review(myths)))
    assert [(myth.id, myth.title(), myth.fact["en"]) for myth in again] == [
        (myth.id, myth.title(), myth.fact["en"]) for myth in myths
    ]


REVIEW = {
    "@context": "https://schema.org",
    "@type": "ClaimReview",
    "url": "https://checker.example/bleach",
    "claimReviewed": "Bleach cures cancer.",
    "author": {"@type": "Organization", "name": "A checker"},
    "datePublished": "2026-01-02T03:04:05Z",
}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([REVIEW]),
        json.dumps(REVIEW),
        json.dumps(REVIEW) + "\n\n" + json.dumps({**REVIEW, "url": "https://checker.example/other"}),
        json.dumps({"@context": "https://schema.org", "@graph": [REVIEW]}),
        json.dumps([{"text": "Bleach cures cancer.", "claimReview": [{"url": "https://checker.example/bleach"}]}]),
    ],
)
def test_every_shape_of_claim_review_is_read(text: str) -> None:
    myth = parse_myths(text)[0]
    assert (myth.id, myth.title()) == ("https://checker.example/bleach", "Bleach cures cancer.")


def test_lines_of_id_and_text_are_read() -> None:
    myths = parse_myths('{"id": "m1", "text": "Bleach cures cancer."}\n{"id": 2, "text": "Milk cures asthma."}\n')
    assert [(myth.id, myth.title()) for myth in myths] == [("m1", "Bleach cures cancer."), ("2", "Milk cures asthma.")]


def test_without_an_id_it_comes_from_the_claim() -> None:
    first, again = (parse_myths('{"text": "Bleach cures cancer."}')[0].id for _ in range(2))
    assert first == again
    assert first.startswith("claim-")


def test_the_publisher_becomes_the_source_and_unsafe_addresses_are_dropped() -> None:
    (myth,) = parse_myths(json.dumps({**REVIEW, "url": "javascript:alert(1)", "identifier": "x"}))
    assert myth.sources[0].organisation == "A checker"
    assert myth.sources[0].url == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no myths"),
        ("[]", "no myths"),
        ("[{]", "line 1: not JSON"),
        ('{"id": "a", "text": "b"}\nnonsense', "line 2: not JSON"),
        ('{"id": "a"}', "text: must be a text"),
        ('[{"claimReviewed": 7}]', "entry 1: claimReviewed: must be a text"),
        ("[1]", "entry 1: must be an object"),
        (json.dumps({"id": "a", "text": "x" * 2_001}), "longer than 2000 characters"),
        (json.dumps({"id": "a" * 201, "text": "x"}), "id must be at most 200"),
        ('{"id": "a", "text": "b"}\n{"id": "a", "text": "c"}', "used twice"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_file_is_one_clear_error(text: str, said: str) -> None:
    with pytest.raises(ClaimReviewError) as raised:
        parse_myths(text, "reviews.json")
    assert "reviews.json" in str(raised.value)
    assert said in str(raised.value) or "nested too deeply" in str(raised.value)


def test_too_large_a_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.classify.claim_review.MAX_FILE_BYTES", 10)
    path = tmp_path / "large.json"
    path.write_text(json.dumps([REVIEW]))
    with pytest.raises(ClaimReviewError, match="larger than"):
        read_myths(path)


def test_what_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.json"
    path.write_bytes('{"id": "a", "text": "café"}'.encode("latin-1"))
    with pytest.raises(ClaimReviewError, match="not UTF-8"):
        read_myths(path)


def test_control_characters_and_broken_surrogates_are_taken_out() -> None:
    (myth,) = parse_myths('{"id": "a", "text": "Bleach\\u0000 cures\\ud800 all"}')
    assert myth.title().encode()
    assert "\x00" not in myth.title()
