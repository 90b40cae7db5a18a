"""A call's arguments, from wherever Slack takes them: query, form or JSON body."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from services.command.local_slack.workspace import SlackError


async def arguments_of(request: web.Request, warnings: list[str]) -> dict[str, Any]:
    """The arguments from the query, a form or a JSON body; raises SlackError as Slack words it."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        if request.charset is None:
            warnings.append("missing_charset")
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        return args | body
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    elif request.method == "POST" and request.can_read_body:
        raise SlackError("invalid_post_type")
    return args
