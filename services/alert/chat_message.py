"""A case, a digest or an outage in plain words, for chat services that Mythwatch can't edit. Pure.

No post is quoted: what is sent there can't be taken back when its author deletes it. The case page has them.
"""

from __future__ import annotations

from services.alert import wording
from services.alert.cases import CaseView, Job
from services.alert.digest import Contents, sections, title
from services.alert.digest_rows import DigestJob
from services.alert.names import called
from services.alert.texts import _

MOST_TITLE = 150
MOST_FACT = 600


def case_text(job: Job, view: CaseView, console: str, language: str) -> tuple[str, str]:
    """(title, text) about a case."""
    case, myth = view.case, view.myth
    lines = [case.triage_reason]
    if job.action != "post":
        lines.append(f"{wording.capital(job.reason)}.")
    lines.append(
        _("{spread}. Harm if believed: {harm}.").format(spread=wording.spread(case), harm=wording.HARM[case.harm])
    )
    if growth := wording.growth(case):
        lines.append(growth)
    if myth is not None and myth.fact:
        lines.append(
            _("The fact: {fact}").format(fact=wording.shortened(myth.in_language(myth.fact, language), MOST_FACT))
        )
    if standing := wording.standing(case, called(case.decided_by)):
        lines.append(f"{standing}.")
    lines.append(_("Posts, drafts and decisions: {address}").format(address=f"{console}/cases/{case.id}"))
    return wording.shortened(f"{wording.ADVICE[case.triage]}: {case.claim}", MOST_TITLE), "\n\n".join(lines)


def digest_text(job: DigestJob, contents: Contents, console: str) -> tuple[str, str]:
    """(title, text) of a digest."""
    lines = []
    for name, found, more in sections(contents):
        shown = [
            f"- {wording.shortened(one.claim, 120)} ({wording.number(one.posts, 'post', 'posts')})" for one in found
        ]
        lines.append("\n".join([name, *shown, *([_("- and {more} more").format(more=more)] if more else [])]))
    return wording.shortened(title(job.due.weekly, contents), MOST_TITLE), "\n\n".join(
        [*lines, _("The console: {address}").format(address=console)]
    )
