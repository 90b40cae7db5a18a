"""The slash command and the App Home, answered from the store; whichever way Slack asks (signed requests, or Socket Mode)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from services.alert.cases import Case, Status
from services.alert.people import People
from services.alert.slack_blocks import message
from services.alert.slack_desk import HELP, MOST_CASES, answer, home, listed, wish_of
from services.alert.store import Store
from services.alert.texts import _
from services.stream.failures import NotReady
from services.stream.logs import log


class Homes(Protocol):
    """Shows the App Home to a person. Never raises for what Slack may answer."""

    async def publish(self, person: str, view: dict[str, Any]) -> None: ...


class SlackDesk:
    """`homes`: None where no App Home can be shown. `people`: who may look, None for everybody in the workspace."""

    def __init__(
        self,
        store: Store,
        homes: Homes | None,
        console: str,
        language: str,
        clock: Callable[[], float] = time.time,
        people: People | None = None,
    ) -> None:
        self._people = people
        self._store, self._homes, self._console, self._language, self._clock = store, homes, console, language, clock

    async def command(self, text: str, person: str = "") -> dict[str, Any]:
        """The answer to `/mythwatch TEXT`, always one."""
        if not self._may_look(person):
            return answer([], _("Mythwatch doesn't know you. Ask your administrator."))
        what, which = wish_of(text)
        try:
            return await self._answer(what, which)
        except NotReady as away:
            log.warning("command not answered", action="slack_command_away", why=str(away))
            return answer([], _("Mythwatch can't reach its database just now. Try again in a minute."))

    async def event(self, payload: dict[str, Any]) -> bool:
        """Show the App Home where it was opened; False when it could not be: Slack sends it again, and twice is harmless.

        Raises AttributeError for what is no event.
        """
        event = payload.get("event") or {}
        person = str(event.get("user", ""))
        if event.get("type") != "app_home_opened" or not person.isalnum() or self._homes is None:
            return True
        try:
            cases, more = await self._open_cases() if self._may_look(person) else ([], 0)
            await self._homes.publish(person, home(cases, more, self._console))
        except NotReady as away:
            log.warning("home not shown", action="slack_home_away", why=str(away))
            return False
        return True

    def _may_look(self, person: str) -> bool:
        return self._people is None or self._people.may_look_in_slack(person)

    async def _answer(self, what: str, which: str) -> dict[str, Any]:
        if what == "open":
            cases, more = await self._open_cases()
            return answer(listed(cases, more, self._console), _("Open cases"))
        if what == "case":
            found = [case for case in await self._store.inbox(limit=2_000) if case.id.startswith(which)]
            view = await self._store.view(found[0].id, int(self._clock() * 1000)) if len(found) == 1 else None
            if view is None:
                wrong = _("More than one case has an id that begins with that.")
                return answer([], wrong if found else _("No case has an id that begins with that."))
            text, blocks = message(view, self._console, self._language, buttons=False)
            return answer(blocks, text)
        return answer([{"type": "section", "text": {"type": "mrkdwn", "text": _(HELP)}}], _("Help"))

    async def _open_cases(self) -> tuple[list[Case], int]:
        cases = await self._store.inbox([Status.OPEN], limit=MOST_CASES)
        return cases, (await self._store.totals())[Status.OPEN] - len(cases)
