"""What every answer of the console says to the browser, and how large a request may be (ASGI)."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing inline, nothing from elsewhere: markup that slipped through could still run and load nothing.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# A form of the console is a few hundred bytes.
MOST_BODY = 65_536
# A file of reviews is more.
MOST_BY_PATH = {"/myths/import": 1_048_576}


class ConsoleHeaders:
    """Adds the headers; refuses large bodies before they are read. `https` asks browsers to stay on HTTPS."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), scope["path"])
            await send(message)

        if refusal := _too_large(scope):
            await refusal(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)

    def _add(self, headers: MutableHeaders, path: str) -> None:
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        if self._https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        # Pages hold posts that may be deleted: no copy of them stays behind. Static files carry their content's hash.
        headers["Cache-Control"] = "public, max-age=604800" if path.startswith("/static/") else "no-store"


def _too_large(scope: Scope) -> PlainTextResponse | None:
    if scope["method"] in ("GET", "HEAD"):
        return None
    headers = Headers(scope=scope)
    length = headers.get("content-length", "")
    # A chunked body may be of any length, whatever the other header says.
    if "transfer-encoding" in headers or not length.isascii() or not length.isdigit():
        return PlainTextResponse("Say how long the request is (Content-Length).", status_code=411)
    most = MOST_BY_PATH.get(scope["path"], MOST_BODY)
    if int(length) > most:
        return PlainTextResponse(f"At most {most:,} bytes.", status_code=413)
    return None
