"""The inbox: cases by urgency, filtered, and kept up to date by the page's script."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.alert.cases import Action, Status, Triage
from services.alert.console import queries
from services.alert.console.pages import digest, page
from services.alert.console.queries import Inbox, Wanted
from services.alert.console.session import Session
from services.alert.console.sign_in import Door
from services.alert.store import Store
from services.alert.texts import Said, _, later
from services.alert.wording import number

STEP = 50
MOST = 1_000
MOST_SEARCH = 200
DONE = Said(
    {
        Action.ACKNOWLEDGE: later("acknowledged"),
        Action.MUTE: later("muted"),
        Action.NOT_A_MYTH: later("judged not a myth"),
        Action.REOPEN: later("reopened"),
    }
)


def wanted_of(parameters: Any) -> Wanted:
    """What an address asks for; what it asks for wrongly is left at its default."""
    status, triage = parameters.get("status", Status.OPEN.value), parameters.get("triage", "")
    shown = parameters.get("most", "")
    return Wanted(
        status=None if status == "all" else Status(status) if status in set(Status) else Status.OPEN,
        triage=Triage(triage) if triage in set(Triage) else None,
        search=parameters.get("q", "").replace("\0", "")[:MOST_SEARCH].strip(),
        most=min(MOST, max(STEP, int(shown))) if shown.isascii() and shown.isdigit() and len(shown) < 9 else STEP,
    )


def address_of(wanted: Wanted, path: str = "/", **changes: Any) -> str:
    """Address of the inbox with `wanted`, changed by `changes` (status, triage, search, most), or with what was just done."""
    values = {"status": wanted.status, "triage": wanted.triage, "search": wanted.search, "most": wanted.most} | changes
    query: dict[str, Any] = {}
    if values["status"] is not Status.OPEN:
        query["status"] = values["status"].value if values["status"] else "all"
    if values["triage"]:
        query["triage"] = values["triage"].value
    if values["search"]:
        query["q"] = values["search"]
    if values["most"] != STEP:
        query["most"] = values["most"]
    query |= {name: values[name] for name in ("seen", "did", "of") if values.get(name)}
    return f"{path}?{urlencode(query)}" if query else path


def inbox_router(store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/` and `/live/inbox`."""
    router = APIRouter()

    @router.get("/")
    async def inbox(request: Request) -> Response:
        session = door.session(request)
        wanted = wanted_of(request.query_params)
        found = await queries.inbox(store, wanted, now_ms())
        csrf = door.sessions.csrf_token(session)
        return page(
            "inbox.html", here="inbox", session=session, csrf=csrf, act=secrets.token_urlsafe(12),
            news=_news(request.query_params), **_shown(session, wanted, found),
        )  # fmt: skip

    @router.get("/live/inbox")
    async def live(request: Request) -> Response:
        session = door.session(request)
        wanted = wanted_of(request.query_params)
        found = await queries.inbox(store, wanted, now_ms())
        shown = _shown(session, wanted, found)
        if request.query_params.get("seen") == shown["seen"]:
            return Response(status_code=204)
        headers = {} if "seen" in request.query_params else {"HX-Replace-Url": address_of(wanted)}
        return page("_inbox.html", headers=headers, **shown)

    def _shown(session: Session, wanted: Wanted, found: Inbox) -> dict[str, Any]:
        seen = digest(wanted, found.rows, sorted(found.counts.items()))
        return {
            "wanted": wanted, "inbox": found, "address": address_of, "step": STEP, "seen": seen, "now_ms": now_ms(),
            "may": door.may(session),
        }  # fmt: skip

    return router


def _news(parameters: Any) -> str:
    """What the form that led here did, in words; empty without one."""
    did, of = parameters.get("did", ""), parameters.get("of", "")
    if did not in DONE or not (of.isascii() and of.isdigit() and len(of) < 5):
        return ""
    return _("{narratives} {done}.").format(
        narratives=number(int(of), "narrative", "narratives"), done=DONE[Action(did)]
    )
