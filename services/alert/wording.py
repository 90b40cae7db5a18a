"""The words that Slack, e-mail and the console share: spread, places, certainty, sparkline, the suggested answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from services.alert.cases import Case, CaseView, Harm, Myth, Status, Triage

ADVICE = {Triage.RESPOND: "Respond", Triage.MONITOR: "Monitor", Triage.IGNORE: "Ignore"}
# A colour and a shape, so that advice is told apart without seeing colours.
MARK = {Triage.RESPOND: "🔴", Triage.MONITOR: "🔶", Triage.IGNORE: "⚪"}
HARM = {Harm.HIGH: "grave", Harm.MODERATE: "moderate", Harm.LOW: "low", Harm.UNKNOWN: "not assessed"}
LANGUAGES = {
    "ar": "Arabic", "da": "Danish", "de": "German", "en": "English", "es": "Spanish", "fi": "Finnish", "fr": "French",
    "it": "Italian", "ja": "Japanese", "nl": "Dutch", "no": "Norwegian", "pl": "Polish", "pt": "Portuguese",
    "ru": "Russian", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian", "zh": "Chinese", "und": "unknown language",
}  # fmt: skip
PLATFORMS = {"bluesky": "Bluesky", "mastodon": "Mastodon", "http": "HTTP", "file": "file", "x": "X", "reddit": "Reddit"}
_BARS = "▁▂▃▄▅▆▇█"


def language(code: str) -> str:
    """Name of a language, or its code."""
    return LANGUAGES.get(code, code or LANGUAGES["und"])


def platform(name: str) -> str:
    """Name of a platform as people write it."""
    return PLATFORMS.get(name, name.capitalize() or "unknown platform")


def shortened(text: str, most: int) -> str:
    """At most `most` characters, cut at a word where there is one."""
    text = text.strip()
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    at_word = cut.rsplit(None, 1)[0]
    return (at_word if len(at_word) > most * 0.7 else cut).rstrip() + "…"


def number(count: int, one: str, many: str) -> str:
    """ "1 post", "2,345 posts"."""
    return f"{count:,} {one if count == 1 else many}"


def spread(case: Case) -> str:
    """ "21 posts by 14 accounts, 9 in the last hour"."""
    counts = case.counts
    words = f"{number(counts.posts, 'post', 'posts')} by {number(counts.authors, 'account', 'accounts')}"
    return f"{words}, {counts.last_hour:,} in the last hour" if counts.posts else "no posts left"


def trend(case: Case) -> str:
    """How the last hour compares with the one before."""
    now, before = case.counts.last_hour, case.counts.hour_before
    if now > before:
        return "rising" if before else "new"
    return "falling" if now < before else "steady" if now else "quiet"


def places(shares: Mapping[str, int], name: Mapping[str, str] | None = None, most: int = 4) -> str:
    """ "English 12, Dutch 6 and 2 more" of posts by language or platform."""
    named = LANGUAGES if name is None else name
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    words = ", ".join(f"{named.get(code, code or 'unknown')} {count:,}" for code, count in ranked[:most])
    left = len(ranked) - most
    return f"{words} and {left} more" if left > 0 else words


def sparkline(hours: Sequence[int], last: int = 12) -> str:
    """Posts an hour of the last hours, oldest first, as bars; empty without posts."""
    shown = list(hours[-last:])
    top = max(shown, default=0)
    if not top:
        return ""
    return "".join(_BARS[0] if not count else _BARS[max(1, round(count / top * 7))] for count in shown)


def certainty(view: CaseView) -> str:
    """How surely the quoted posts are about the myth, one sentence; empty without posts."""
    scores = [round(100 * post.match_score) for post in view.evidence if post.match_score > 0]
    if not scores:
        return ""
    low, high = min(scores), max(scores)
    return f"Match with the known myth: {low}%" if low == high else f"Match with the known myth: {low}% to {high}%"


def source_line(myth: Myth) -> str:
    """The sources of the fact, without links."""
    return "; ".join(
        f"{source.organisation}, {source.title}" if source.title else source.organisation for source in myth.sources
    )


def standing(case: Case, person: str, until: str = "") -> str:
    """Where the case stands with people; `person` and `until` as the channel writes them; empty while open."""
    by = f" by {person}" if person else ""
    if case.status is Status.ACKNOWLEDGED:
        return f"Acknowledged{by}"
    if case.status is Status.MUTED:
        return f"Muted{by}" + (f" until {until}" if until else "")
    if case.status is Status.DISMISSED:
        return f"Judged not a myth{by}"
    if case.status is Status.ANSWERED:
        return f"Answered{by}"
    if case.status is Status.MERGED:
        return f"Merged{by} into case {case.merged_into[:8]}"
    return f"Assigned to {case.assigned_to}" if case.assigned_to else ""


def clock_time(at_ms: int) -> str:
    """ "21 Nov 2026, 14:05 UTC"."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%d %b %Y, %H:%M UTC").lstrip("0")


def growth(case: Case) -> str:
    """ "doubles every 3 h", "2 times its usual pace", and what looks coordinated; empty when there is nothing to say."""
    counts = case.counts
    parts = [
        f"doubles every {_span(counts.doubling_ms)}" if counts.doubling_ms else "",
        f"{counts.pace:.0f} times its usual pace" if counts.pace >= 2 else "",
        counts.coordinated.rstrip("."),
    ]
    words = "; ".join(part for part in parts if part)
    return f"{words[0].upper()}{words[1:]}." if words else ""


def _span(ms: int) -> str:
    minutes = ms // 60_000
    if minutes < 90:
        return f"{max(1, minutes)} min"
    return f"{round(minutes / 60)} h" if minutes < 48 * 60 else f"{round(minutes / 1440)} days"
