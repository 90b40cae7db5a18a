"""Starts and stops the page, the Slack server (on the page's port, under /api/) and the SMTP server together."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from services.command.local_mail import LocalMail
from services.command.local_messages.pages import Pages
from services.command.local_messages.same_origin import same_origin
from services.command.local_slack import LocalSlack
from services.stream.ports import require_free

HTTP_SETTING, SMTP_SETTING = "MYTHWATCH_DEMO_MESSAGES_PORT", "MYTHWATCH_DEMO_SMTP_PORT"


@dataclass
class LocalMessages:
    """The running servers; `url` is the page's address."""

    slack: LocalSlack
    mail: LocalMail
    url: str
    _runner: web.AppRunner

    async def stop(self) -> None:
        """End at once; whoever is still connected is cut off."""
        self.slack.faults.stopping.set()
        await self._runner.cleanup()
        await self.mail.stop()


async def start_local_messages(
    host: str = "127.0.0.1",
    http_port: int = 8025,
    smtp_port: int = 2525,
    slack_token: str = "",
    signing_secret: str = "",
    interactivity_url: str | None = None,
) -> LocalMessages:
    """Listen on both ports (0: any free one) and return; raises PortTaken naming the port and its setting."""
    for port, setting in ((http_port, HTTP_SETTING), (smtp_port, SMTP_SETTING)):
        if port:
            require_free(port, setting, host)
    slack, mail = LocalSlack(slack_token, signing_secret, interactivity_url), LocalMail()
    app = web.Application(client_max_size=4 * 1024 * 1024, middlewares=[same_origin(host)])
    # The pages first: /api/received is ours, the rest of /api/ is Slack's.
    app.add_routes([*Pages(slack, mail).routes(), *slack.routes()])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, http_port).start()
        await mail.start(host, smtp_port)
    except BaseException:
        await runner.cleanup()
        raise
    url = f"http://{host}:{runner.addresses[0][1]}"
    slack.interactions.root = url
    return LocalMessages(slack, mail, url, runner)
