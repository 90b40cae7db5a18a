"""Reads schema.org ClaimReview, the format in which fact-checkers publish, and lines of {"id", "text"}.

What comes from outside is not trusted: its size, the number of its reviews and the length of its texts are limited, addresses must be
https, and nothing in it is ever fetched or run. A JSON array, one object, a `@graph`, JSON lines and Google's feed are read.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_REVIEWS = 100_000
MAX_CLAIM_CHARACTERS = 2_000
MAX_ID_CHARACTERS = 200
MAX_TITLE = 300
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LANGUAGE = re.compile(r"^[a-z]{2,3}(-[A-Za-z0-9-]{1,30})?$")


class ClaimReviewError(ValueError):
    """The file can't be used. The message names the file, the entry, the field and the fix."""


@dataclass(frozen=True)
class Review:
    """One review; what is empty was not given. `language`: its base code, und when not given; `url` begins with https."""

    id: str
    claim: str
    language: str
    title: str = ""
    fact: str = ""
    publisher: str = ""
    source_title: str = ""
    url: str = ""
    published: str = ""


def parse_reviews(text: str, name: str = "myths") -> list[Review]:
    """Reviews in order; `name` stands in the error messages. Raises ClaimReviewError."""
    found: dict[str, Review] = {}
    for place, entry in _entries(text, name):
        where = f"{name}, {place}"
        review = _from_entry(entry, where)
        if review.id in found and found[review.id] != review:
            raise ClaimReviewError(f"{where}: id {review.id!r} is used twice for different claims")
        found[review.id] = review
        if len(found) > MAX_REVIEWS:
            raise ClaimReviewError(f"{name}: more than {MAX_REVIEWS} myths; split it")
    if not found:
        raise ClaimReviewError(f'{name}: no myths; expected ClaimReview objects or lines of {{"id", "text"}}')
    return list(found.values())


def _entries(text: str, name: str) -> Iterator[tuple[str, Any]]:
    stripped = text.strip()
    try:
        whole = json.loads(stripped) if stripped else []
    except RecursionError:
        raise ClaimReviewError(f"{name}: nested too deeply") from None
    except json.JSONDecodeError as error:
        if stripped.startswith("["):
            raise ClaimReviewError(f"{name}, line {error.lineno}: not JSON ({error.msg})") from None
        yield from _lines(text, name)
        return
    if isinstance(whole, dict) and isinstance(whole.get("@graph"), list):
        whole = whole["@graph"]
    for place, entry in enumerate(whole if isinstance(whole, list) else [whole], start=1):
        yield f"entry {place}", entry


def _lines(text: str, name: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield f"line {number}", json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            raise ClaimReviewError(f"{name}, line {number}: not JSON ({reason})") from None


def _from_entry(entry: Any, where: str) -> Review:
    if not isinstance(entry, dict):
        raise ClaimReviewError(f"{where}: must be an object")
    review = entry
    if "claimReviewed" not in entry and isinstance(entry.get("claimReview"), list | dict):
        # Google's Fact Check feed and API wrap reviews: {"text": ..., "claimReview": [...]}.
        review = {"claimReviewed": entry.get("text"), **_first(entry["claimReview"])}
    field = "claimReviewed" if "claimReviewed" in review else "text"
    claim = _clean(review.get(field), f"{where}: {field}")
    language = review.get("inLanguage") or review.get("language") or "und"
    if isinstance(language, dict):
        language = language.get("alternateName") or "und"
    if not isinstance(language, str) or not _LANGUAGE.match(language):
        language = "und"
    title = review.get("title") or review.get("headline") or review.get("name")
    body, published = review.get("reviewBody"), review.get("datePublished")
    publisher, source_title, url = _publisher(review)
    return Review(
        id=_identifier(review, claim, where),
        claim=claim,
        language=language.split("-")[0],
        title=plain_text(title).strip() if isinstance(title, str) and 0 < len(title.strip()) <= MAX_TITLE else "",
        fact=_clean(body, f"{where}: reviewBody") if isinstance(body, str) and body.strip() else "",
        publisher=publisher,
        source_title=source_title,
        url=url,
        published=str(published)[:10] if isinstance(published, str) else "",
    )


def _identifier(review: dict[str, Any], claim: str, where: str) -> str:
    for name in ("id", "identifier", "@id", "url"):
        value = review.get(name)
        if isinstance(value, dict):
            value = value.get("value")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            if len(value) > MAX_ID_CHARACTERS or _CONTROL.search(value):
                raise ClaimReviewError(f"{where}: {name} must be at most {MAX_ID_CHARACTERS} plain characters")
            return value.strip()
    return "claim-" + hashlib.sha256(claim.encode()).hexdigest()[:16]


def _publisher(review: dict[str, Any]) -> tuple[str, str, str]:
    """Name of the publisher, of the document, and its address."""
    name = _first(review.get("author") or review.get("publisher")).get("name")
    if not isinstance(name, str) or not name.strip():
        return "", "", ""
    url = review.get("url")
    safe = isinstance(url, str) and url.startswith("https://") and len(url) <= MAX_CLAIM_CHARACTERS
    title = review.get("name") or review.get("headline") or review.get("title")
    return _short(name), _short(title if isinstance(title, str) else "Fact check"), str(url) if safe else ""


def _first(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        value = value[0] if value else {}
    return value if isinstance(value, dict) else {}


def _clean(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ClaimReviewError(f"{where}: must be a text that is not empty")
    if len(value) > MAX_CLAIM_CHARACTERS:
        raise ClaimReviewError(f"{where}: longer than {MAX_CLAIM_CHARACTERS} characters")
    return plain_text(value).strip()


def plain_text(text: str) -> str:
    """NFC text without control characters and without halves of surrogate pairs (which JSON can smuggle in)."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _CONTROL.sub(" ", unicodedata.normalize("NFC", whole))


def _short(text: str) -> str:
    return plain_text(text).strip()[:300]
