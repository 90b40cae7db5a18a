"""What the desk did over a week, a month or a quarter; the same as a table to take away, without a word of those who posted."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.alert.cases import DAY_MS
from services.alert.console import words
from services.alert.console.pages import page
from services.alert.console.sign_in import Door
from services.alert.insight import Record, insight, records
from services.alert.store import Store
from services.alert.texts import Said, later

SPANS = Said({7: later("Last week"), 28: later("Last four weeks"), 90: later("Last quarter")})
MOST = 20_000
MOST_ANSWERED = 25
COLUMNS = (
    "case", "claim", "topic", "triage", "harm", "status", "posts", "accounts", "shares", "platforms", "languages",
    "first_seen", "last_seen", "told", "decided", "judged", "answered", "answer_url",
)  # fmt: skip


def insight_router(store: Store, door: Door, now_ms: Callable[[], int]) -> APIRouter:
    """`/insight` and `/insight.csv`."""
    router = APIRouter()

    @router.get("/insight")
    async def shown(request: Request) -> Response:
        session = door.session(request)
        days = _days(request)
        found = insight(await _records(days))
        return page(
            "insight.html", here="insight", session=session, csrf=door.sessions.csrf_token(session), may=door.may(session), days=days,
            spans=SPANS, found=found,
            most=MOST_ANSWERED, now_ms=now_ms(),
        )  # fmt: skip

    @router.get("/insight.csv")
    async def table(request: Request) -> Response:
        door.session(request)
        days = _days(request)
        name = f'attachment; filename="mythwatch-{days}-days.csv"'
        return Response(
            as_csv(await _records(days)), media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name}
        )

    async def _records(days: int) -> list[Record]:
        async with store.database.reading() as connection:
            return await records(connection, now_ms() - days * DAY_MS, MOST)

    return router


def as_csv(found: list[Record]) -> str:
    """A row a case. No text, link or account of a post; what a spreadsheet would take for a formula is written as text."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for record in found:
        case, counts = record.case, record.case.counts
        judged = {None: "", True: "a myth", False: "not a myth"}[record.agreed]
        times = (counts.first_seen_ms, counts.last_seen_ms, record.told_ms, record.decided_ms)
        first, last, told, decided = (words.iso(ms) if ms else "" for ms in times)
        row: list[Any] = [
            case.id, case.claim, record.topic, case.triage.value, case.harm.value, case.status.value, counts.posts,
            counts.authors, counts.shares, " ".join(sorted(counts.platforms)), " ".join(sorted(counts.languages)),
            first, last, told, decided, judged, words.iso(case.answered_ms) if case.answered_ms else "", case.answer_url,
        ]  # fmt: skip
        rows.writerow([_plain(value) for value in row])
    return written.getvalue()


def _plain(value: Any) -> Any:
    """Source: OWASP, CSV Injection."""
    return f"'{value}" if isinstance(value, str) and value.lstrip()[:1] in ("=", "+", "-", "@") else value


def _days(request: Request) -> int:
    given = request.query_params.get("days", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 4 and int(given) in SPANS else 28
