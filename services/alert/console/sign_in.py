"""Signing in and out, and what every other request needs: a session, and the token of its forms."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from services.alert.console.errors import NotSignedIn, Refused
from services.alert.console.pages import page
from services.alert.console.session import LIFETIME_S, Session, Sessions
from services.alert.console.sign_in_limit import SignInLimit
from services.alert.console.words import ROLES
from services.alert.people import MAY, Act, People, Person, Role
from services.alert.texts import _
from services.stream.logs import log

MOST_PASSWORD = 1_000

_PLACE = re.compile(r"/(cases/[0-9a-f]{1,64}|insight|myths|team|privacy)(?![^/])")
_OWN_PATH = re.compile(r"/(cases/[0-9a-f]{1,64}|insight|myths|team|privacy)?")


class Door:
    """Lets people in and keeps everybody else out. `https`: people reach the console by HTTPS."""

    def __init__(
        self, people: People, sessions: Sessions, clock: Callable[[], float], *, https: bool, account: bool = False
    ) -> None:
        self._account = account  # is there a provider to sign in with?
        self.people, self.sessions, self._clock, self._https = people, sessions, clock, https
        self._limit = SignInLimit()
        # The prefix makes browsers refuse a cookie that another host of the domain planted.
        self.cookie = "__Host-mythwatch" if https else "mythwatch"

    def session(self, request: Request) -> Session:
        """Who is signed in; raises NotSignedIn, or Refused while the console has no password."""
        self._require_password()
        session = self._session(request)
        # Somebody who was taken out of the people file is out at once.
        if session is None or self.people.get(session.user) is None:
            about = _PLACE.search(request.url.path)
            raise NotSignedIn(about[0] if about else "/")
        return session

    def person(self, request: Request, act: Act) -> Person:
        """Who is signed in, if they may do this; raises NotSignedIn, or Refused naming who may."""
        person = self.people.get(self.session(request).user)
        if person is None or not person.may(act):
            allowed = [role for role in Role if act in MAY[role]]
            may = _(" or ").join(ROLES[role] for role in allowed if role is not Role.ADMIN or len(allowed) == 1)
            raise Refused(
                403,
                _("Nothing was changed: that is for the role {role}. Ask your administrator.").format(role=may),
                _("Not yours to do"),
            )
        return person

    def may(self, session: Session) -> frozenset[str]:
        """What the session's person may do, as pages ask for it."""
        person = self.people.get(session.user)
        return frozenset(act.value for act in (MAY[person.role] if person else ()))

    async def form(self, request: Request) -> dict[str, str]:
        """The form of a request; raises Refused unless it comes from a page of the same session."""
        session = self._session(request)
        form = _texts(await request.form(max_files=0))
        given = request.headers.get("X-CSRF-Token") or form.get("csrf", "")
        if session is None or not self.sessions.is_csrf_token(session, given):
            raise Refused(
                403, _("Nothing was changed: the page was open for longer than its session. Reload it and try again.")
            )
        return form

    def show(self, request: Request, next_path: str, wrong: str = "", code: int = 200, wait_s: int = 0) -> Response:
        """The sign-in page, in a session of its own."""
        self._require_password()
        session = self._session(request) or self.sessions.begin("", self._clock())
        headers = {"Retry-After": str(wait_s)} if wait_s else None
        csrf = self.sessions.csrf_token(session)
        answer = page(
            "sign_in.html", code, headers, csrf=csrf, next_path=own_path(next_path), wrong=wrong, account=self._account
        )
        self._keep(answer, session)
        return answer

    async def enter(self, request: Request) -> Response:
        """Sign in with the form's name and password."""
        self._require_password()
        form = await self.form(request)
        address = request.client.host if request.client else ""
        next_path = form.get("next", "/")
        if wait_s := self._limit.wait_s(address, self._clock()):
            log.warning("sign-in refused", action="console_sign_in_limited", address=address)
            return self.show(
                request,
                next_path,
                _("Too many tries. Wait {seconds} seconds, then try again.").format(seconds=wait_s),
                429,
                wait_s,
            )
        given = form.get("user", ""), form.get("password", "")[:MOST_PASSWORD]
        person = await asyncio.to_thread(self.people.signs_in, *given)
        if person is None:
            log.warning("sign-in failed", action="console_sign_in_failed", address=address)
            return self.show(request, next_path, _("The name or the password is not right."), 401)
        self._limit.forget(address)
        return self.let_in(person, own_path(next_path))

    def let_in(self, person: Person, next_path: str) -> Response:
        """A new session for somebody who showed who they are."""
        log.info("signed in", action="console_sign_in", person=person.id)
        answer = RedirectResponse(next_path, 303)
        self._keep(answer, self.sessions.begin(person.id, self._clock()))
        return answer

    async def leave(self, request: Request) -> Response:
        """Sign out: the session ends here, not only in the browser."""
        await self.form(request)
        if session := self._session(request):
            self.sessions.end(session, self._clock())
            log.info("signed out", action="console_sign_out", person=session.user)
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(self.cookie, path="/", secure=self._https, httponly=True, samesite="lax")
        return answer

    def is_signed_in(self, request: Request) -> bool:
        session = self._session(request)
        return session is not None and self.people.get(session.user) is not None

    def _session(self, request: Request) -> Session | None:
        return self.sessions.open(request.cookies.get(self.cookie, ""), self._clock())

    def _keep(self, answer: Response, session: Session) -> None:
        answer.set_cookie(
            self.cookie, self.sessions.seal(session), max_age=LIFETIME_S, path="/", secure=self._https,
            httponly=True, samesite="lax",
        )  # fmt: skip

    def _require_password(self) -> None:
        if not self.people.people:
            raise Refused(
                503,
                _(
                    "Set a password for the console in MYTHWATCH_ALERT_CONSOLE_PASSWORD, or a people file, and start the alert "
                    "service again. Until then it shows no cases; alerts go out as usual."
                ),
                _("The console has no password yet"),
            )


def sign_in_router(door: Door) -> APIRouter:
    """`/sign-in` and `/sign-out`."""
    router = APIRouter()

    @router.get("/sign-in")
    async def sign_in(request: Request, next: str = "/") -> Response:
        return RedirectResponse(own_path(next), 303) if door.is_signed_in(request) else door.show(request, next)

    @router.post("/sign-in")
    async def enter(request: Request) -> Response:
        return await door.enter(request)

    @router.post("/sign-out")
    async def leave(request: Request) -> Response:
        return await door.leave(request)

    return router


def own_path(path: str) -> str:
    """A path of the console, never another site's address."""
    return path if _OWN_PATH.fullmatch(path) else "/"


def _texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if not isinstance(value, UploadFile)}
