"""The pages: the Slack channel, the inbox, and what the demo's terminal view asks for."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from services.command.local_mail import LocalMail, ReceivedMail
from services.command.local_slack import LocalSlack
from services.command.local_slack.workspace import BOT_USER, TEAM_NAME, Message, SlackError
from services.command.slack_rendering import channel_html

HERE = Path(__file__).parent
# A mail's HTML comes from outside: no script, nothing loaded, its links open in a new tab.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups allow-popups-to-escape-sandbox"
)


class Pages:
    """Server-rendered; the parts marked data-live are fetched again by static/live.js."""

    def __init__(self, slack: LocalSlack, mail: LocalMail) -> None:
        self.slack, self.mail = slack, mail
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
        )
        self._templates.globals |= {"clock": _clock, "snippet": _snippet}

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/", self.channel_page),
            web.get("/mail", self.mail_page),
            web.get(r"/mail/{number:\d+}", self.mail_page),
            web.get(r"/mail/{number:\d+}/html", self.mail_html),
            web.get("/live/slack", self.live_channel),
            web.get("/live/mail", self.live_mail),
            web.get("/live/tabs", self.live_tabs),
            web.post("/click", self.click),
            web.get(r"/view/{id:V\w+}", self.form_page),
            web.post(r"/view/{id:V\w+}", self.submit),
            web.get("/api/received", self.received),
            web.static("/static", HERE / "static"),
        ]

    async def channel_page(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        messages = channel_html(self.slack.workspace, channel)
        return self._page("slack.html", "slack", f"#{self.slack.workspace.channels[channel]}",
                          channel=channel, channels=self.slack.workspace.channels, team=TEAM_NAME, messages=messages)  # fmt: skip

    async def mail_page(self, request: web.Request) -> web.Response:
        mail = self._mail(request) if "number" in request.match_info else None
        part = request.query.get("part") or ("html" if mail and mail.html else "text")
        source = mail.raw.decode("utf-8", "replace") if mail and part == "source" else ""
        return self._page("mail.html", "mail", mail.subject if mail else "Inbox", mail=mail, part=part, source=source,
                          any=bool(self.mail.mails), list=self._mail_list(mail.number if mail else 0))  # fmt: skip

    async def mail_html(self, request: web.Request) -> web.Response:
        return web.Response(
            text=self._mail(request).html, content_type="text/html", headers={"Content-Security-Policy": MAIL_POLICY}
        )

    async def live_channel(self, request: web.Request) -> web.Response:
        return _fragment(request, channel_html(self.slack.workspace, self._channel(request)))

    async def live_mail(self, request: web.Request) -> web.Response:
        opened = request.query.get("open", "0")
        return _fragment(request, self._mail_list(int(opened) if opened.isdecimal() else 0))

    async def live_tabs(self, request: web.Request) -> web.Response:
        return _fragment(request, self._tabs(request.query.get("place", "")))

    async def click(self, request: web.Request) -> web.Response:
        """A button of the channel page; Slack's own click, then back to the message."""
        form = await request.post()
        wish = {name: str(form.get(name, "")) for name in ("ts", "action_id", "block_id", "channel")}
        forms = len(self.slack.workspace.views)
        try:
            await self.slack.click(wish.pop("ts"), wish.pop("action_id"), **{k: v for k, v in wish.items() if v})
        except SlackError as refused:
            raise web.HTTPNotFound(text=f"{refused.error}: the message has changed since; reload the page\n") from None
        if len(self.slack.workspace.views) > forms:
            raise web.HTTPSeeOther(f"/view/{self.slack.workspace.views[-1]['id']}")
        raise web.HTTPSeeOther(f"/?channel={wish['channel'] or self.slack.channel}#m-{form.get('ts', '')}")

    async def form_page(self, request: web.Request) -> web.Response:
        """A form that the app opened."""
        return self._form(request, {}, "")

    async def submit(self, request: web.Request) -> web.Response:
        """The form as a person filled it in; shown again with what is wrong, or back to the channel."""
        given = await request.post()
        values = {
            block["block_id"]: {"value": _filled(block["element"], str(given.get(block["block_id"], "")))}
            for block in self._view(request)["blocks"]
            if block["type"] == "input"
        }
        answer = await self.slack.submit(request.match_info["id"], values)
        if answer["errors"] or not answer["ok"]:
            return self._form(request, answer["errors"], answer["error"] or "")
        raise web.HTTPSeeOther("/")

    def _form(self, request: web.Request, errors: dict[str, str], failed: str) -> web.Response:
        view = self._view(request)
        return self._page(
            "form.html",
            "slack",
            view["title"]["text"],
            view=view,
            errors=errors,
            failed=failed,
            people=self.slack.workspace.people,
        )

    def _view(self, request: web.Request) -> dict[str, Any]:
        for view in self.slack.workspace.views:
            if view["id"] == request.match_info["id"] and not view.get("closed"):
                return view
        raise web.HTTPNotFound(text="This form was sent or closed.\n")

    async def received(self, request: web.Request) -> web.Response:
        """What the app sent, oldest first.

        {slack: [{channel, ts, thread_ts, text, edits, at, updated_at}], mails: [{number, subject, to, at, message_id, thread}]},
        times in epoch seconds.
        """
        slack = [
            {"channel": m.channel, "ts": m.ts, "thread_ts": m.thread_ts, "text": m.text, "edits": m.updates,
             "at": m.revisions[0].at, "updated_at": m.now.at}
            for m in self._from_app()
        ]  # fmt: skip
        mails = [
            {"number": m.number, "subject": m.subject, "to": list(m.recipients), "at": m.at, "message_id": m.message_id,
             "thread": m.thread}
            for m in self.mail.mails
        ]  # fmt: skip
        return web.json_response({"slack": slack, "mails": mails})

    def _channel(self, request: web.Request) -> str:
        wanted = request.query.get("channel", "")
        return wanted if wanted in self.slack.workspace.channels else self.slack.channel

    def _mail(self, request: web.Request) -> ReceivedMail:
        number = int(request.match_info["number"])
        if not 1 <= number <= len(self.mail.mails):
            raise web.HTTPNotFound(text="There is no such mail.\n")
        return self.mail.mails[number - 1]

    def _from_app(self) -> list[Message]:
        return [message for message in self.slack.messages if message.user == BOT_USER]

    def _mail_list(self, opened: int) -> Markup:
        copies = Counter(mail.message_id for mail in self.mail.mails)
        return self._part("mail_list.html", threads=self.mail.threads(), open=opened, copies=copies)

    def _tabs(self, place: str) -> Markup:
        return self._part("tabs.html", place=place, slack=len(self._from_app()), mail=len(self.mail.mails))

    def _part(self, template: str, **words: Any) -> Markup:
        return Markup(self._templates.get_template(template).render(words))  # noqa: S704  the template escapes

    def _page(self, template: str, place: str, title: str, **words: Any) -> web.Response:
        html = self._part(template, place=place, title=title, tabs=self._tabs(place), **words)
        return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})


def _fragment(request: web.Request, html: Markup) -> web.Response:
    """A part of a page; 304 when the browser has it already."""
    tag = f'"{hashlib.sha256(html.encode()).hexdigest()[:20]}"'
    headers = {"ETag": tag, "Cache-Control": "no-store"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(text=html, content_type="text/html", headers=headers)


def _clock(stamp: float) -> str:
    return f"{datetime.fromtimestamp(stamp):%H:%M:%S}"


def _snippet(mail: ReceivedMail) -> str:
    return " ".join(mail.text.split())[:160]


def _filled(element: dict[str, Any], given: str) -> dict[str, Any]:
    """What Slack sends of an input that was filled in."""
    kind = element["type"]
    if kind == "users_select":
        return {"type": kind, "selected_user": given or None}
    if kind == "static_select":
        return {"type": kind, "selected_option": {"value": given} if given else None}
    return {"type": kind, "value": given or None}
