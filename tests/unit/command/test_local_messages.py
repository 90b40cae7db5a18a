"""The page of received messages: real blocks and mails in, what a person sees out, safely."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

import aiohttp
import aiosmtplib
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from services.command.local_messages import LocalMessages, start_local_messages
from services.stream.ports import PortTaken

BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": ":rotating_light: Aspirin <stops> a stroke"}},
    {"type": "section", "text": {"type": "mrkdwn", "text": "> said &lt;script&gt;alert(1)&lt;/script&gt; *loudly*"}},
    {
        "type": "section",
        "fields": [{"type": "mrkdwn", "text": "*Spread*\n12 posts"}, {"type": "mrkdwn", "text": "*Harm*\ngrave"}],
    },
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "Source: <https://www.who.int/|WHO>"}]},
    {
        "type": "actions",
        "block_id": "case",
        "elements": [
            {
                "type": "button",
                "action_id": "acknowledge",
                "style": "primary",
                "text": {"type": "plain_text", "text": "Acknowledge"},
            },
            {
                "type": "button",
                "action_id": "open",
                "url": "javascript:alert(1)",
                "text": {"type": "plain_text", "text": "Open"},
            },
        ],
    },
]


@pytest.fixture
async def received() -> AsyncIterator[LocalMessages]:
    running = await start_local_messages("127.0.0.1", 0, 0, "xoxb-1", "secret")
    yield running
    await running.stop()


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def slack(received: LocalMessages) -> AsyncWebClient:
    return AsyncWebClient(token="xoxb-1", base_url=received.slack.base_url)


async def mail(received: LocalMessages, html: str, message_id: str = "<1@x>", **headers: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "m@hospital.example", "officer@hospital.example", "Alert <b>"
    message["Message-ID"] = message_id
    for name, value in headers.items():
        message[name] = value
    message.set_content("the plain text & more")
    message.add_alternative(html, subtype="html")
    await aiosmtplib.send(message, hostname="127.0.0.1", port=received.mail.port)


async def test_the_channel_shows_every_block_and_escapes_what_comes_from_outside(
    received: LocalMessages, browser: aiohttp.ClientSession
) -> None:
    posted = await slack(received).chat_postMessage(channel=received.slack.channel, text="12 posts", blocks=BLOCKS)
    await slack(received).chat_update(channel=posted["channel"], ts=posted["ts"], text="13 posts", blocks=BLOCKS)
    answer = await browser.get(received.url)
    page = await answer.text()
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "🚨 Aspirin &lt;stops&gt; a stroke" in page
    assert "<blockquote>said &lt;script&gt;alert(1)&lt;/script&gt; <b>loudly</b></blockquote>" in page
    assert "<b>Spread</b><br>12 posts" in page
    assert '<a href="https://www.who.int/"' in page
    assert 'data-action="acknowledge"' in page
    assert "javascript:" not in page
    assert "Posted once, edited 1 time" in page
    assert "<script>" not in page


async def test_replies_stand_under_their_message_and_plain_edits_are_marked(
    received: LocalMessages, browser: aiohttp.ClientSession
) -> None:
    posted = await slack(received).chat_postMessage(channel=received.slack.channel, text="a narrative")
    await browser.post(f"{received.url}/control/say", json={"text": "on it <@U04DOCTOR01>", "thread_ts": posted["ts"]})
    await slack(received).chat_update(channel=posted["channel"], ts=posted["ts"], text="a *growing* narrative")
    page = await (await browser.get(received.url)).text()
    assert "1 reply" in page
    assert '<span class="mention">@dr.okafor</span>' in page
    assert "a <b>growing</b> narrative" in page
    assert "(edited)" in page


async def test_a_button_on_the_page_is_slacks_signed_click(
    received: LocalMessages, browser: aiohttp.ClientSession
) -> None:
    got: list[bytes] = []

    async def endpoint(request: web.Request) -> web.Response:
        got.append(await request.read())
        assert request.headers["X-Slack-Signature"].startswith("v0=")
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/slack/interactions", endpoint)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    received.slack.set_interactivity_url(f"http://127.0.0.1:{runner.addresses[0][1]}/slack/interactions")
    posted = await slack(received).chat_postMessage(channel=received.slack.channel, text="t", blocks=BLOCKS)
    form = {"ts": posted["ts"], "action_id": "acknowledge", "block_id": "case", "channel": posted["channel"]}
    answer = await browser.post(f"{received.url}/click", data=form, allow_redirects=False)
    assert answer.status == 303
    assert len(got) == 1
    foreign = await browser.post(f"{received.url}/click", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status == 403
    gone = await browser.post(f"{received.url}/click", data={**form, "action_id": "gone"})
    assert gone.status == 404
    assert len(got) == 1
    await runner.cleanup()


async def test_another_name_for_this_machine_is_refused(
    received: LocalMessages, browser: aiohttp.ClientSession
) -> None:
    assert (await browser.get(received.url, headers={"Host": "evil.example"})).status == 403
    assert (await browser.get(received.url, headers={"Host": "localhost:8025"})).status == 200


async def test_a_mail_is_shown_in_a_sandbox_with_its_text_and_source(
    received: LocalMessages, browser: aiohttp.ClientSession
) -> None:
    await mail(received, "<p>hello <img src='https://tracker.example/x.png'><script>alert(1)</script></p>")
    listed = await (await browser.get(f"{received.url}/mail")).text()
    assert "Alert &lt;b&gt;" in listed
    page = await (await browser.get(f"{received.url}/mail/1")).text()
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "tracker.example" not in page
    frame = await browser.get(f"{received.url}/mail/1/html")
    policy = frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "the plain text &amp; more" in await (await browser.get(f"{received.url}/mail/1?part=text")).text()
    assert "Message-ID: &lt;1@x&gt;" in await (await browser.get(f"{received.url}/mail/1?part=source")).text()
    assert (await browser.get(f"{received.url}/mail/2")).status == 404


async def test_a_mail_that_came_twice_is_told(received: LocalMessages, browser: aiohttp.ClientSession) -> None:
    await mail(received, "<p>1</p>")
    await mail(received, "<p>1</p>")
    assert "received 2 times" in await (await browser.get(f"{received.url}/mail")).text()


async def test_the_terminal_view_gets_what_was_received(
    received: LocalMessages, browser: aiohttp.ClientSession
) -> None:
    posted = await slack(received).chat_postMessage(channel=received.slack.channel, text="12 posts")
    await slack(received).chat_update(channel=posted["channel"], ts=posted["ts"], text="13 posts")
    await browser.post(f"{received.url}/control/say", json={"text": "a person's message is not the app's"})
    await mail(received, "<p>1</p>", References="<0@x>")
    got = await (await browser.get(f"{received.url}/api/received")).json()
    assert [(message["text"], message["edits"]) for message in got["slack"]] == [("13 posts", 1)]
    assert [(one["subject"], one["thread"]) for one in got["mails"]] == [("Alert <b>", "<0@x>")]


async def test_live_parts_are_sent_again_only_when_changed(
    received: LocalMessages, browser: aiohttp.ClientSession
) -> None:
    url = f"{received.url}/live/slack"
    first = await browser.get(url)
    same = await browser.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert same.status == 304
    await slack(received).chat_postMessage(channel=received.slack.channel, text="new")
    changed = await browser.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status == 200
    assert "new" in await changed.text()


async def test_it_stops_at_once_though_clients_hang() -> None:
    running = await start_local_messages("127.0.0.1", 0, 0, "xoxb-1", "secret")
    running.slack.fail_next("hang")
    client = AsyncWebClient(token="xoxb-1", base_url=running.slack.base_url, retry_handlers=[])
    hanging = asyncio.create_task(client.auth_test())
    _, writer = await asyncio.open_connection("127.0.0.1", running.mail.port)
    await asyncio.sleep(0.1)
    await asyncio.wait_for(running.stop(), 5)
    with pytest.raises(aiohttp.ClientError):
        await hanging
    writer.close()


async def test_a_taken_port_is_named_with_its_setting(received: LocalMessages) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match="MYTHWATCH_DEMO_SMTP_PORT"):
            await start_local_messages("127.0.0.1", 0, port, "t", "s")
        with pytest.raises(PortTaken, match="MYTHWATCH_DEMO_MESSAGES_PORT"):
            await start_local_messages("127.0.0.1", port, 0, "t", "s")


async def test_as_a_process_it_says_where_it_is_and_ends_on_sigterm() -> None:
    environment = {**os.environ, "MYTHWATCH_DEMO_SLACK_TOKEN": "xoxb-1", "MYTHWATCH_DEMO_SLACK_SIGNING_SECRET": "hush"}
    arguments = ["-m", "services.command.local_messages", "--http-port", "0", "--smtp-port", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    said = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert "Received messages: http://127.0.0.1:" in said
    assert "hush" not in said
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0


def test_as_a_process_a_missing_setting_is_one_line() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MYTHWATCH_")}
    done = subprocess.run(
        [sys.executable, "-m", "services.command.local_messages"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("MYTHWATCH_DEMO_SLACK_TOKEN: ")
    assert done.stderr.count("\n") == 1
