"""`/api/v1`: bearer tokens of the people file, the roles of the console, errors that name the field, and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Collection

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from services.alert.api.cases import case_api
from services.alert.api.drafts import draft_api
from services.alert.api.insight import insight_api
from services.alert.api.mutes import mute_api
from services.alert.api.myths import myth_api
from services.alert.api.privacy import privacy_api
from services.alert.api.reviews import review_api
from services.alert.api.team import team_api
from services.alert.api.tokens import Bearer
from services.alert.console.headers import ConsoleHeaders
from services.alert.console.privacy_page import Forget
from services.alert.drafter import Drafter
from services.alert.merging import CannotMerge
from services.alert.myth_versions import CannotPropose, OwnVersion
from services.alert.people import People
from services.alert.response_rows import CannotRespond, OwnWords
from services.alert.store import Store
from services.stream.failures import NotReady
from services.stream.logs import log

RETRY_S = 5


def add_api(
    app: FastAPI,
    store: Store,
    people: People,
    now_ms: Callable[[], int],
    *,
    https: bool,
    forget: Forget | None = None,
    drafter: Drafter | None = None,
    publishers: Collection[str] = (),
) -> None:
    """Mounts it; must come before what is mounted at the root. Without `forget` nothing is erased by it, without `drafter` no
    model drafts; `publishers`: whose reviews are read."""
    api = FastAPI(
        title="Mythwatch", version="1", docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        description="Cases, posts, decisions, answers, myths, mutes, team and privacy, as the console shows them. "
        "`Authorization: Bearer` with a token that `mythwatch people token` made; a repeated `Idempotency-Key` changes nothing twice.",
    )  # fmt: skip
    _errors(api)
    bearer = Bearer(people)
    api.include_router(case_api(store, bearer, now_ms))
    api.include_router(insight_api(store, bearer, now_ms))
    api.include_router(myth_api(store, bearer, now_ms))
    api.include_router(mute_api(store, bearer, now_ms))
    api.include_router(review_api(bearer, publishers))
    api.include_router(team_api(store, bearer, now_ms))
    api.include_router(privacy_api(store, bearer, now_ms, forget))
    if drafter is not None:
        api.include_router(draft_api(store, bearer, drafter))
    app.mount("/api/v1", ConsoleHeaders(api, https))


def _errors(api: FastAPI) -> None:
    @api.exception_handler(RequestValidationError)
    async def wrong_field(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"][1:]) or str(first["loc"][0])
        return _error(400, f"{where}: {first['msg']}")

    @api.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail), dict(error.headers or {}))

    @api.exception_handler(CannotMerge)
    async def cannot_merge(request: Request, error: CannotMerge) -> Response:
        return _error(409, str(error))

    @api.exception_handler(OwnVersion)
    async def own_version(request: Request, error: OwnVersion) -> Response:
        return _error(403, str(error))

    @api.exception_handler(CannotPropose)
    async def cannot_propose(request: Request, error: CannotPropose) -> Response:
        return _error(409, str(error))

    @api.exception_handler(OwnWords)
    async def own_words(request: Request, error: OwnWords) -> Response:
        return _error(403, str(error))

    @api.exception_handler(CannotRespond)
    async def cannot_respond(request: Request, error: CannotRespond) -> Response:
        return _error(409, str(error))

    @api.exception_handler(NotReady)
    async def away(request: Request, error: NotReady) -> Response:
        log.warning("the API waits", action="api_store_away", why=str(error))
        return _error(503, "the case store can't be reached; try again", {"Retry-After": str(RETRY_S)})

    @api.exception_handler(Exception)
    async def ours(request: Request, error: Exception) -> Response:
        return _error(500, "the mistake is ours and has been logged")


def _error(code: int, words: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": words}, code, headers)
