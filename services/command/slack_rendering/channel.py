"""The messages of a Slack channel as an HTML fragment, from their real blocks."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from services.command.local_slack.workspace import APP_NAME, BOT_USER, Message, Workspace
from services.command.slack_rendering.mrkdwn import mrkdwn, plain_text

PAGE = """{% from "blocks.html" import entry with context %}
{%- for day, messages in days %}<div class="day"><span>{{ day }}</span></div>
{% for message, replies in messages %}{{ entry(message, replies) }}{% endfor %}
{%- else %}<p class="nothing">No alerts yet. The first one appears here as soon as a narrative is due.</p>{% endfor %}"""


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["safe_url"] = lambda url: (
        url if re.match(r"https?://|mailto:", str(url), re.IGNORECASE) else "#"
    )
    return environment


ENVIRONMENT = _environment()
TEMPLATE = ENVIRONMENT.from_string(PAGE)


def channel_html(workspace: Workspace, channel: str) -> Markup:
    """What stands in the channel, oldest first, by day, replies under what they answer; ephemeral messages in their place."""
    names = {**workspace.channels, **workspace.people, BOT_USER: APP_NAME}
    shown = [m for m in workspace.in_channel(channel) if not (m.broadcast and m.thread_ts)]
    shown += [m for m in workspace.ephemeral if m.channel == channel and not m.thread_ts]
    shown.sort(key=lambda m: m.ts)
    whispers = [m for m in workspace.ephemeral if m.channel == channel and m.thread_ts]

    def replies(message: Message) -> list[Message]:
        return sorted(
            [*workspace.replies_to(message), *(w for w in whispers if w.thread_ts == message.ts)], key=lambda m: m.ts
        )

    days = [
        (day, [(message, replies(message)) for message in group])
        for day, group in groupby(shown, key=lambda m: _day(_at(m)))
    ]

    def text(item: dict[str, Any]) -> Markup:
        if item.get("type") == "plain_text":
            return plain_text(str(item.get("text", "")), item.get("emoji") is not False)
        return mrkdwn(str(item.get("text", "")), names, verbatim=item.get("verbatim") is True)

    return Markup(  # noqa: S704  the template escapes
        TEMPLATE.render(
            days=days,
            names=names,
            text=text,
            mrkdwn=lambda said: mrkdwn(said, names),
            at=_at,
            clock=lambda stamp: f"{datetime.fromtimestamp(stamp):%H:%M:%S}",
            is_app=lambda message: message.user == BOT_USER,
            name=lambda message: names.get(message.user, message.user),
        )
    )


def _at(message: Message) -> datetime:
    return datetime.fromtimestamp(float(message.ts)).astimezone()


def _day(when: datetime) -> str:
    days = (datetime.now().astimezone().date() - when.date()).days
    return {0: "Today", 1: "Yesterday"}.get(days, f"{when:%A, %d %B %Y}")
