"""Is a notification due on this channel? A pure decision that returns its reason.

One message per case and channel: posted once when the case is worth telling, edited as it grows. Editing is silent, so
Slack's message is kept true, and its thread says when the advice rises; an e-mail or a chat message interrupts and cannot be edited,
so follow-ups come only when it matters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from services.alert.cases import Case, Channel, Harm, Status, Triage
from services.alert.texts import _
from services.alert.wording import STATUS, TRIAGE, number


@dataclass(frozen=True)
class DueRules:
    """From when on people are told, and how often at most; intervals in milliseconds."""

    min_posts: int = 3
    min_authors: int = 2
    high_harm_posts: int = 2
    edit_interval_ms: int = 20_000
    email_interval_ms: int = 900_000


@dataclass(frozen=True)
class Told:
    """What people see now on one channel: the message as it was last confirmed."""

    posts: int
    triage: Triage
    status: Status
    decided_ms: int
    muted_until_ms: int
    myth_digest: str
    sent_ms: int
    lost_evidence: bool = False  # it quotes a post that has been deleted, edited or taken out of the case


@dataclass(frozen=True)
class Due:
    """What is to be done, from when on (ms UTC), and why; `urgent` goes out before other notifications."""

    action: Literal["none", "post", "update", "rise"]  # rise: an update that people are told of
    reason: str
    at_ms: int = 0
    urgent: bool = False


def due(channel: Channel, case: Case, told: Told | None, rules: DueRules, now_ms: int, muted: str = "") -> Due:
    """What is due on `channel` for `case`; `told` is None when nothing was told there yet; `muted`: why nobody is to be told
    anew, which leaves what they see true all the same."""
    if muted and (told is None or channel in (Channel.EMAIL, Channel.CHAT)):
        return Due("none", muted)
    if told is None:
        return _first(case, rules, now_ms)
    if channel in (Channel.EMAIL, Channel.CHAT):
        return _follow_up(case, told, rules, now_ms)
    what = _edit(case, told, rules, now_ms)
    silenced = muted or case.status in (Status.DISMISSED, Status.MUTED, Status.MERGED) or not case.counts.posts
    rises = case.triage.rank > told.triage.rank and what.action == "update" and not silenced
    return replace(what, action="rise") if rises else what


def _first(case: Case, rules: DueRules, now_ms: int) -> Due:
    counts = case.counts
    posts = number(counts.posts, "post", "posts")
    spread = _("{posts} by {authors}").format(posts=posts, authors=number(counts.authors, "author", "authors"))
    if case.status is not Status.OPEN:
        return Due("none", _standing(case))
    if case.triage is Triage.IGNORE:
        return Due("none", _("the advice is to ignore it: shown in the console only"))
    if case.harm is Harm.HIGH and counts.posts >= rules.high_harm_posts:
        return Due("post", _("{posts} of a narrative that could do grave harm").format(posts=posts), now_ms)
    if counts.posts >= rules.min_posts and counts.authors >= rules.min_authors:
        return Due("post", spread, now_ms)
    if case.triage is Triage.RESPOND:
        return Due("post", _("the advice is to respond"), now_ms)
    return Due("none", _("only {spread}").format(spread=spread))


def _edit(case: Case, told: Told, rules: DueRules, now_ms: int) -> Due:
    if told.lost_evidence:
        return Due("update", _("a quoted post was deleted, edited or taken back"), now_ms, urgent=True)
    if case.counts.posts == 0 and told.posts > 0:
        return Due("update", _("no post is left in the case"), now_ms, urgent=True)
    if (case.status, case.decided_ms, case.muted_until_ms) != (told.status, told.decided_ms, told.muted_until_ms):
        return Due("update", _("the case is now {status}").format(status=STATUS[case.status]), now_ms, urgent=True)
    if case.status in (Status.DISMISSED, Status.MUTED, Status.MERGED):
        return Due("none", _standing(case))
    if case.triage is not told.triage:
        return Due("update", _moved(told.triage, case.triage), now_ms)
    at_ms = max(now_ms, told.sent_ms + rules.edit_interval_ms)
    if case.counts.posts != told.posts:
        return Due(
            "update",
            _("now {posts}, {shown} when last shown").format(
                posts=number(case.counts.posts, "post", "posts"), shown=told.posts
            ),
            at_ms,
        )
    if case.myth_digest != told.myth_digest:
        return Due("update", _("the knowledge base says more about the myth"), at_ms)
    return Due("none", _("nothing changed that the message shows"))


def _follow_up(case: Case, told: Told, rules: DueRules, now_ms: int) -> Due:
    if case.status in (Status.DISMISSED, Status.MUTED, Status.MERGED):
        return Due("none", _standing(case))
    if case.triage.rank > told.triage.rank:
        return Due("update", _moved(told.triage, case.triage), now_ms)
    if case.status in (Status.ACKNOWLEDGED, Status.ANSWERED):
        return Due("none", _("somebody has taken it up"))
    if told.posts > 0 and case.counts.posts >= 2 * told.posts:
        at_ms = max(now_ms, told.sent_ms + rules.email_interval_ms)
        return Due(
            "update", _("posts doubled: {before} to {now}").format(before=told.posts, now=case.counts.posts), at_ms
        )
    return Due("none", _("no rise of the advice and no doubling since the last e-mail"))


def _standing(case: Case) -> str:
    return _("the case is {status}").format(status=STATUS[case.status])


def _moved(before: Triage, now: Triage) -> str:
    rose = now.rank > before.rank
    words = _("the advice rose from {before} to {now}") if rose else _("the advice fell from {before} to {now}")
    return words.format(before=TRIAGE[before], now=TRIAGE[now])
