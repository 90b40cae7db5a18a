"""How the console says times, links and people. Pure; the page's script says the same times in the reader's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from services.alert.cases import DAY_MS, HOUR_MS
from services.alert.myth_versions import VersionState
from services.alert.people import Role
from services.alert.texts import Said, _, date, later, ngettext, second
from services.alert.wording import number

_MINUTE_MS = 60_000
ROLES = Said({
    Role.VIEWER: later("viewer"), Role.OFFICER: later("officer"), Role.CLINICIAN: later("clinician"), Role.ADMIN: later("admin"),
})  # fmt: skip
VERSION_STATES = Said({
    VersionState.PROPOSED: later("proposed"), VersionState.APPROVED: later("approved"),
    VersionState.REPLACED: later("replaced"), VersionState.WITHDRAWN: later("withdrawn"),
})  # fmt: skip


def ago(at_ms: int, now_ms: int) -> str:
    """ "just now", "5 min ago", "3 h ago", "2 days ago", "in 23 h", "12 Oct 2026"; empty without a time."""
    if at_ms <= 0:
        return ""
    gone = now_ms - at_ms
    if gone < -_MINUTE_MS:
        return _("in {span}").format(span=_length(-gone)) if -gone < 14 * DAY_MS else date(at_ms)
    if gone < _MINUTE_MS:
        return _("just now")
    return _("{span} ago").format(span=_length(gone)) if gone < 14 * DAY_MS else date(at_ms)


def for_script() -> dict[str, str | list[str]]:
    """What the page's script says, in the language of the page; a list has the words for one and for many."""
    return {
        "minutes": _("{minutes} min"), "hours": _("{hours} h"), "in": _("in {span}"), "now": _("just now"), "ago": _("{span} ago"),
        "days": [ngettext("{number} day", "{number} days", count) for count in (1, 2)],
        "chosen": [
            ngettext("Decide on {number} chosen narrative", "Decide on {number} chosen narratives", count)
            for count in (1, 2)
        ],
        "away": _("The console can't be reached. What you see may be old; it is tried again by itself."),
        "unchanged": _("Nothing was changed: the console can't be reached. Try again."), "copied": _("Copied"),
        "tooLong": _("{count} characters: {over} too many"), "fits": _("{count} of {limit} characters"),
    }  # fmt: skip


def length(span_ms: int) -> str:
    """ "45 min", "6 h", "1 day", "12 weeks"."""
    return _length(span_ms) if span_ms < 60 * DAY_MS else number(span_ms // (7 * DAY_MS), "week", "weeks")


def exact(at_ms: int) -> str:
    """ "21 Nov 2026, 14:05:09 UTC"."""
    return second(at_ms) if at_ms > 0 else ""


def iso(at_ms: int) -> str:
    """For machines, in `datetime` attributes."""
    return _utc(at_ms).strftime("%Y-%m-%dT%H:%M:%SZ")


def percent(share: float) -> str:
    """ "91%"; never "100%" for something that is not certain."""
    return f"{min(99, round(100 * share)) if share < 1 else 100}%"


def web_link(url: str) -> str:
    """`url` when it is an ordinary web address; empty for anything else (javascript:, data:, relative, broken)."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return ""
    odd = any(ord(sign) <= 0x20 or ord(sign) == 0x7F for sign in url) or "\\" in url
    return "" if odd or parts.scheme.lower() not in ("http", "https") or not host or len(url) > 2_000 else url


def site(url: str) -> str:
    """The host of a web address, as people name a site."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def pseudonym(author: str) -> str:
    """Enough of a pseudonym to tell authors of one case apart."""
    return author[:8]


def _length(span_ms: int) -> str:
    if span_ms < HOUR_MS:
        return _("{minutes} min").format(minutes=max(1, span_ms // _MINUTE_MS))
    if span_ms < DAY_MS:
        return _("{hours} h").format(hours=span_ms // HOUR_MS)
    return number(span_ms // DAY_MS, "day", "days")


def _utc(at_ms: int) -> datetime:
    # The year 9999 is as far as a date goes.
    return datetime.fromtimestamp(min(max(at_ms, 0), 253_402_300_799_000) / 1000, UTC)
