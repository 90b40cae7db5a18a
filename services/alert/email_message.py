"""A case as an e-mail: plain text and HTML that Outlook-like clients render (tables, inline styles). Pure.

One thread a case: follow-ups answer the first message. Everything from outside is escaped in the HTML by Jinja, and
no header takes a line break.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.alert import wording
from services.alert.cases import CaseView, Job, Status, Triage
from services.alert.mail_links import MailLinks
from services.alert.names import called
from services.alert.outages import Notice
from services.alert.responses import answer
from services.alert.subjects import subject
from services.alert.texts import _, language_name, moment, translate

_TEMPLATES = Path(__file__).with_name("templates")
_LOADER = FileSystemLoader(_TEMPLATES)
_HTML = Environment(loader=_LOADER, autoescape=True, undefined=StrictUndefined, auto_reload=False)
_TEXT = Environment(loader=_LOADER, autoescape=False, undefined=StrictUndefined, auto_reload=False)  # noqa: S701 plain text
for _templates in (_HTML, _TEXT):
    translate(_templates)
_COLOURS = {Triage.RESPOND: "#b3261e", Triage.MONITOR: "#8a5a00", Triage.IGNORE: "#5b6b75"}
MOST_SUBJECT = 150
MOST_QUOTE = 500
MOST_TEXT = 1_500


def compose(
    job: Job, view: CaseView, sender: str, console: str, language: str, links: MailLinks | None = None
) -> EmailMessage:
    """The e-mail for `job`; its Message-ID is the same however often it is made. With `links` it can be acted on without signing in."""
    words = _words(job, view, console, language)
    undecided = links is not None and view.case.status is Status.OPEN
    words["acts"] = links.offered(view.case.id, job.recipient, job.created_ms) if links and undecided else []
    message = EmailMessage(policy=SMTP)
    subject = wording.shortened(_("Myth alert: {claim}").format(claim=one_line(view.case.claim)), MOST_SUBJECT)
    message["Subject"] = f"Re: {subject}" if job.thread_id else subject
    message["From"] = Address("Mythwatch", addr_spec=sender)
    message["To"] = Address(addr_spec=job.recipient)
    message["Date"] = format_datetime(datetime.fromtimestamp(job.created_ms / 1000, UTC))
    message["Message-ID"] = message_id(job, sender)
    if job.thread_id:
        message["In-Reply-To"] = job.external_id
        message["References"] = " ".join(dict.fromkeys((job.thread_id, job.external_id)))
    # Out-of-office answers to alerts help nobody.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Mythwatch-Case"] = view.case.id
    message.set_content(_TEXT.get_template("alert.txt").render(words))
    message.add_alternative(_HTML.get_template("alert.html").render(words), subtype="html")
    return message


def mail_notice(notice: Notice, recipient: str, sender: str, console: str) -> EmailMessage:
    """That another channel fails or works again, as plain text; its Message-ID is the same however often it is made."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"Mythwatch: {one_line(notice.title)}"
    message["From"] = Address("Mythwatch", addr_spec=sender)
    message["To"] = Address(addr_spec=recipient)
    message["Date"] = format_datetime(datetime.fromtimestamp(notice.since_ms / 1000, UTC))
    message["Message-ID"] = f"<{notice.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(f"{notice.text}\n\n" + _("The console: {address}").format(address=console) + "\n")
    return message


def message_id(job: Job, sender: str) -> str:
    """Message-ID of a notification: from its id, so that a mail system recognises one that comes twice."""
    return f"<{job.id}@{sender.rpartition('@')[2]}>"


def one_line(text: str) -> str:
    """Without line breaks and control characters, for a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def web_address(url: str) -> str:
    """The address when it is http or https, otherwise nothing: no other scheme may be clicked."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.hostname else ""


def _words(job: Job, view: CaseView, console: str, language: str) -> dict[str, Any]:
    case, counts, myth = view.case, view.case.counts, view.myth
    facts = [(_("Spread"), wording.spread(case))]
    if line := wording.sparkline(view.hours):
        facts.append((_("Last 12 hours"), f"{line} ({wording.trend(case)})"))
    if growth := wording.growth(case):
        facts.append((_("Growth"), growth))
    if counts.posts:
        facts += [
            (_("Where"), wording.places(counts.platforms, wording.platform)),
            (_("Languages"), wording.places(counts.languages)),
        ]
    reason = f". {myth.harm_reason}" if myth is not None and myth.harm_reason else ""
    facts.append((_("Harm if believed"), wording.capital(wording.HARM[case.harm]) + reason))
    quotes = [
        {
            "lines": [line for line in wording.shortened(post.text, MOST_QUOTE).split("\n") if line.strip()],
            "origin": f"{wording.platform(post.platform)}, {language_name(post.language)}, {_when(post.seen_ms)}",
            "url": web_address(post.url),
        }
        for post in view.evidence
    ]
    sources = [
        {"words": f"{s.organisation}, {s.title}".strip(", "), "url": web_address(s.url)}
        for s in (myth.sources if myth else ())
    ]
    specialty = _("For: {specialty}.").format(specialty=subject(myth.specialty)) if myth and myth.specialty else ""
    found = answer(myth, view.responses, language)
    sure = f"{wording.certainty(view)}." if wording.certainty(view) else ""
    by = _("by {person}").format(person=called(found.approved.approver)) if found and found.approved else ""
    once = _("Mythwatch tells you once of each narrative, and again when the advice rises or the posts double.")
    return {
        "claim": case.claim, "advice": wording.ADVICE[case.triage], "colour": _COLOURS[case.triage],
        "why_now": job.reason if job.action != "post" else "", "triage_reason": case.triage_reason,
        "spread": wording.spread(case), "standing": wording.standing(case, called(case.decided_by), _when(case.muted_until_ms)),
        "facts": facts, "quotes": quotes, "sources": sources,
        "fact": wording.shortened(myth.in_language(myth.fact, language), MOST_TEXT) if myth else "",
        "why_misleading": wording.shortened(myth.why_misleading, MOST_TEXT) if myth else "",
        "answer": found.text if found else "",
        "answer_title": _("Approved answer") if found and found.approved else _("Suggested answer"),
        "answer_note": by or _("check and adapt it"),
        "case_url": f"{console}/cases/{case.id}",
        "footer": " ".join(part for part in (sure, specialty, once) if part),
    }  # fmt: skip


def _when(at_ms: int) -> str:
    return moment(at_ms) if at_ms > 0 else ""
