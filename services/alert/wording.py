"""The words that Slack, e-mail and the console share: spread, places, certainty, sparkline, the suggested answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from services.alert.cases import Case, CaseView, Harm, Myth, Status, Triage
from services.alert.names import called
from services.alert.texts import Said, _, count, language_name, later, ngettext, pgettext

ADVICE = Said({
    Triage.RESPOND: later("Respond"), Triage.MONITOR: later("Monitor"), Triage.IGNORE: later("Ignore"),
})  # fmt: skip
TRIAGE = Said({
    Triage.RESPOND: later("respond"), Triage.MONITOR: later("monitor"), Triage.IGNORE: later("ignore"),
})  # fmt: skip
# A colour and a shape, so that advice is told apart without seeing colours.
MARK = {Triage.RESPOND: "🔴", Triage.MONITOR: "🔶", Triage.IGNORE: "⚪"}
HARM = Said({
    Harm.HIGH: later("grave"), Harm.MODERATE: later("moderate"), Harm.LOW: later("low"),
    Harm.UNKNOWN: later("not assessed"),
})  # fmt: skip
PLATFORMS = {"bluesky": "Bluesky", "mastodon": "Mastodon", "http": "HTTP", "file": "file", "x": "X", "reddit": "Reddit"}
STATUS = Said({
    Status.OPEN: later("open"), Status.ACKNOWLEDGED: later("acknowledged"), Status.MUTED: later("muted"),
    Status.DISMISSED: later("dismissed"), Status.ANSWERED: later("answered"), Status.MERGED: later("merged"),
})  # fmt: skip
_BARS = "▁▂▃▄▅▆▇█"


def platform(name: str) -> str:
    """Name of a platform as people write it."""
    return PLATFORMS.get(name, name.capitalize() or _("unknown platform"))


def capital(words: str) -> str:
    """With a capital letter first, the rest as it is."""
    return f"{words[:1].upper()}{words[1:]}"


def shortened(text: str, most: int) -> str:
    """At most `most` characters, cut at a word where there is one."""
    text = text.strip()
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    at_word = cut.rsplit(None, 1)[0]
    return (at_word if len(at_word) > most * 0.7 else cut).rstrip() + "…"


def number(many: int, one: str, more: str) -> str:
    """ "1 post", "2,345 posts"."""
    return f"{count(many)} {ngettext(one, more, many)}"


def spread(case: Case) -> str:
    """ "21 posts by 14 accounts, 9 in the last hour"."""
    counts = case.counts
    if not counts.posts:
        return _("no posts left")
    return _("{posts} by {accounts}, {lately} in the last hour").format(
        posts=number(counts.posts, "post", "posts"), accounts=number(counts.authors, "account", "accounts"),
        lately=count(counts.last_hour),
    )  # fmt: skip


def trend(case: Case) -> str:
    """How the last hour compares with the one before."""
    now, before = case.counts.last_hour, case.counts.hour_before
    if now > before:
        return _("rising") if before else pgettext("trend", "new")
    return _("falling") if now < before else _("steady") if now else _("quiet")


def places(shares: Mapping[str, int], name: Callable[[str], str] = language_name, most: int = 4) -> str:
    """ "English 12, Dutch 6 and 2 more" of posts by language or platform."""
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    words = ", ".join(f"{name(code)} {count(posts)}" for code, posts in ranked[:most])
    left = len(ranked) - most
    return _("{words} and {more} more").format(words=words, more=left) if left > 0 else words


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
    if low == high:
        return _("Match with the known myth: {share}%").format(share=low)
    return _("Match with the known myth: {low}% to {high}%").format(low=low, high=high)


def source_line(myth: Myth) -> str:
    """The sources of the fact, without links."""
    return "; ".join(
        f"{source.organisation}, {source.title}" if source.title else source.organisation for source in myth.sources
    )


def standing(case: Case, person: str, until: str = "") -> str:
    """Where the case stands with people; `person` and `until` as the channel writes them; empty while open."""
    if case.status is Status.MERGED:
        words = _("Merged by {person} into case {case}") if person else _("Merged into case {case}")
        return words.format(person=person, case=case.merged_into[:8])
    if case.status in _STANDING:
        words = _("{standing} by {person}") if person else "{standing}"
        words = words.format(standing=_STANDING[case.status], person=person)
        return (
            _("{muted} until {time}").format(muted=words, time=until)
            if until and case.status is Status.MUTED
            else words
        )
    return _("Assigned to {person}").format(person=called(case.assigned_to)) if case.assigned_to else ""


_STANDING = Said({
    Status.ACKNOWLEDGED: later("Acknowledged"), Status.MUTED: later("Muted"),
    Status.DISMISSED: later("Judged not a myth"), Status.ANSWERED: later("Answered"),
})  # fmt: skip


def growth(case: Case) -> str:
    """ "doubles every 3 h", "2 times its usual pace", and what looks coordinated; empty when there is nothing to say."""
    counts = case.counts
    parts = [
        _("doubles every {span}").format(span=span(counts.doubling_ms)) if counts.doubling_ms else "",
        _("{times} times its usual pace").format(times=f"{counts.pace:.0f}") if counts.pace >= 2 else "",
        counts.coordinated.rstrip("."),
    ]
    words = "; ".join(part for part in parts if part)
    return f"{capital(words)}." if words else ""


def span(ms: int) -> str:
    """ "45 min", "5 h", "3 days"."""
    minutes = ms // 60_000
    if minutes < 90:
        return _("{minutes} min").format(minutes=max(1, minutes))
    hours = round(minutes / 60)
    return _("{hours} h").format(hours=hours) if minutes < 48 * 60 else number(round(minutes / 1440), "day", "days")
