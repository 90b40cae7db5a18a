"""Who does what here: what is muted, who is told of which case, who has the turn, and who may do what. To read, but for mutes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.alert.cases import Destination, Harm, Triage
from services.alert.console.pages import page
from services.alert.console.sign_in import Door
from services.alert.hours import Hours
from services.alert.outages import NAMES
from services.alert.people import MAY, Role
from services.alert.routes import EVERY_DAY, Person, Routes, Rule, When
from services.alert.store import Store
from services.alert.subjects import subject
from services.alert.texts import Said, _, language_name, later
from services.alert.wording import HARM, TRIAGE, capital

_ROLE_WORDS = Said(
    {
        Role.VIEWER: later("looks"),
        Role.OFFICER: later("decides, merges, writes answers and myths"),
        Role.CLINICIAN: later("decides, writes and approves answers and myths"),
        Role.ADMIN: later("everything"),
    }
)
assert set(_ROLE_WORDS) == set(MAY)
_DAYS = Said({
    "mon": later("Mon"), "tue": later("Tue"), "wed": later("Wed"), "thu": later("Thu"), "fri": later("Fri"),
    "sat": later("Sat"), "sun": later("Sun"),
})  # fmt: skip


@dataclass(frozen=True)
class RuleLine:
    """A rule of the routes in words."""

    name: str
    when: str
    tell: str
    hours: str
    then: str


def team_router(store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/team`."""
    router = APIRouter()

    @router.get("/team")
    async def team(request: Request) -> Response:
        session = door.session(request)
        routing, now = store.rules.routing, now_ms()
        people = [] if door.people.alone else sorted(door.people.people.values(), key=lambda one: one.name.casefold())
        routes = routing.routes
        return page(
            "team.html", here="team", session=session, csrf=door.sessions.csrf_token(session), may=door.may(session),
            mutes=await store.mute_desk.in_force(now), people=[(one, _ROLE_WORDS[one.role]) for one in people],
            always=[place_words(one) for one in routing.always], routes=routes, now_ms=now,
            **(_shown(routes, now) if routes else {}),
        )  # fmt: skip

    return router


def _shown(routes: Routes, now_ms: int) -> dict[str, Any]:
    rotas = []
    for name, rota in sorted(routes.rotas.items()):
        turn = rota.on_call(now_ms, routes.zone(rota))
        rotas.append((name, routes.people[turn].name))
    told = [(one.name, quiet(one, routes)) for one in routes.people.values()]
    return {"rules": [rule_line(routes, rule) for rule in routes.rules], "rotas": rotas, "told": told}


def rule_line(routes: Routes, rule: Rule) -> RuleLine:
    """In words; names of people as they are called."""

    def named(names: list[str]) -> str:
        return ", ".join(routes.people[one].name if one in routes.people else one for one in names)

    then = []
    if rule.escalate:
        then.append(
            _("after {span} without an answer also {people}").format(
                span=_span(rule.escalate.after), people=named(rule.escalate.to)
            )
        )
    if rule.at_night:
        then.append(_("also in quiet hours"))
    if rule.last:
        then.append(_("no further rules"))
    return RuleLine(rule.name, when_words(rule.when), named(rule.tell), hours_words(rule), "; ".join(then))


def when_words(when: When) -> str:
    """Which cases a rule is about."""
    either = _(" or ")
    parts = [
        f"{called} {either.join(shown(one) for one in any_of)}"
        for name, called, shown in (
            ("specialty", _("specialty"), subject),
            ("topic", _("topic"), subject),
            ("language", _("language"), language_name),
            ("harm", _("harm"), lambda one: HARM[Harm(one)]),
            ("advice", _("advice"), lambda one: TRIAGE[Triage(one)]),
        )
        if (any_of := getattr(when, name))
    ]
    return "; ".join(parts) or _("every case")


def hours_words(rule: Rule) -> str:
    """When a rule tells people."""
    days = "" if rule.days == EVERY_DAY else ", ".join(_DAYS[day] for day in rule.days)
    return ", ".join(part for part in (days, str(rule.hours) if rule.hours else "") if part) or _("at any time")


def quiet(person: Person, routes: Routes) -> str:
    """When somebody is left in peace."""
    hours: Hours | None = person.quiet_hours
    return (
        _("quiet {hours} ({zone})").format(hours=hours, zone=routes.zone(person).key) if hours else _("no quiet hours")
    )


def place_words(place: Destination) -> str:
    """A place that is told of everything while there are no routes."""
    return f"{capital(NAMES[place.channel])}: {place.recipient}"


def _span(ms: int) -> str:
    minutes = ms // 60_000
    if minutes < 120:
        return _("{minutes} min").format(minutes=minutes)
    return _("{hours} h").format(hours=minutes // 60)
