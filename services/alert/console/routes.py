"""The console as part of the alert service's web application."""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import FastAPI, Response
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from services.alert import names
from services.alert.api.app import add_api
from services.alert.console.answer_forms import answer_router
from services.alert.console.bulk import bulk_router
from services.alert.console.case_page import CasePage, case_router
from services.alert.console.draft_form import draft_router
from services.alert.console.errors import add_error_pages
from services.alert.console.headers import ConsoleHeaders
from services.alert.console.import_page import import_router
from services.alert.console.inbox_page import inbox_router
from services.alert.console.insight_page import insight_router
from services.alert.console.live import live_router
from services.alert.console.mail_act import mail_act_router
from services.alert.console.merge_forms import merge_router
from services.alert.console.mute_forms import mute_router
from services.alert.console.myth_pages import myth_router
from services.alert.console.oidc import Provider
from services.alert.console.oidc_pages import BACK, oidc_router
from services.alert.console.pages import STATIC
from services.alert.console.privacy_page import Forget, privacy_router
from services.alert.console.session import Sessions
from services.alert.console.sign_in import Door, sign_in_router
from services.alert.console.team_page import team_router
from services.alert.drafter import Drafter
from services.alert.mail_links import MailLinks
from services.alert.people import people_of, signing_key
from services.alert.settings import AlertSettings
from services.alert.store import Store

# What the page waits for beyond the model, for everything around it.
_DRAFT_MORE_MS = 5_000


def add_console(
    app: FastAPI,
    store: Store,
    settings: AlertSettings,
    clock: Callable[[], float] = time.time,
    forget: Forget | None = None,
    drafter: Drafter | None = None,
) -> None:
    """Serve the console at every path that `app` does not answer yet: call it after all other routes.

    `clock` gives seconds since 1970, UTC; `forget` has every service forget a post or an author; `drafter` drafts answers where
    there is one.
    """
    password = settings.console_password.get_secret_value() if settings.console_password else ""
    people = people_of(settings.people, settings.console_user, password)
    names.use(people)
    key = signing_key(people, password, settings.oidc_secret)
    https = settings.console.startswith("https://")
    provider = _provider(settings, key)
    door = Door(people, Sessions(key), clock, https=https, account=provider is not None)

    def now_ms() -> int:
        return int(clock() * 1000)

    console = FastAPI(title="Mythwatch console", docs_url=None, redoc_url=None, openapi_url=None)
    add_error_pages(console)
    console.include_router(sign_in_router(door))
    if provider is not None:
        console.include_router(oidc_router(door, provider, clock, https=https))
    console.include_router(live_router(store, door))
    console.include_router(inbox_router(store, door, now_ms))
    console.include_router(bulk_router(store, door, now_ms))
    console.include_router(mute_router(store, door, now_ms))
    console.include_router(team_router(store, door, now_ms))
    console.include_router(privacy_router(store, door, now_ms, forget))
    console.include_router(import_router(door, settings.publishers, now_ms))
    within_ms = int(drafter.longest_s * 1000) + _DRAFT_MORE_MS if drafter is not None else 0
    case_page = CasePage(store, door, now_ms, settings.language, within_ms)
    console.include_router(case_router(case_page, store, door, now_ms))
    if drafter is not None:
        console.include_router(draft_router(case_page, door, drafter))
    console.include_router(myth_router(store, door, now_ms))
    console.include_router(insight_router(store, door, now_ms))
    console.include_router(mail_act_router(store, MailLinks(key, settings.console), now_ms))
    console.include_router(merge_router(store, door, now_ms))
    console.include_router(answer_router(store, door, now_ms))

    @console.get("/cases")
    async def cases() -> Response:
        return RedirectResponse("/", 307)

    @console.get("/favicon.ico")
    async def icon() -> Response:
        return RedirectResponse("/static/icon.svg", 307)

    console.mount("/static", StaticFiles(directory=STATIC))
    add_api(app, store, people, now_ms, https=https, forget=forget, drafter=drafter, publishers=settings.publishers)
    # Around everything, error pages included.
    app.mount("/", ConsoleHeaders(console, https))


def _provider(settings: AlertSettings, key: bytes) -> Provider | None:
    if not settings.oidc_issuer or not settings.oidc_client_id or not settings.people:
        return None
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_secret,
        settings.oidc_claim,
        f"{settings.console}{BACK}",
        key,
    )
