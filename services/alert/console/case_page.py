"""One case: what is claimed, what is advised and why, the fact, the posts, and what people decide about it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.alert.cases import HOUR_MS, Action, CaseView, Decision, Status
from services.alert.console import answer_forms, queries, words
from services.alert.console.errors import Refused, is_script
from services.alert.console.pages import digest, page
from services.alert.console.sign_in import Door
from services.alert.console.spread import span_for
from services.alert.mutes import covering
from services.alert.people import Act
from services.alert.store import Store
from services.alert.texts import _, count

STEP = 25
MOST = 2_000
MOST_NOTE = 1_000
_ID = re.compile(r"[0-9a-f]{1,64}")
# Cases that one may be merged into, most urgent first.
MOST_OTHERS = 200
_MERGEABLE = (Status.OPEN, Status.ACKNOWLEDGED, Status.MUTED, Status.ANSWERED)
# What the form may ask for, in hours.
MUTES = {"1h": 1, "24h": 24, "7d": 7 * 24}


class CasePage:
    """What the page of a case shows. `draft_within_ms`: how long a model may take to draft an answer; 0: none drafts."""

    def __init__(
        self, store: Store, door: Door, now_ms: Callable[[], int], language: str, draft_within_ms: int = 0
    ) -> None:
        self._store, self._door, self._now_ms, self._language = store, door, now_ms, language
        self._draft_within_ms = draft_within_ms

    async def values(self, request: Request, case_id: str, answer_language: str = "") -> dict[str, Any]:
        """All that the templates need, for whoever is signed in; raises Refused where there is no such case."""
        session = self._door.session(request)
        may = self._door.may(session)
        wanted = answer_language or request.query_params.get("answer", "")
        shown = await self._shown(case_id, _most(request), wanted)
        return {"session": session, "csrf": self._door.sessions.csrf_token(session), "may": may, **shown}

    async def _shown(self, case_id: str, most: int, wanted: str) -> dict[str, Any]:
        store, now = self._store, self._now_ms()
        view = await store.view(case_id, now) if _ID.fullmatch(case_id) else None
        if view is None:
            raise _no_such_case()
        posts = await store.posts(case_id, most + 1)
        span = span_for(view.case.counts.first_seen_ms or now, now)
        counts = await queries.over_time(store, case_id, span, now)
        others = [one for one in await store.inbox(_MERGEABLE, limit=MOST_OTHERS) if one.id != case_id]
        history, tellings = await store.history(case_id), await store.tellings(case_id)
        topic = view.myth.topic if view.myth else ""
        mutes = covering(view.case.myth_id, topic, await store.mute_desk.in_force(now))
        return {
            "view": view, "case": view.case, "myth": view.myth, "posts": posts[:most], "more": len(posts) > most,
            "most": most, "step": STEP, "span": span, "counts": counts, "history": history, "tellings": tellings, "others": others,
            "mutes": mutes,
            "fact": _fact(view, self._language), "now_ms": now, **await self._answers(view, wanted, now),
            "act": secrets.token_urlsafe(12), "seen": digest(view, posts, counts, history, tellings, others, mutes),
        }  # fmt: skip

    async def _answers(self, view: CaseView, wanted: str, now: int) -> dict[str, Any]:
        responses = await self._store.responses(view.case.myth_id)
        codes = answer_forms.languages_of(view.myth, responses)
        code = (
            wanted
            if wanted in codes
            else self._language
            if self._language in codes
            else next(iter(codes), self._language)
        )
        since = await answer_forms.since(self._store, view.case, now) if view.case.answered_ms else None
        return {
            "answers": answer_forms.shown(view.myth, responses, code, now), "answer_language": code,
            "answer_languages": codes, "proposals": answer_forms.proposals(responses), "since": since,
            "draft_within_ms": self._draft_within_ms, "drafted": None,
        }  # fmt: skip


def case_router(case_page: CasePage, store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/cases/ID`, `/live/cases/ID` and `/cases/ID/decisions`."""
    router = APIRouter()

    @router.get("/cases/{case_id}")
    async def case(request: Request, case_id: str) -> Response:
        return page("case.html", **await case_page.values(request, case_id))

    @router.get("/live/cases/{case_id}")
    async def live(request: Request, case_id: str) -> Response:
        shown = await case_page.values(request, case_id)
        if request.query_params.get("seen") == shown["seen"]:
            return Response(status_code=204)
        return page("_case.html", **shown)

    @router.post("/cases/{case_id}/decisions")
    async def decide(request: Request, case_id: str) -> Response:
        person = door.person(request, Act.DECIDE)
        form = await door.form(request)
        decision = decision_of(case_id, form, person.id)
        if not _ID.fullmatch(case_id) or await store.decide(decision, now_ms()) is None:
            raise _no_such_case()
        if not is_script(request):
            return RedirectResponse(f"/cases/{case_id}", 303)
        return page("_decided.html", decision=decision, **await case_page.values(request, case_id))

    return router


def decision_of(case_id: str, form: dict[str, str], person: str) -> Decision:
    """The decision that a form asks for; raises Refused when it makes no sense."""
    wish, note, act = form.get("action", ""), form.get("note", "").strip(), form.get("act", "")
    if wish not in set(Action) or not 1 <= len(act) <= 64:
        raise Refused(400, _("Nothing was changed: the form was not complete. Reload the page and try again."))
    action = Action(wish)
    if len(note) > MOST_NOTE or "\0" in note:
        raise Refused(
            400, _("Nothing was changed: a reason has at most {most} characters.").format(most=count(MOST_NOTE))
        )
    if action is Action.NOT_A_MYTH and not note:
        raise Refused(
            400, _("Nothing was changed: say why it is not a myth, so that the classifier can learn from it.")
        )
    if action is Action.ANSWERED:
        url = words.web_link(form.get("answer_url", ""))
        if not url:
            raise Refused(
                400, _("Nothing was changed: give the address of the published answer, beginning with https://.")
            )
        return Decision(case_id, action, person, "console", act, note, answer_url=url)
    if action is Action.ASSIGN:
        assignee = form.get("assignee", "").strip()
        if not 0 < len(assignee) <= 100 or not assignee.isprintable():
            raise Refused(400, _("Nothing was changed: say whom to assign it to."))
        return Decision(case_id, action, person, "console", act, note, assignee=assignee)
    if action is not Action.MUTE:
        return Decision(case_id, action, person, "console", act, note)
    if form.get("mute") not in MUTES:
        raise Refused(400, _("Nothing was changed: a case is muted for 1 hour, 24 hours or 7 days."))
    return Decision(case_id, action, person, "console", act, note, MUTES[form["mute"]] * HOUR_MS)


def _most(request: Request) -> int:
    shown = request.query_params.get("most", "")
    return min(MOST, max(STEP, int(shown))) if shown.isascii() and shown.isdigit() and len(shown) < 9 else STEP


def _no_such_case() -> Refused:
    return Refused(404, _("There is no such case. It may have been removed, or the address is not complete."))


def _fact(view: CaseView, language: str) -> str:
    return view.myth.in_language(view.myth.fact, language) if view.myth else ""
