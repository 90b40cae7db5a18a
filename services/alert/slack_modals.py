"""The forms that Slack shows for what a click alone can't say: why it is no myth, who handles it, where it was answered. Pure.

https://docs.slack.dev/surfaces/modals
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from services.alert.cases import HOUR_MS, Action, Decision
from services.alert.texts import Said, _, later

CALLBACK = "mythwatch_"
MOST_NOTE = 1_000
MOST_URL = 1_000
MUTES = Said({"1": later("1 hour"), "24": later("24 hours"), "168": later("7 days")})
_CASE = re.compile(r"[0-9a-z]{32}")
_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")
_View = dict[str, Any]

ASKS: Mapping[str, Action] = {
    "ask_not_a_myth": Action.NOT_A_MYTH,
    "ask_assign": Action.ASSIGN,
    "ask_mute": Action.MUTE,
    "ask_answered": Action.ANSWERED,
}
"""Buttons that open a form, by action_id."""


def form(action: Action, case_id: str) -> _View:
    """The modal that asks for what `action` needs; the case travels in its private_metadata."""
    title, blocks = _asked(action)
    return {
        "type": "modal", "callback_id": f"{CALLBACK}{action.value}", "private_metadata": case_id,
        "title": _plain(title), "submit": _plain(title), "close": _plain(_("Cancel")), "blocks": blocks,
    }  # fmt: skip


def not_allowed() -> _View:
    """The modal for somebody whose role doesn't let them decide."""
    why = _("That is for people whose role in Mythwatch lets them decide on cases. Ask your administrator.")
    return {
        "type": "modal", "callback_id": f"{CALLBACK}not_allowed", "title": _plain(_("Not yours to do")),
        "close": _plain(_("Close")), "blocks": [{"type": "section", "text": _plain(why)}],
    }  # fmt: skip


def submitted(payload: Mapping[str, Any]) -> Decision | dict[str, str]:
    """The decision of a view_submission, or what is wrong by block id. Raises ValueError for what no form of ours sends."""
    view = payload["view"]
    case_id, person = str(view["private_metadata"]), str(payload["user"]["id"])
    action = Action(str(view["callback_id"]).removeprefix(CALLBACK))
    if action not in ASKS.values() or not _CASE.fullmatch(case_id) or not person.isalnum() or len(person) > 64:
        raise ValueError("not a form of ours")
    values = view["state"]["values"]
    note = str(_value(values, "note") or "").strip().replace("\0", "")[:MOST_NOTE]
    decision = Decision(case_id, action, person, "slack", str(view["id"])[:64], note)
    if action is Action.NOT_A_MYTH:
        return decision if note else {"note": _("Say why it is not a myth, so that the classifier can learn from it.")}
    if action is Action.MUTE:
        hours = str(_value(values, "hours"))
        if hours not in MUTES:
            return {"hours": _("Choose for how long.")}
        return Decision(case_id, action, person, "slack", decision.act_id, note, int(hours) * HOUR_MS)
    if action is Action.ASSIGN:
        assignee = str(_value(values, "person"))
        if not _PERSON.fullmatch(assignee):
            return {"person": _("Choose somebody.")}
        return Decision(case_id, action, person, "slack", decision.act_id, note, assignee=assignee)
    url = str(_value(values, "url") or "").strip()
    if not is_web_address(url):
        return {"url": _("Give the address of the published answer, beginning with https://")}
    return Decision(case_id, action, person, "slack", decision.act_id, note, answer_url=url)


def is_web_address(url: str) -> bool:
    """May `url` be shown as a link to a published answer."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isprintable() and not any(sign in url for sign in ' <>"\\')
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= MOST_URL and plain


def _value(values: Mapping[str, Any], block: str) -> Any:
    """What was filled in, whatever the kind of element."""
    found = (values.get(block) or {}).get("value") or {}
    for name in ("value", "selected_user"):
        if found.get(name):
            return found[name]
    return (found.get("selected_option") or {}).get("value")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _input(block: str, label: str, element: dict[str, Any], *, optional: bool = False) -> dict[str, Any]:
    return {
        "type": "input", "block_id": block, "label": _plain(label), "optional": optional,
        "element": {"action_id": "value", **element},
    }  # fmt: skip


_NOTE = {"type": "plain_text_input", "multiline": True, "max_length": MOST_NOTE}


def _asked(action: Action) -> tuple[str, list[dict[str, Any]]]:
    """The title, which is on the button too, and the fields. Raises KeyError for what needs no form."""
    why = _input("note", _("Why?"), _NOTE, optional=True)
    if action is Action.NOT_A_MYTH:
        given = _("Given to the classifier. Nobody is told of this narrative again unless somebody reopens the case.")
        hint = {"type": "context", "elements": [{"type": "mrkdwn", "text": given}]}
        return _("Not a myth"), [_input("note", _("Why is it not a myth?"), _NOTE), hint]
    if action is Action.ASSIGN:
        return _("Assign"), [_input("person", _("Who handles it?"), {"type": "users_select"}), why]
    if action is Action.MUTE:
        hours = [{"text": _plain(words), "value": value} for value, words in MUTES.items()]
        choice = {"type": "static_select", "options": hours, "initial_option": hours[1]}
        return _("Mute"), [_input("hours", _("For how long?"), choice), why]
    if action is Action.ANSWERED:
        return _("Answered"), [_input("url", _("Where was it published?"), {"type": "url_text_input"}), why]
    raise KeyError(action)
