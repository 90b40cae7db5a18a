"""Who is told of which case, in words, and who has the turn, over the API."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from fastapi import APIRouter, Depends

from services.alert.api.shapes import Shape
from services.alert.api.tokens import Bearer
from services.alert.console.team_page import place_words, rule_line
from services.alert.people import Person
from services.alert.store import Store


class RuleOut(Shape):
    """A rule of the routes file, in words."""

    name: str
    when: str
    tell: str
    hours: str
    then: str


class TeamOut(Shape):
    """`always`: who is told of everything while there is no routes file; `on_call`: who has the turn, by rota."""

    rules: list[RuleOut]
    on_call: dict[str, str]
    always: list[str]


def team_api(store: Store, bearer: Bearer, now_ms: Callable[[], int]) -> APIRouter:
    """`/team`."""
    router, looks = APIRouter(tags=["team"]), Depends(bearer.anybody)

    @router.get("/team", summary="Who is told of which case, and who has the turn")
    async def team(person: Person = looks) -> TeamOut:
        routing, now = store.rules.routing, now_ms()
        routes = routing.routes
        if routes is None:
            return TeamOut(rules=[], on_call={}, always=[place_words(one) for one in routing.always])
        turns = {name: routes.people[rota.on_call(now, routes.zone(rota))].name for name, rota in routes.rotas.items()}
        rules = [RuleOut(**dataclasses.asdict(rule_line(routes, rule))) for rule in routes.rules]
        return TeamOut(rules=rules, on_call=turns, always=[])

    return router
