"""The server: Slack's Web API over HTTP as slack_sdk calls it, response URLs, and the control endpoints of the demo and the tests."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from services.command.local_slack.arguments import arguments_of
from services.command.local_slack.control import control_routes
from services.command.local_slack.faults import Fault, FaultKind, FaultPlan, ratelimited
from services.command.local_slack.interactions import Interactions
from services.command.local_slack.rate_limits import RateLimits
from services.command.local_slack.workspace import (
    APP_ID,
    BOT_ID,
    BOT_USER,
    TEAM_DOMAIN,
    TEAM_ID,
    TEAM_NAME,
    Message,
    SlackError,
    Workspace,
    cursor_for,
    offset_of,
    truth,
)

SCOPES = "chat:write,channels:history,metadata.message:read"


class LocalSlack:
    """A workspace behind Slack's Web API. `routes()` go into any aiohttp application; `root` is set once it listens."""

    def __init__(
        self, token: str, signing_secret: str, interactivity_url: str | None = None, *,
        channels: dict[str, str] | None = None, posts_per_second: float | None = 1.0, burst: int = 5,
    ) -> None:  # fmt: skip
        self.token, self.signing_secret = token, signing_secret
        self.workspace = Workspace(channels)
        self.interactions = Interactions(self.workspace, signing_secret, interactivity_url)
        self.limits = RateLimits(posts_per_second, burst)
        self.faults = FaultPlan()
        self.calls: list[dict[str, Any]] = []
        self.token_revoked = False

    @property
    def base_url(self) -> str:
        """For AsyncWebClient(base_url=...)."""
        return f"{self.interactions.root}/api/"

    @property
    def channel(self) -> str:
        """The id of the workspace's first channel."""
        return next(iter(self.workspace.channels))

    @property
    def officer(self) -> str:
        """The id of the person who clicks and writes unless another is named."""
        return next(iter(self.workspace.people))

    @property
    def messages(self) -> list[Message]:
        """What stands in the channels, oldest first; answers in threads are in `replies`, ephemeral ones in workspace.ephemeral."""
        return [message for message in self.workspace.messages if not message.deleted and not message.thread_ts]

    @property
    def replies(self) -> list[Message]:
        """What stands in threads, oldest first."""
        return [message for message in self.workspace.messages if not message.deleted and message.thread_ts]

    def set_interactivity_url(self, url: str | None) -> None:
        """Where clicks are sent; an app's own address is often known only once both listen."""
        self.interactions.url = url

    def fail_next(
        self, kind: FaultKind, count: int = 1, *, method: str | None = None, retry_after: int = 1,
        seconds: float = 60.0, error: str = "invalid_auth",
    ) -> None:  # fmt: skip
        """The next `count` calls (of `method`, e.g. "chat.postMessage") go wrong as Fault says."""
        self.faults.waiting.append(Fault(kind, count, method, retry_after, seconds, error))

    async def click(self, ts: str, action_id: str, user: str | None = None, **where: str) -> dict[str, Any]:
        """A person clicks: {ok, status, error, ms} of the app's answer."""
        return await self.interactions.click(ts, action_id, user or self.officer, **where)

    async def submit(self, view_id: str, values: dict[str, dict[str, Any]], user: str | None = None) -> dict[str, Any]:
        """A person sends a form that the app opened: {ok, status, error, ms, errors} of the app's answer."""
        return await self.interactions.submit(view_id, values, user or self.officer)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/api/{method}", self._api),
            web.post("/actions/{team}/{key}", self._response_url),
            *control_routes(self),
        ]

    # --- the Web API ---

    async def _api(self, request: web.Request) -> web.Response:
        method, now = request.match_info["method"], time.time()
        fault = self.faults.take(method)
        call: dict[str, Any] = {
            "at": now,
            "method": method,
            "fault": fault.kind if fault else None,
            "status": None,
            "error": None,
        }
        self.calls.append(call)
        if fault and fault.kind != "drop_after":
            answer = await self.faults.answer(fault, request)
            call["status"] = answer.status
            return answer
        answer = await self._answer(request, method, now, call)
        call["status"] = answer.status
        if fault:
            return await self.faults.answer(fault, request)
        answer.headers["x-slack-req-id"] = secrets.token_hex(16)
        answer.headers["x-oauth-scopes"] = SCOPES
        return answer

    async def _answer(self, request: web.Request, method: str, now: float, call: dict[str, Any]) -> web.Response:
        warnings: list[str] = []
        try:
            args = await arguments_of(request, warnings)
            call |= {"channel": args.get("channel"), "ts": args.get("ts")}
            if method not in METHODS:
                raise SlackError("unknown_method")
            self._check_token(request, args)
            if wait := self.limits.wait(method, str(args.get("channel")), now):
                call["error"] = "ratelimited"
                return ratelimited(wait)
            body = {"ok": True, **METHODS[method](self, args, now)}
            call["ts"] = body.get("ts") or call["ts"]
        except SlackError as refused:
            call["error"] = refused.error
            body = {"ok": False, "error": refused.error}
            if refused.messages:
                body |= {"errors": refused.messages, "response_metadata": {"messages": refused.messages}}
        if warnings:
            body["warning"] = ",".join(warnings)
            body.setdefault("response_metadata", {})["warnings"] = warnings
        return web.json_response(body)

    def _check_token(self, request: web.Request, args: dict[str, Any]) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if not given and request.content_type != "application/json":
            scheme, given = "Bearer", str(args.get("token", ""))
        if scheme.lower() != "bearer" or not given:
            raise SlackError("not_authed")
        if not secrets.compare_digest(given.strip().encode(), self.token.encode()):
            raise SlackError("invalid_auth")
        if self.token_revoked:
            raise SlackError("token_revoked")

    def _auth_test(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        return {"url": f"https://{TEAM_DOMAIN}.slack.com/", "team": TEAM_NAME, "user": "mythwatch", "team_id": TEAM_ID,
                "user_id": BOT_USER, "bot_id": BOT_ID, "is_enterprise_install": False}  # fmt: skip

    def _post(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        message = self.workspace.post(args, now)
        return {"channel": message.channel, "ts": message.ts, "message": message.wire(with_metadata=True)}

    def _update(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        message = self.workspace.update(args, now)
        wire = message.wire(with_metadata=True)
        return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": wire}

    def _delete(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        message = self.workspace.delete(args)
        return {"channel": message.channel, "ts": message.ts}

    def _post_ephemeral(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        return {"message_ts": self.workspace.post_ephemeral(args, now).ts}

    def _history(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        found = self.workspace.in_channel(self.workspace.channel_id(args.get("channel")))
        return self._page(list(reversed(found)), args) | {"pin_count": 0}

    def _replies(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        parent = self.workspace.find_thread(self.workspace.channel_id(args.get("channel")), args.get("ts"))
        return self._page([parent, *self.workspace.replies_to(parent)], args)

    def _page(self, found: list[Message], args: dict[str, Any]) -> dict[str, Any]:
        oldest, latest = str(args.get("oldest") or "0"), str(args.get("latest") or "9999999999")
        inclusive, metadata = truth(args.get("inclusive")), truth(args.get("include_all_metadata"))
        found = [
            m for m in found
            if float(oldest) < float(m.ts) < float(latest) or (inclusive and m.ts in (oldest, latest))
        ]  # fmt: skip
        try:
            limit = int(args.get("limit") or 100)
        except ValueError:
            raise SlackError("invalid_limit") from None
        if not 1 <= limit <= 999:
            raise SlackError("invalid_limit")
        start = offset_of(str(args["cursor"])) if args.get("cursor") else 0
        more = len(found) > start + limit
        messages = [self.workspace.wire_with_thread(m, with_metadata=metadata) for m in found[start : start + limit]]
        body: dict[str, Any] = {"messages": messages, "has_more": more}
        if more:
            body["response_metadata"] = {"next_cursor": cursor_for(start + limit)}
        return body

    def _open_conversation(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        users = str(args.get("users") or "")
        return {"channel": {"id": self.workspace.direct_channel(users)}}

    def _views_open(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        view = args.get("view")
        view = json.loads(view) if isinstance(view, str) else view
        if not isinstance(view, dict) or view.get("type") not in ("modal", "home"):
            raise SlackError("invalid_arguments", ["[ERROR] missing required field: view"])
        self.interactions.use_trigger(args.get("trigger_id"), now)
        view = {"id": f"V{secrets.token_hex(5).upper()}", "team_id": TEAM_ID, "app_id": APP_ID, "bot_id": BOT_ID,
                "hash": f"{now:.8f}", "state": {"values": {}}, "private_metadata": "", "callback_id": "", **view}  # fmt: skip
        self.workspace.views.append(view)
        return {"view": view}

    def _views_publish(self, args: dict[str, Any], now: float) -> dict[str, Any]:
        view = args.get("view")
        view = json.loads(view) if isinstance(view, str) else view
        if not isinstance(view, dict) or view.get("type") != "home" or len(view.get("blocks", [])) > 100:
            raise SlackError("invalid_arguments", ["[ERROR] view: a home view of at most 100 blocks"])
        if str(args.get("user_id")) not in self.workspace.people:
            raise SlackError("user_not_found")
        self.workspace.homes[str(args["user_id"])] = view
        return {"view": view}

    async def _response_url(self, request: web.Request) -> web.Response:
        try:
            self.interactions.respond(request.match_info["key"], await arguments_of(request, []), time.time())
        except SlackError as refused:
            status = 404 if refused.error in ("expired_url", "used_url") else 400
            return web.json_response({"ok": False, "error": refused.error}, status=status)
        return web.Response(text="ok")


METHODS: dict[str, Callable[[LocalSlack, dict[str, Any], float], dict[str, Any]]] = {
    "auth.test": LocalSlack._auth_test,
    "chat.postMessage": LocalSlack._post,
    "chat.update": LocalSlack._update,
    "chat.delete": LocalSlack._delete,
    "chat.postEphemeral": LocalSlack._post_ephemeral,
    "conversations.history": LocalSlack._history,
    "conversations.replies": LocalSlack._replies,
    "conversations.open": LocalSlack._open_conversation,
    "views.open": LocalSlack._views_open,
    "views.publish": LocalSlack._views_publish,
}


@asynccontextmanager
async def local_slack(
    *, host: str = "127.0.0.1", port: int = 0, token: str = "", signing_secret: str = "", interactivity_url: str | None = None,
    channels: dict[str, str] | None = None, posts_per_second: float | None = 1.0, burst: int = 5,
) -> AsyncIterator[LocalSlack]:  # fmt: skip
    """A running Slack-like server (port 0: any free one); a token and a signing secret are made up unless given."""
    slack = LocalSlack(
        token or f"xoxb-{secrets.token_hex(12)}", signing_secret or secrets.token_hex(16), interactivity_url,
        channels=channels, posts_per_second=posts_per_second, burst=burst,
    )  # fmt: skip
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.add_routes(slack.routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        slack.interactions.root = f"http://{host}:{runner.addresses[0][1]}"
        yield slack
    finally:
        slack.faults.stopping.set()

        await runner.cleanup()
