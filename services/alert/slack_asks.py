"""What a click or a form in Slack asks for, and doing it; whichever way Slack hands it over (signed requests, or Socket Mode)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from services.alert.cases import Action, Decision
from services.alert.people import People
from services.alert.slack_modals import ASKS, form, not_allowed, submitted
from services.alert.store import Store
from services.stream.failures import NotReady
from services.stream.logs import log

ACTIONS = {
    "acknowledge": Action.ACKNOWLEDGE,
    "not_a_myth": Action.NOT_A_MYTH,
    "mute_24h": Action.MUTE,
    "reopen": Action.REOPEN,
    "respond": Action.RESPOND,
}


class Malformed(ValueError):
    """Not a payload of Slack's; the message says what is missing."""


class Opener(Protocol):
    """Shows a form to whoever clicked. Never raises for what Slack may answer."""

    async def open(self, trigger_id: str, view: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Asked:
    """What an interaction asks for: decisions, a form to show, and what is wrong with a submitted form, by block id."""

    decisions: tuple[Decision, ...] = ()
    form: dict[str, Any] | None = None
    trigger_id: str = ""
    person: str = ""
    errors: dict[str, str] | None = None


def asked_of(payload: Any) -> Asked:
    """What an interaction's payload asks for; nothing for clicks that decide nothing (a link). Raises Malformed."""
    try:
        return _asked(payload)
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise Malformed(str(wrong)) from None


def _asked(payload: Any) -> Asked:
    if not isinstance(payload, dict):
        return Asked()
    if payload.get("type") == "view_submission":
        found = submitted(payload)
        if not isinstance(found, Decision):
            return Asked(errors=found)
        return Asked((found,), trigger_id=str(payload.get("trigger_id", "")), person=found.person)
    if payload.get("type") != "block_actions":
        return Asked()
    person = payload.get("user", {}).get("id")
    if not isinstance(person, str) or not 0 < len(person) <= 64 or not person.isalnum():
        raise ValueError("user.id: missing")
    decisions, wanted = [], None
    for action in payload.get("actions", []):
        name, case_id = str(action.get("action_id")), str(action.get("value", ""))
        if name not in ACTIONS and name not in ASKS:
            continue
        if len(case_id) != 32 or not case_id.isalnum():
            raise ValueError("value: not a case id")
        if name in ASKS:
            wanted = form(ASKS[name], case_id)
        else:
            decisions.append(Decision(case_id, ACTIONS[name], person, "slack", str(action.get("action_ts", ""))[:32]))
    return Asked(tuple(decisions), wanted, str(payload.get("trigger_id", "")), person)


async def do(
    store: Store, asked: Asked, opener: Opener | None, clock: Callable[[], float], people: People | None = None
) -> bool:
    """Show the form, record the decisions; False while the database is away. `people`: who may decide, None for everybody."""
    asks = asked.decisions or asked.form is not None
    if people is not None and asks and not people.may_decide_in_slack(asked.person):
        log.warning("refused in Slack", action="slack_not_allowed", person=asked.person)
        if opener is not None:
            await opener.open(asked.trigger_id, not_allowed())
        return True
    if asked.form is not None and opener is not None:
        await opener.open(asked.trigger_id, asked.form)
    return await _decide(store, asked.decisions, clock)


async def _decide(store: Store, decisions: Sequence[Decision], clock: Callable[[], float]) -> bool:
    """Apply them; False while the database is away."""
    try:
        for decision in decisions:
            decided = await store.decide(decision, int(clock() * 1000))
            log.info(
                "decided",
                action="decide",
                what=decision.action.value,
                case_id=decision.case_id,
                via="slack",
                known=decided is not None,
                repeated=decided is not None and decided.repeated,
            )
    except NotReady as away:
        log.warning("decision not taken", action="decide_away", why=str(away))
        return False
    return True
