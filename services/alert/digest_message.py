"""A digest as a Slack message and as an e-mail. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.alert import wording
from services.alert.digest import Contents, sections, title
from services.alert.digest_rows import DigestJob
from services.alert.slack_blocks import fitting, link
from services.alert.texts import _, pgettext, translate

_LOADER = FileSystemLoader(Path(__file__).with_name("templates"))
_HTML = Environment(loader=_LOADER, autoescape=True, undefined=StrictUndefined, auto_reload=False)
_TEXT = Environment(loader=_LOADER, autoescape=False, undefined=StrictUndefined, auto_reload=False)  # noqa: S701 plain text
for _templates in (_HTML, _TEXT):
    translate(_templates)
MOST_CLAIM = 120


def slack_digest(job: DigestJob, contents: Contents, console: str) -> tuple[str, list[dict[str, Any]]]:
    """(text, blocks): a header, a section for each kind of case, and the console's address."""
    words = title(job.due.weekly, contents)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": wording.shortened(words, 150), "emoji": True}}
    ]
    opening = pgettext("link", "open")
    for name, lines, more in sections(contents):
        shown = [
            f"{wording.MARK[one.triage]} {fitting(one.claim, MOST_CLAIM)} · {wording.number(one.posts, 'post', 'posts')}"
            f" · {link(f'{console}/cases/{one.id}', opening)}"
            for one in lines
        ]
        shown += [_("and {more} more").format(more=more)] if more else []
        text = {"type": "mrkdwn", "text": "\n".join([f"*{name}*", *shown])[:3_000], "verbatim": True}
        blocks.append({"type": "section", "text": text})
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": link(console, _("Open the console"))}]})
    return words, blocks


def mail_digest(job: DigestJob, contents: Contents, sender: str, console: str) -> EmailMessage:
    """The same as an e-mail; its Message-ID is the same however often it is made."""
    words = title(job.due.weekly, contents)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = f"Mythwatch: {words}"
    mail["From"] = Address("Mythwatch", addr_spec=sender)
    mail["To"] = Address(addr_spec=job.due.destination.recipient)
    mail["Date"] = format_datetime(datetime.fromtimestamp(job.due.until_ms / 1000, UTC))
    mail["Message-ID"] = digest_message_id(job, sender)
    # Whoever keeps the routes takes people off; a reply to the sender asks for it.
    mail["List-Unsubscribe"] = f"<mailto:{sender}?subject=unsubscribe%20from%20the%20digest>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    values = {
        "title": words, "sections": sections(contents), "console": console, "advice": wording.ADVICE,
        "number": wording.number, "dismissed": contents.dismissed,
    }  # fmt: skip
    mail.set_content(_TEXT.get_template("digest.txt").render(values))
    mail.add_alternative(_HTML.get_template("digest.html").render(values), subtype="html")
    return mail


def digest_message_id(job: DigestJob, sender: str) -> str:
    """Message-ID of a digest."""
    return f"<{job.id}@{sender.rpartition('@')[2]}>"
