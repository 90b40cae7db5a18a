"""A case as a Slack message: Block Kit blocks and the text of the notification. Pure.

Limits (https://docs.slack.dev/reference/block-kit/blocks): 50 blocks, 150 characters in a header, 3,000 in a section; the text of an
edited message 4,000. Everything from outside is escaped: no mention, no link and no formatting of a post comes alive.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from services.alert import wording
from services.alert.cases import CaseView, Myth, Post, Status
from services.alert.names import called
from services.alert.responses import Answer, answer
from services.alert.subjects import subject
from services.alert.texts import _, language_name, moment, pgettext

MOST_HEADER = 150
MOST_QUOTE = 600
MOST_TEXT = 900
_FORMATTING = re.compile(r"[*_~`]")
_SLACK_USER = re.compile(r"^[UW][A-Z0-9]{2,20}$")
_Block = dict[str, Any]


def message(view: CaseView, console: str, language: str, buttons: bool) -> tuple[str, list[_Block]]:
    """(text, blocks) for the case; `console` is the console's address, `buttons` whether clicks can be answered."""
    case = view.case
    text = fitting(f"{_title(view)} · {wording.spread(case)}", 600)
    if case.status is Status.DISMISSED:
        return text, _dismissed(view, console, buttons)
    blocks = [_header(view)]
    if standing := _standing(view):
        blocks.append(_context(standing))
    blocks.append(_section(fitting(case.triage_reason, 600)))
    blocks += [_spread(view), *_quotes(view), {"type": "divider"}]
    if view.myth is not None:
        blocks += _fact(view.myth, answer(view.myth, view.responses, language), language)
    blocks += [_certainty(view), _buttons(view, console, buttons)]
    return text, blocks


def rise(view: CaseView, reason: str) -> str:
    """What the thread says when the advice rises: no word of a post, because a reply is not edited when a post is deleted."""
    advice = wording.ADVICE[view.case.triage]
    return (
        f"{wording.MARK[view.case.triage]} *{advice}*: {fitting(reason, 200)}. {fitting(view.case.triage_reason, 600)}"
    )


def escaped(text: str) -> str:
    """Text as mrkdwn that shows exactly itself: nothing in it mentions, links or formats."""
    text = _entities(text)
    # A zero-width space beside it keeps a character from formatting, and from being seen as changed.
    return _FORMATTING.sub(lambda found: f"\u200b{found[0]}\u200b", text)


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fitting(text: str, most: int, escape: Callable[[str], str] = escaped) -> str:
    """As much of `text` as takes at most `most` characters once escaped; never cut within an escape."""
    room = most
    while len(shown := escape(wording.shortened(text, room))) > most:
        room = int(room * 0.8)
    return shown


