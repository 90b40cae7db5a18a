"""How the console says times, links and people. Pure; the page's script says the same times in the reader's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from services.alert.cases import DAY_MS, HOUR_MS

_MINUTE_MS = 60_000


def ago(at_ms: int, now_ms: int) -> str:
    """ "just now", "5 min ago", "3 h ago", "2 days ago", "in 23 h", "12 Oct 2026"; empty without a time."""
    if at_ms <= 0:
        return ""
    gone = now_ms - at_ms
    if gone < -_MINUTE_MS:
        return f"in {_length(-gone)}" if -gone < 14 * DAY_MS else _day(at_ms)
    if gone < _MINUTE_MS:
        return "just now"
    return f"{_length(gone)} ago" if gone < 14 * DAY_MS else _day(at_ms)


def length(span_ms: int) -> str:
    """ "45 min", "6 h", "1 day", "12 weeks"."""
    return _length(span_ms) if span_ms < 60 * DAY_MS else f"{span_ms // (7 * DAY_MS)} weeks"


def exact(at_ms: int) -> str:
    """ "21 Nov 2026, 14:05:09 UTC"."""
    return _utc(at_ms).strftime("%d %b %Y, %H:%M:%S UTC").lstrip("0") if at_ms > 0 else ""


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
        return f"{max(1, span_ms // _MINUTE_MS)} min"
    if span_ms < DAY_MS:
        return f"{span_ms // HOUR_MS} h"
    days = span_ms // DAY_MS
    return f"{days} day{'s' if days != 1 else ''}"


def _utc(at_ms: int) -> datetime:
    # The year 9999 is as far as a date goes.
    return datetime.fromtimestamp(min(max(at_ms, 0), 253_402_300_799_000) / 1000, UTC)


def _day(at_ms: int) -> str:
    return _utc(at_ms).strftime("%d %b %Y").lstrip("0")
