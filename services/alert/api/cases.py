"""Cases over the API: looking, deciding, merging, answering."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query

from services.alert.api.shapes import (
    AnswerIn,
    AnswerOut,
    CaseOut,
    CasesOut,
    CaseWithMyth,
    ChangeOut,
    DecisionIn,
    MergeIn,
    MythOut,
    PostOut,
    SplitIn,
    TellingOut,
    UndoIn,
)
from services.alert.api.tokens import Bearer
from services.alert.cases import HOUR_MS, Action, CaseView, Decision, Status, Triage
from services.alert.console import queries
from services.alert.console.case_page import MUTES
from services.alert.console.queries import Wanted
from services.alert.console.words import web_link
from services.alert.merging import Act as Act_
from services.alert.people import Act, Person
from services.alert.response_rows import Proposal
from services.alert.store import Store

MOST = 200
VIA = "api"
Case = Annotated[str, Path(pattern=r"^[0-9a-f]{1,64}$", description="id of the case")]
Key = Annotated[
    str, Header(alias="Idempotency-Key", max_length=64, description="the same for every try of one request")
]


def case_api(store: Store, bearer: Bearer, now_ms: Callable[[], int]) -> APIRouter:
    """`/cases` and what is under it."""
    router = APIRouter(tags=["cases"])
    looks = Depends(bearer.anybody)
    decides, arranges, proposes, approves = (
        Depends(bearer.may(act)) for act in (Act.DECIDE, Act.ARRANGE, Act.PROPOSE, Act.APPROVE)
    )

    @router.get("/cases", summary="The inbox, most urgent first")
    async def inbox(
        person: Person = looks,
        status: Annotated[Status | None, Query(description="none: any")] = None,
        triage: Triage | None = None,
        q: Annotated[str, Query(max_length=200, description="words of the claim")] = "",
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
    ) -> CasesOut:
        found = await queries.inbox(store, Wanted(status, triage, q.replace("\0", "").strip(), limit), now_ms())
        return CasesOut(cases=[CaseOut.of(row.case) for row in found.rows], total=found.count(status, triage))

    @router.get("/cases/{case_id}", summary="One case with its myth")
    async def one(case_id: Case, person: Person = looks) -> CaseWithMyth:
        view = await _view(case_id)
        myth = MythOut.of(view.myth) if view.myth else None
        return CaseWithMyth(**CaseOut.of(view.case).model_dump(), myth=myth, hours=list(view.hours))

    @router.get("/cases/{case_id}/posts", summary="Its posts, latest first")
    async def posts(
        case_id: Case,
        person: Person = looks,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> list[PostOut]:
        await _view(case_id)
        return [PostOut.of(post) for post in await store.posts(case_id, limit, offset)]

    @router.get("/cases/{case_id}/history", summary="Its audit log, latest first")
    async def history(case_id: Case, person: Person = looks) -> list[ChangeOut]:
        await _view(case_id)
        return [
            ChangeOut(at_ms=entry.at_ms, who=entry.who, via=entry.via, what=entry.what, why=entry.why)
            for entry in await store.history(case_id)
        ]

    @router.get("/cases/{case_id}/tellings", summary="Who was told, where, and whether it arrived, latest first")
    async def tellings(case_id: Case, person: Person = looks) -> list[TellingOut]:
        await _view(case_id)
        return [TellingOut.of(one) for one in await store.tellings(case_id)]

    @router.post("/cases/{case_id}/decisions", summary="Acknowledge, mute, judge, assign, answer or reopen")
    async def decide(case_id: Case, wish: DecisionIn, person: Person = decides, idempotency_key: Key = "") -> CaseOut:
        act = idempotency_key or secrets.token_urlsafe(12)
        decided = await store.decide(_decision(case_id, wish, person.id, act), now_ms())
        if decided is None:
            raise _none(case_id)
        return CaseOut.of(decided.case)

    @router.post("/cases/{case_id}/merge", summary="Give its posts, and later ones, to another case")
    async def merge(case_id: Case, wish: MergeIn, person: Person = arranges, idempotency_key: Key = "") -> CaseOut:
        await store.merge(case_id, wish.into, _act(person, idempotency_key, wish.why), now_ms())
        return CaseOut.of((await _view(wish.into)).case)

    @router.post("/cases/{case_id}/unmerge", summary="Undo a merge")
    async def unmerge(case_id: Case, wish: UndoIn, person: Person = arranges, idempotency_key: Key = "") -> CaseOut:
        await store.unmerge(case_id, _act(person, idempotency_key, wish.why), now_ms())
        return CaseOut.of((await _view(case_id)).case)

    @router.post("/cases/{case_id}/split", summary="Give some posts, and later ones like them, a case of their own")
    async def split(case_id: Case, wish: SplitIn, person: Person = arranges, idempotency_key: Key = "") -> CaseOut:
        new = await store.split(case_id, wish.posts, _act(person, idempotency_key, wish.why), now_ms())
        return CaseOut.of((await _view(new)).case)

    @router.get("/cases/{case_id}/answers", summary="Answers proposed and approved for its myth")
    async def answers(case_id: Case, person: Person = looks) -> list[AnswerOut]:
        view = await _view(case_id)
        return [AnswerOut.of(one) for one in await store.responses(view.case.myth_id)]

    @router.post("/cases/{case_id}/answers", summary="Propose an answer", status_code=201)
    async def propose(case_id: Case, wish: AnswerIn, person: Person = proposes, idempotency_key: Key = "") -> AnswerOut:
        view, act = await _view(case_id), idempotency_key or secrets.token_urlsafe(12)
        proposal = Proposal(view.case.myth_id, wish.language, wish.place, wish.text, person.id, act)
        return AnswerOut.of(await store.propose(proposal, now_ms()))

    @router.post("/cases/{case_id}/answers/{answer_id}/approve", summary="Put an answer in force")
    async def approve(case_id: Case, answer_id: Case, person: Person = approves) -> list[AnswerOut]:
        view = await _view(case_id)
        await store.approve(answer_id, view.case.myth_id, person.id, now_ms())
        return [AnswerOut.of(one) for one in await store.responses(view.case.myth_id)]

    @router.post("/cases/{case_id}/answers/{answer_id}/withdraw", summary="Take an answer back")
    async def withdraw(case_id: Case, answer_id: Case, person: Person = approves) -> list[AnswerOut]:
        view = await _view(case_id)
        await store.withdraw(answer_id, view.case.myth_id, now_ms())
        return [AnswerOut.of(one) for one in await store.responses(view.case.myth_id)]

    async def _view(case_id: str) -> CaseView:
        found = await store.view(case_id, now_ms())
        if found is None:
            raise _none(case_id)
        return found

    return router


def _none(case_id: str) -> HTTPException:
    return HTTPException(404, f"there is no case {case_id}")


def _act(person: Person, key: str, why: str) -> Act_:
    return Act_(person.id, VIA, key or secrets.token_urlsafe(12), why.strip())


def _decision(case_id: str, wish: DecisionIn, person: str, act: str) -> Decision:
    """Raises HTTPException naming the field that is missing or wrong."""
    if wish.action is Action.NOT_A_MYTH and not wish.note.strip():
        raise HTTPException(400, "note: say why it is not a myth, so that the classifier can learn from it")
    if wish.action is Action.ASSIGN and not (wish.assignee.strip() and wish.assignee.isprintable()):
        raise HTTPException(400, "assignee: say whom to assign it to")
    url = web_link(wish.answer_url)
    if wish.action is Action.ANSWERED and not url:
        raise HTTPException(400, "answer_url: the address of the published answer, beginning with https://")
    if wish.action is Action.MUTE and wish.mute_hours not in MUTES.values():
        raise HTTPException(400, "mute_hours: 1, 24 or 168")
    return Decision(
        case_id, wish.action, person, VIA, act, wish.note.strip(), wish.mute_hours * HOUR_MS,
        assignee=wish.assignee.strip() if wish.action is Action.ASSIGN else "",
        answer_url=url if wish.action is Action.ANSWERED else "",
    )  # fmt: skip
