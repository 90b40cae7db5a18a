"""Digests: a summary, morning or weekly, of what wasn't told one by one and of what is open. Pure; holds no text of a post."""

from __future__ import annotations

from dataclasses import dataclass

from services.alert.cases import DAY_MS, HOUR_MS, Destination, Status, Triage
from services.alert.hours import clock, latest
from services.alert.routes import Routes
from services.alert.texts import _, pgettext
from services.alert.wording import number

TOO_LATE_MS = 12 * HOUR_MS
"""A digest that could not be made for so long is left to the next one."""

MOST_LINES = 15


@dataclass(frozen=True)
class DueDigest:
    """One digest for one place. `until_ms`: when it is due; it is about the time since `since_ms`."""

    weekly: bool
    destination: Destination
    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class CaseLine:
    """A case in a digest."""

    id: str
    claim: str
    triage: Triage
    status: Status
    posts: int
    why: str = ""


@dataclass(frozen=True)
class Contents:
    """What a digest says. `held_back`: cases the place would have been told of, but for its daily cap."""

    held_back: tuple[CaseLine, ...]
    open: tuple[CaseLine, ...]  # new or grown since, nobody has taken them up
    answered: tuple[CaseLine, ...]
    posts: int  # flagged since
    cases: int  # opened since
    dismissed: int  # judged not a myth since

    @property
    def is_empty(self) -> bool:
        """Nothing worth a message."""
        return not (self.held_back or self.open or self.answered or self.posts)


def due_digests(routes: Routes, now_ms: int) -> list[DueDigest]:
    """The digests of the latest time that one was due."""
    digest = routes.digest
    if digest is None:
        return []
    days = set(digest.days) | ({digest.weekly} if digest.weekly else set())
    at_ms = latest(now_ms, routes.zone(), clock(digest.at), days)
    if not at_ms or now_ms - at_ms > TOO_LATE_MS:
        return []
    weekly = digest.weekly is not None and latest(now_ms, routes.zone(), clock(digest.at), [digest.weekly]) == at_ms
    # Back to the digest before: over the weekend on a Monday.
    before = latest(at_ms - 1, routes.zone(), clock(digest.at), days)
    since_ms = at_ms - 7 * DAY_MS if weekly or not before else before
    places = dict.fromkeys(d for name in digest.to for d in routes.who(name, at_ms)[1].destinations)
    return [DueDigest(weekly, place, since_ms, at_ms) for place in places]


def title(weekly: bool, contents: Contents) -> str:
    """ "The week in myths: 12 new cases, 3 answered"."""
    name = _("The week in myths") if weekly else _("Since the last digest")
    parts = [number(contents.cases, "new case", "new cases"), number(contents.posts, "post", "posts")]
    if contents.answered:
        parts.append(number(len(contents.answered), "answered", "answered"))
    return f"{name}: {', '.join(parts)}"


def sections(contents: Contents) -> list[tuple[str, list[CaseLine], int]]:
    """(heading, lines, how many more), without the empty ones."""
    parts = (
        (_("Not told one by one, because of the daily cap"), contents.held_back),
        (_("Open: nobody has taken these up"), contents.open),
        (pgettext("cases", "Answered"), contents.answered),
    )
    return [(name, list(lines[:MOST_LINES]), max(0, len(lines) - MOST_LINES)) for name, lines in parts if lines]
