"""Whatever goes wrong is a page that says what happened and what to do; a script gets the same words as plain text."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from services.alert.console.pages import page
from services.alert.texts import _, later
from services.stream.failures import NotReady
from services.stream.logs import log

RETRY_S = 5
_TITLES = {
    400: later("That can't be done"),
    403: later("This page is too old"),
    404: later("Not here"),
    405: later("That can't be done"),
    429: later("Too many tries"),
    500: later("Something went wrong"),
    503: later("Back in a moment"),
}
_DETAILS = {
    400: later("The request was not understood. Go back, reload the page and try again."),
    404: later("There is no such page. The case may have been removed, or the address is not complete."),
    405: later("The address does not take this kind of request."),
    500: later(
        "The mistake is ours and has been logged. Alerts go on meanwhile; try again, and tell your administrator if it stays."
    ),
    503: later(
        "The case store can't be reached at the moment. Nothing is lost: posts wait, and alerts go out when it is back."
    ),
}


class Refused(Exception):
    """Ends a request with a page: `detail` says, for the officer, what happened and what to do."""

    def __init__(self, status_code: int, detail: str, title: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status_code, self.detail, self.title, self.headers = status_code, detail, title, headers or {}


class NotSignedIn(Exception):
    """Ends a request at the sign-in page, which leads back to `next_path`."""

    def __init__(self, next_path: str = "/") -> None:
        super().__init__(next_path)
        self.next_path = next_path


def is_script(request: Request) -> bool:
    """Does the page's script ask, rather than the browser for a page?"""
    return request.headers.get("HX-Request") == "true"


def refusal(request: Request, refused: Refused) -> Response:
    """The answer that tells of it."""
    if is_script(request):
        return PlainTextResponse(refused.detail, refused.status_code, headers=refused.headers)
    title = refused.title or _(_TITLES.get(refused.status_code, _TITLES[400]))
    return page(
        "error.html", refused.status_code, refused.headers, title=title, detail=refused.detail, code=refused.status_code
    )


def add_error_pages(console: FastAPI) -> None:
    """Answers for everything that can end a request."""

    @console.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        return refusal(request, error)

    @console.exception_handler(NotSignedIn)
    async def not_signed_in(request: Request, error: NotSignedIn) -> Response:
        to = "/sign-in" if error.next_path == "/" else f"/sign-in?next={error.next_path}"
        if is_script(request):
            return Response(status_code=401, headers={"HX-Redirect": to})
        return RedirectResponse(to, 303)

    @console.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return refusal(request, _of_code(error.status_code, dict(error.headers or {})))

    @console.exception_handler(RequestValidationError)
    async def not_understood(request: Request, error: RequestValidationError) -> Response:
        return refusal(request, _of_code(400))

    @console.exception_handler(NotReady)
    async def away(request: Request, error: NotReady) -> Response:
        log.warning("the console waits", action="console_store_away", why=str(error))
        return refusal(request, _of_code(503, {"Retry-After": str(RETRY_S)}))

    @console.exception_handler(Exception)
    async def ours(request: Request, error: Exception) -> Response:
        return refusal(request, _of_code(500))


def _of_code(code: int, headers: dict[str, str] | None = None) -> Refused:
    return Refused(code, _(_DETAILS.get(code, _DETAILS[400])), headers=headers)
