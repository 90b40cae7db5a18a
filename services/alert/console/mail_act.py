"""Where the links in e-mails lead: a page that says what will happen, and a button that does it. Nobody has to sign in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.alert.cases import Action, CaseView, Decision
from services.alert.console.case_page import MOST_NOTE
from services.alert.console.errors import Refused
from services.alert.console.pages import page
from services.alert.mail_links import MailAct, MailLinks
from services.alert.store import Store
from services.alert.texts import _, count
from services.stream.logs import log


def mail_act_router(store: Store, links: MailLinks, now_ms: Callable[[], int]) -> APIRouter:
    """`/act/TOKEN`."""
    router = APIRouter()

    @router.get("/act/{token}")
    async def ask(token: str) -> Response:
        act, view = await _opened(token)
        return page("mail_act.html", act=act, view=view, token=token, done=False, most_note=MOST_NOTE, now_ms=now_ms())

    @router.post("/act/{token}")
    async def do(request: Request, token: str) -> Response:
        act, view = await _opened(token)
        note = str((await request.form(max_files=0)).get("note", "")).strip()
        if len(note) > MOST_NOTE or "\0" in note or (act.action is Action.NOT_A_MYTH and not note):
            raise Refused(
                400,
                _("Nothing was changed: say why it is not a myth, in at most {most} characters.").format(
                    most=count(MOST_NOTE)
                ),
            )
        decision = Decision(
            act.case_id, act.action, act.person, "e-mail", hashlib.sha256(token.encode()).hexdigest()[:32], note
        )  # fmt: skip
        decided = await store.decide(decision, now_ms())
        log.info(
            "decided",
            action="decide",
            what=act.action.value,
            case_id=act.case_id,
            via="e-mail",
            known=decided is not None,
        )
        found = await store.view(act.case_id, now_ms()) or view
        return page("mail_act.html", act=act, view=found, token=token, done=True, most_note=MOST_NOTE, now_ms=now_ms())

    async def _opened(token: str) -> tuple[MailAct, CaseView]:
        act = links.open(token, now_ms() / 1000)
        if act is None:
            raise Refused(
                403,
                _(
                    "Nothing was changed: the link is not complete, or older than a week. Open the case in the console instead."
                ),
                _("The link is too old"),
            )
        view = await store.view(act.case_id, now_ms())
        if view is None:
            raise Refused(404, _("There is no such case any more."))
        return act, view

    return router
