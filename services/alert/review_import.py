"""Fact-checkers' reviews (schema.org ClaimReview) as a start for myths. Pure.

A review is not trusted: only publishers on the list are taken, and what is taken is no myth before a person has added topic, harm
and wording, proposed it, and another has approved it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from services.alert.myth_form import MOST, MOST_LINE
from services.alert.responses import LANGUAGES
from services.alert.texts import _
from services.stream.claim_review import Review

MOST_SHOWN = 200
"""Reviews of one file that are offered; more are named as left out."""


@dataclass(frozen=True)
class Offer:
    """A review of a publisher on the list, and what a form begins with."""

    review: Review
    values: dict[str, str]


@dataclass(frozen=True)
class Offers:
    """What becomes of a file: offers, publishers that are not on the list with the number of their reviews, and how many are too many."""

    offers: tuple[Offer, ...]
    refused: dict[str, int]
    left_out: int


def offers(reviews: Sequence[Review], publishers: Collection[str]) -> Offers:
    """`publishers`: names, or hosts of their addresses, as the setting has them; letters' case doesn't matter."""
    known = {one.casefold() for one in publishers}
    taken: list[Offer] = []
    refused: dict[str, int] = {}
    for review in reviews:
        if known & {review.publisher.casefold(), _host(review.url)} - {""}:
            taken.append(Offer(review, form_values(review)))
        else:
            name = review.publisher or _("no publisher named")
            refused[name] = refused.get(name, 0) + 1
    return Offers(tuple(taken[:MOST_SHOWN]), refused, max(0, len(taken) - MOST_SHOWN))


def form_values(review: Review) -> dict[str, str]:
    """What the form of a new myth shows of a review; a language that the form lacks goes to English, to be translated."""
    code = review.language if review.language in LANGUAGES else "en"
    source = " | ".join(part for part in (review.publisher, review.source_title.replace("|", "/"), review.url) if part)
    return {
        f"claim_{code}": review.claim[: MOST["claim"]],
        f"fact_{code}": review.fact[: MOST["fact"]],
        "said_as": " ".join(review.title.split())[:MOST_LINE],
        "sources": " ".join(source.split())[:MOST_LINE],
    }


def _host(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")