def link(url: str, words: str) -> str:
    """A mrkdwn link to a web address, or nothing when `url` is not one. `words` are ours."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or len(url) > 1_000:
        return ""
    safe = quote(url.strip(), safe="/:?&=#%+,;@!$'()[]-._~").replace("&", "&amp;")
    return f"<{safe}|{words}>"


def _title(view: CaseView) -> str:
    case = view.case
    if case.status is Status.DISMISSED:
        return _("✖️ Not a myth: {claim}").format(claim=case.claim)
    return f"{wording.MARK[case.triage]} {wording.ADVICE[case.triage]}: {case.claim}"


def _header(view: CaseView) -> _Block:
    title = " ".join(_title(view).split())
    return {
        "type": "header",
        "text": {"type": "plain_text", "text": wording.shortened(title, MOST_HEADER), "emoji": True},
    }


def _standing(view: CaseView) -> str:
    case = view.case
    person = _person(case.decided_by)
    if case.status is Status.OPEN and case.assigned_to:
        return _("👤 Assigned to {person}").format(person=_person(case.assigned_to))
    mark = {
        Status.ACKNOWLEDGED: "✅ ",
        Status.MUTED: "🔕 ",
        Status.DISMISSED: "✖️ ",
        Status.ANSWERED: "💬 ",
        Status.MERGED: "🔗 ",
    }.get(case.status, "")
    words = wording.standing(case, person, _time(case.muted_until_ms))
    parts = [f"{mark}{words}" if words else "", _time(case.decided_ms) if words and case.decided_ms else ""]
    if case.assigned_to and case.status is not Status.OPEN:
        parts.append(_("assigned to {person}").format(person=_person(case.assigned_to)))
    if case.status is Status.ANSWERED:
        parts.append(link(case.answer_url, _("the answer")))
    return " · ".join(part for part in parts if part)


def _person(name: str) -> str:
    return f"<@{name}>" if _SLACK_USER.match(name) else fitting(called(name), 100)


def _spread(view: CaseView) -> _Block:
    case, counts = view.case, view.case.counts
    line = wording.sparkline(view.hours)
    title = _("*Spread*")
    if line:
        title = _("*Spread in 12 hours* ({trend})").format(trend=wording.trend(case)) + f"\n{line}"
    fields = [f"{title}\n{escaped(wording.spread(case))}"]
    if growth := wording.growth(case):
        fields[0] += f"\n{fitting(growth, 300)}"
    if counts.posts:
        where = fitting(wording.places(counts.platforms, wording.platform), 200)
        fields.append(_("*Where*") + f"\n{where}\n{fitting(wording.places(counts.languages), 200)}")
    harm = _("*Harm if believed*") + f"\n{wording.capital(wording.HARM[case.harm])}"
    if view.myth is not None and view.myth.harm_reason:
        harm += f". {fitting(view.myth.harm_reason, 400)}"
    return {"type": "section", "fields": [_mrkdwn(field[:2_000]) for field in [*fields, harm]]}


def _quotes(view: CaseView) -> list[_Block]:
    if not view.evidence:
        return [_section(_("_Every post that was quoted here has been deleted or taken back._"))]
    blocks: list[_Block] = []
    for post in view.evidence:
        blocks.append(_section(fitting(post.text, MOST_QUOTE, _quoted)))
        blocks.append(_context(" · ".join(part for part in _origin(post) if part)))
    return blocks


def _quoted(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(f"> {escaped(line)}" for line in lines) or "> …"


def _origin(post: Post) -> tuple[str, ...]:
    shares = wording.number(post.reposts, "repost", "reposts") if post.reposts else ""
    edited = _("edited") if post.edited else ""
    return (
        fitting(wording.platform(post.platform), 60), fitting(language_name(post.language), 60), _time(post.seen_ms), shares,
        edited, link(post.url, _("see the post")),
    )  # fmt: skip


def _fact(myth: Myth, found: Answer | None, language: str) -> list[_Block]:
    blocks = []
    if fact := myth.in_language(myth.fact, language):
        blocks.append(_section(_("*The fact*") + f"\n{fitting(fact, MOST_TEXT)}"))
    if sources := _sources(myth):
        blocks.append(_context(_("Source: {sources}").format(sources=sources)))
    if myth.why_misleading:
        why = fitting(myth.why_misleading, MOST_TEXT)
        blocks.append(_section(_("*Why it misleads*") + f"\n{why}"))
    if found is not None:
        # In a code block so that a phone copies it whole; it can't hold the end of one.
        plain = fitting(found.text, 2_400, lambda text: _entities(text.replace("`", "'")))
        title = _("*Suggested answer* (a draft: check and adapt it)")
        if found.approved is not None:
            title = _("*Approved answer* (by {person})").format(person=fitting(called(found.approved.approver), 100))
        blocks.append(_section(f"{title}\n```{plain}```"))
    return blocks


def _sources(myth: Myth) -> str:
    shown = []
    for source in myth.sources[:3]:
        words = fitting(f"{source.organisation}, {source.title}".strip(", "), 200)
        address = link(source.url, pgettext("link", "open"))
        shown.append(f"{words} ({address})" if address else words)
    return "; ".join(shown)


def _certainty(view: CaseView) -> _Block:
    specialty = subject(view.myth.specialty) if view.myth is not None else ""
    parts = [
        wording.certainty(view),
        _("For: {specialty}").format(specialty=fitting(specialty, 100)) if specialty else "",
        _("Case {id}").format(id=view.case.id[:8]),
    ]
    return _context(" · ".join(part for part in parts if part))


def _dismissed(view: CaseView, console: str, buttons: bool) -> list[_Block]:
    return [
        _header(view), _context(_standing(view)),
        _section(_("Nobody is told of this narrative again, however it grows, unless the case is reopened.")),
        _buttons(view, console, buttons),
    ]  # fmt: skip


def _buttons(view: CaseView, console: str, buttons: bool) -> _Block:
    case = view.case
    elements = []
    if buttons and case.status in (Status.OPEN, Status.ACKNOWLEDGED):
        if case.status is Status.OPEN:
            elements.append(_button("acknowledge", _("Acknowledge"), case.id, style="primary"))
        if case.assigned_to and case.status is Status.ACKNOWLEDGED:
            elements.append(_button("ask_answered", _("Answered…"), case.id, style="primary"))
        else:
            elements.append(_button("respond", _("I answer it"), case.id))
        elements.append(_button("ask_assign", _("Assign…"), case.id))
        elements.append(_button("ask_not_a_myth", _("Not a myth…"), case.id))
        elements.append(_button("ask_mute", _("Mute…"), case.id))
    elif buttons and case.status is not Status.MERGED:
        elements.append(_button("reopen", _("Reopen"), case.id))
    elements.append(_button("open", pgettext("button", "Open"), case.id, url=f"{console}/cases/{case.id}"))
    return {"type": "actions", "block_id": f"case_{case.id}", "elements": elements}


def _button(action: str, words: str, case_id: str, **more: Any) -> _Block:
    text = {"type": "plain_text", "text": words, "emoji": False}
    return {"type": "button", "action_id": action, "text": text, "value": case_id, **more}


def _time(at_ms: int) -> str:
    """A time in the reader's own time zone."""
    if at_ms <= 0:
        return ""
    fallback = moment(at_ms)
    return f"<!date^{at_ms // 1000}^{{date_short_pretty}} {{time}}|{fallback}>"


def _mrkdwn(text: str) -> _Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _section(text: str) -> _Block:
    return {"type": "section", "text": _mrkdwn(text[:3_000])}


def _context(text: str) -> _Block:
    return {"type": "context", "elements": [_mrkdwn(text[:3_000])]}
