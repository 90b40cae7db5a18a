"""The local Slack and mail servers as a process: `python -m services.command.local_messages --help`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from services.command.local_messages.running import start_local_messages
from services.command.local_messages.settings import MessagesSettings
from services.stream.ports import PortTaken
from services.stream.settings import SettingsError, load


async def run(host: str, http_port: int, smtp_port: int, settings: MessagesSettings) -> None:
    """Serve until SIGTERM or SIGINT."""
    running = await start_local_messages(
        host,
        http_port,
        smtp_port,
        settings.slack_token.get_secret_value(),
        settings.slack_signing_secret.get_secret_value(),
        settings.interactivity_url,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(
        f"Received messages: {running.url} (Slack), {running.url}/mail (e-mail on port {running.mail.port})", flush=True
    )
    await stop.wait()
    await running.stop()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m services.command.local_messages",
        description="A local Slack and a local mailbox, and a page that shows what was received.",
        epilog="example: MYTHWATCH_DEMO_SLACK_TOKEN=xoxb-1 MYTHWATCH_DEMO_SLACK_SIGNING_SECRET=s python -m services.command.local_messages",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--http-port", type=int, help="page and Slack Web API (MYTHWATCH_DEMO_MESSAGES_PORT, 8025)")
    parser.add_argument("--smtp-port", type=int, help="SMTP (MYTHWATCH_DEMO_SMTP_PORT, 2525)")
    given = parser.parse_args()
    try:
        settings = load(MessagesSettings)
        http_port = settings.messages_port if given.http_port is None else given.http_port
        smtp_port = settings.smtp_port if given.smtp_port is None else given.smtp_port
        asyncio.run(run(given.host, http_port, smtp_port, settings))
    except (SettingsError, PortTaken) as wrong:
        print(wrong, file=sys.stderr)
        return 2 if isinstance(wrong, SettingsError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
