"""The officer's desk inside Slack: the slash command's answers and the App Home. Pure: Block Kit out of cases.

https://docs.slack.dev/surfaces/app-home, https://docs.slack.dev/interactivity/implementing-slash-commands
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from services.alert import wording
from services.alert.cases import Case
from services.alert.names import called
from services.alert.slack_blocks import fitting, link
from services.alert.texts import _, later, pgettext

MOST_CASES = 20
_ID = re.compile(r"[0-9a-f]{4,32}")
HELP = later(
    "*/mythwatch open* shows the open cases, most urgent first\n"
    "*/mythwatch case ID* shows one case (the first characters of its id do)\n"
    "*/mythwatch help* shows this"
)
_Block = dict[str, Any]


def wish_of(text: str) -> tuple[str, str]:
    """(what, which case) of a slash command's text: open, case or help."""
    words = text.strip().lower().split()
    if not words or words[0] == "open":
        return "open", ""
    if words[0] == "case" and len(words) == 2 and _ID.fullmatch(words[1]):
        return "case", words[1]
    return "help", ""


def listed(cases: Sequence[Case], more: int, console: str) -> list[_Block]:
    """Open cases as blocks; `more`: how many there are besides."""
    if not cases:
        return [_section(_("No case is open. Mythwatch tells you when a narrative is worth your time."))]
    blocks = [_row(case, console) for case in cases[:MOST_CASES]]
    if more > 0:
        blocks.append(
            _section(_("and {more} more in {console}").format(more=more, console=link(console, _("the console"))))
        )
    return blocks


def home(cases: Sequence[Case], more: int, console: str) -> dict[str, Any]:
    """The App Home: open cases with a button to take each up."""
    number = len(cases) + more
    title = wording.number(number, "open case", "open cases") if number else _("Nothing is open")
    blocks: list[_Block] = [{"type": "header", "text": {"type": "plain_text", "text": title, "emoji": True}}]
    for block, case in zip(listed(cases, more, console), [*cases[:MOST_CASES], None], strict=False):
        if case is not None:
            button = {
                "type": "button", "action_id": "acknowledge", "value": case.id,
                "text": {"type": "plain_text", "text": _("Acknowledge"), "emoji": False},
            }  # fmt: skip
            blocks.append({**block, "accessory": button})
        else:
            blocks.append(block)
    return {"type": "home", "blocks": blocks}


def answer(blocks: list[_Block], text: str) -> dict[str, Any]:
    """What a slash command is answered with: only the person who typed it sees it."""
    return {"response_type": "ephemeral", "text": text, "blocks": blocks}


def _row(case: Case, console: str) -> _Block:
    assigned = f" · {fitting(called(case.assigned_to), 60)}" if case.assigned_to else ""
    opening = pgettext("link", "open")
    return _section(
        f"{wording.MARK[case.triage]} *{fitting(case.claim, 200)}*\n{fitting(wording.spread(case), 200)}{assigned}"
        f" · {link(f'{console}/cases/{case.id}', opening)} · `{case.id[:8]}`"
    )


def _section(text: str) -> _Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:3_000], "verbatim": True}}
