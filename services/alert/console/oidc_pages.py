"""The way to the hospital's provider and back."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from services.alert.console.errors import Refused
from services.alert.console.oidc import WAY_S, CannotSignIn, Provider
from services.alert.console.sign_in import Door, own_path
from services.alert.texts import _
from services.stream.logs import log

BACK = "/sign-in/account/back"


def oidc_router(door: Door, provider: Provider, clock: Callable[[], float], *, https: bool) -> APIRouter:
    """`/sign-in/account` and where the provider sends people back to."""
    router = APIRouter()
    cookie = "__Host-mythwatch-way" if https else "mythwatch-way"

    @router.get("/sign-in/account")
    async def begin(next: str = "/") -> Response:
        try:
            url, sealed = await provider.begin(own_path(next), clock())
        except CannotSignIn as wrong:
            raise _refused(wrong) from None
        answer = RedirectResponse(url, 303)
        # Lax: it has to come along when the provider sends the browser back.
        answer.set_cookie(cookie, sealed, max_age=WAY_S, path="/", secure=https, httponly=True, samesite="lax")
        return answer

    @router.get(BACK)
    async def back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
        try:
            if error or not code:
                raise CannotSignIn(_("the provider says no"))
            who, next_path = await provider.end(request.cookies.get(cookie, ""), state, code, clock())
        except CannotSignIn as wrong:
            raise _refused(wrong) from None
        person = door.people.of_account(who)
        if person is None:
            log.warning("sign-in failed", action="console_sign_in_unknown")
            raise Refused(
                403,
                _("{who} is not in the people file. Ask your administrator.").format(who=who),
                _("You may not come in yet"),
            )
        answer = door.let_in(person, own_path(next_path))
        answer.delete_cookie(cookie, path="/", secure=https, httponly=True, samesite="lax")
        return answer

    return router


def _refused(wrong: CannotSignIn) -> Refused:
    log.warning("sign-in failed", action="console_sign_in_failed", why=str(wrong))
    return Refused(403, _("Signing in did not work: {why}.").format(why=wrong), _("Not signed in"))
