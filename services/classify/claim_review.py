"""Myths from and to schema.org ClaimReview, the format in which fact-checkers publish (services/stream/claim_review.py reads it)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from services.classify.knowledge_base import Myth, Source
from services.stream.claim_review import MAX_FILE_BYTES, ClaimReviewError, Review, parse_reviews


def read_myths(path: Path) -> list[Myth]:
    """Myths of a file, in its order. Raises ClaimReviewError, or OSError when it can't be read."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ClaimReviewError(f"{path}: larger than {MAX_FILE_BYTES // 1024 // 1024} MiB; split it")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ClaimReviewError(f"{path}: not UTF-8 (byte {error.start})") from None
    return parse_myths(text, str(path))


def parse_myths(text: str, name: str = "myths") -> list[Myth]:
    """As `read_myths`, of text; `name` stands in the error messages."""
    return [_myth(review) for review in parse_reviews(text, name)]


def _myth(review: Review) -> Myth:
    source = Source(review.publisher, review.source_title, review.url)
    return Myth(
        id=review.id,
        claim={review.language: review.claim},
        said_as=(review.title,) if review.title else (),
        fact={review.language: review.fact} if review.fact else {},
        sources=(source,) if review.publisher else (),
        reviewed=review.published,
    )


def to_claim_review(myths: Iterable[Myth], publisher: str = "Mythwatch") -> list[dict[str, Any]]:
    """schema.org ClaimReview objects, one a myth; `identifier` is the myth's id."""
    return [_review(myth, publisher) for myth in myths]


def _review(myth: Myth, publisher: str) -> dict[str, Any]:
    review: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "identifier": myth.id,
        "claimReviewed": myth.title("en"),
        "inLanguage": "en" if "en" in myth.claim else next(iter(myth.claim)),
        "author": {"@type": "Organization", "name": publisher},
        "reviewRating": {
            "@type": "Rating",
            "ratingValue": 1,
            "worstRating": 1,
            "bestRating": 5,
            "alternateName": "False",
        },
    }
    if myth.fact:
        review["reviewBody"] = myth.fact.get("en") or next(iter(myth.fact.values()))
    if myth.reviewed:
        review["datePublished"] = myth.reviewed
    if myth.sources:
        review["citation"] = [
            {
                "@type": "CreativeWork",
                "name": source.title,
                "publisher": {"@type": "Organization", "name": source.organisation},
                **({"url": source.url} if source.url else {}),
            }
            for source in myth.sources
        ]
    return review
