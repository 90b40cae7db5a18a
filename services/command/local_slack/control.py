"""The control endpoints: what people and tests do with the workspace. None of this is part of Slack.

POST /control/click {ts, action_id, user, block_id?, channel?}   a person clicks a button
POST /control/submit {values, view_id?, user?}                   a person sends the form opened last
POST /control/say {text, user?, thread_ts?}                      a person writes a message
POST /control/faults {kind, count, method, ...}; DELETE          see faults.Fault
GET  /control/messages, /control/calls                           what was received
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from aiohttp import web

from services.command.local_slack.arguments import arguments_of
from services.command.local_slack.faults import Fault
from services.command.local_slack.workspace import SlackError

if TYPE_CHECKING:
    from services.command.local_slack.server import LocalSlack


def control_routes(slack: LocalSlack) -> list[web.RouteDef]:
    async def click(request: web.Request) -> web.Response:
        wish = await arguments_of(request, [])
        where = {key: str(wish[key]) for key in ("block_id", "channel") if wish.get(key)}
        user = str(wish.get("user") or slack.officer)
        try:
            return web.json_response(await slack.click(str(wish.get("ts")), str(wish.get("action_id")), user, **where))
        except SlackError as refused:
            return web.json_response({"ok": False, "error": refused.error}, status=404)

    async def submit(request: web.Request) -> web.Response:
        wish = await request.json()
        opened = [view["id"] for view in slack.workspace.views if not view.get("closed")]
        view_id = str(wish.get("view_id") or (opened[-1] if opened else ""))
        try:
            return web.json_response(await slack.submit(view_id, wish.get("values") or {}, wish.get("user")))
        except SlackError as refused:
            return web.json_response({"ok": False, "error": refused.error}, status=404)

    async def say(request: web.Request) -> web.Response:
        wish = {"channel": slack.channel, **await arguments_of(request, [])}
        try:
            message = slack.workspace.post(wish, time.time(), user=str(wish.get("user") or slack.officer), via="person")
        except SlackError as refused:
            return web.json_response({"ok": False, "error": refused.error}, status=400)
        return web.json_response({"ok": True, "channel": message.channel, "ts": message.ts})

    async def add_fault(request: web.Request) -> web.Response:
        try:
            slack.faults.waiting.append(Fault.of(await request.json()))
        except (ValueError, TypeError) as wrong:
            return web.json_response({"ok": False, "error": str(wrong)}, status=400)
        return web.json_response({"ok": True})

    async def clear_faults(request: web.Request) -> web.Response:
        slack.faults.waiting.clear()
        return web.json_response({"ok": True})

    async def messages(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "messages": [
                    {
                        "channel": m.channel,
                        "ts": m.ts,
                        "user": m.user,
                        "thread_ts": m.thread_ts,
                        "text": m.text,
                        "blocks": m.blocks,
                        "metadata": m.metadata,
                        "posts": 1,
                        "updates": m.updates,
                        "deleted": m.deleted,
                        "ephemeral_for": m.ephemeral_for,
                        "revisions": [asdict(revision) for revision in m.revisions],
                    }
                    for m in [*slack.workspace.messages, *slack.workspace.ephemeral]
                ]
            }
        )

    async def calls(request: web.Request) -> web.Response:
        return web.json_response({"calls": slack.calls, "clicks": slack.interactions.sent})

    return [
        web.post("/control/click", click),
        web.post("/control/submit", submit),
        web.post("/control/say", say),
        web.post("/control/faults", add_fault),
        web.delete("/control/faults", clear_faults),
        web.get("/control/messages", messages),
        web.get("/control/calls", calls),
    ]
