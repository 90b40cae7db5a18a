"""Answers that were proposed and approved for a myth: which one is in force, and what may become of each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.alert.cases import DAY_MS, Myth
from services.alert.drafting import draft
from services.alert.lengths import LIMITS, NAMES, length
from services.alert.texts import _
from services.alert.texts import count as written

EXPIRES_AFTER_MS = 365 * DAY_MS
"""Medicine moves on: a year after its approval an answer is looked at again."""

LANGUAGES = ("en", "nl", "de", "es", "fr")


class ResponseState(StrEnum):
    """Where an answer stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REPLACED = "replaced"  # a later version was approved
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Response:
    """One wording of an answer; times are milliseconds UTC."""

    id: str
    myth_id: str
    language: str
    place: str  # what it fits, of lengths.LIMITS
    text: str
    version: int
    state: ResponseState
    author: str
    approver: str
    proposed_ms: int
    approved_ms: int
    expires_ms: int


@dataclass(frozen=True)
class Answer:
    """What to answer with; `approved` None: a draft, to be checked."""

    text: str
    approved: Response | None = None


def problem(text: str, language: str, place: str) -> str:
    """Why a proposal can't be taken, with the fix; empty when it can."""
    if language not in LANGUAGES:
        return f"language: one of {', '.join(LANGUAGES)}"
    if place not in LIMITS:
        return f"length: one of {', '.join(LIMITS)}"
    if not text.strip() or "\0" in text:
        return _("text: empty; write the answer")
    count = length(text, place)
    if count > LIMITS[place]:
        return _("text: {length} characters as {place} counts them; at most {most}").format(
            length=written(count), place=NAMES[place], most=written(LIMITS[place])
        )
    return ""


def in_force(responses: Sequence[Response], language: str, place: str, now_ms: int) -> Response | None:
    """The approved answer for a language and place that has not expired."""
    for one in responses:
        matches = one.state is ResponseState.APPROVED and (one.language, one.place) == (language, place)
        if matches and now_ms < one.expires_ms:
            return one
    return None


def answer(
    myth: Myth | None, responses: Sequence[Response], language: str, place: str = "long", now_ms: int = 0
) -> Answer | None:
    """The approved answer, else a draft from the knowledge base; None where there is neither.

    `now_ms` 0: `responses` are those in force.
    """
    if found := in_force(responses, language, place, now_ms):
        return Answer(found.text, found)
    text = draft(myth, language, place) if myth is not None else ""
    return Answer(text) if text else None
