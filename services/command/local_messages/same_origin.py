"""Who may talk to the page: a click there is a signed decision, so no other web page may press a button or read a mail."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LOCAL_NAMES = {"localhost", "127.0.0.1", "::1"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def same_origin(host: str) -> Middleware:
    """Refuse writes from other sites and, on loopback, names that are not this machine's (DNS rebinding); set the CSP."""
    names = LOCAL_NAMES | {host} if _loopback(host) else None

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = urlsplit(f"//{request.host}").hostname or ""
        if names is not None and asked not in names:
            raise web.HTTPForbidden(text=f"{asked} is not a name of this server; use {host}\n")
        if request.method not in ("GET", "HEAD") and request.headers.get("Sec-Fetch-Site", "none") not in (
            "none",
            "same-origin",
        ):
            raise web.HTTPForbidden(text="another site may not act here\n")
        answer = await handler(request)
        if not answer.prepared:
            answer.headers.setdefault("Content-Security-Policy", POLICY)
            answer.headers.setdefault("X-Content-Type-Options", "nosniff")
            answer.headers.setdefault("Referrer-Policy", "no-referrer")
        return answer

    return middleware


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
