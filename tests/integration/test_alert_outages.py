"""A channel that fails for a while is told on the other one, on a Slack server true to the wire and a real SMTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from services.alert.cases import Channel, Destination
from services.alert.email import EmailNotifier
from services.alert.grouping import case_id
from services.alert.outages import Outages
from services.alert.outbox import send_until
from services.alert.retry import BREAKS_AFTER
from services.alert.webhook import WebhookNotifier
from services.command.local_mail import LocalMail, local_mail
from services.command.local_slack import local_slack
from tests.integration.test_alert_outbox import BY_MAIL, hurry, in_slack, mail_notifier, now_ms, opened, slack_notifier
from tests.unit.alert.examples import MYTH, wave


def subjects(mail: LocalMail) -> list[str]:
    return [received.subject for received in mail.mails]


async def test_a_revoked_token_is_told_by_mail_and_so_is_that_it_works_again(tmp_path: Path) -> None:
    async with local_slack(posts_per_second=None) as slack, local_mail() as mail:
        slack.token_revoked = True
        stopping = asyncio.Event()
        async with opened(tmp_path, in_slack(slack), BY_MAIL) as store:
            await store.take(wave(4, at_ms=now_ms() - 1_000), now_ms())
            channels = [(slack_notifier(slack), 0.0), (mail_notifier(mail), 0.0)]
            sending = asyncio.create_task(send_until(store, channels, stopping, Outages(told_after_ms=300)))
            await heard(mail, "Mythwatch: Alerts by Slack do not arrive")
            text = next(one.text for one in mail.mails if "do not arrive" in one.subject)
            assert "token_revoked" in text
            assert slack.token not in text
            slack.token_revoked = False
            hurry(tmp_path)
            await heard(mail, "Mythwatch: Slack works again")
            await asyncio.sleep(1)
            stopping.set()
            await sending
        assert len(slack.messages) == 1, "what waited arrived"
        told = subjects(mail)
        assert len(told) == 3, "the alert, the outage, its end: each once"


async def test_a_relay_that_is_down_is_told_in_slack(tmp_path: Path) -> None:
    async with local_slack(posts_per_second=None) as slack:
        async with local_mail() as mail:
            gone = mail_notifier(mail)
        stopping = asyncio.Event()
        async with opened(tmp_path, in_slack(slack), Destination(Channel.EMAIL, "officer@hospital.example")) as store:
            await store.take(wave(4, at_ms=now_ms() - 1_000), now_ms())
            channels = [(slack_notifier(slack), 0.0), (gone, 0.0)]
            sending = asyncio.create_task(send_until(store, channels, stopping, Outages(told_after_ms=300)))
            async with asyncio.timeout(20):
                while not any("Alerts by e-mail do not arrive" in str(message.blocks) for message in slack.messages):
                    await asyncio.sleep(0.05)
            stopping.set()
            await sending


async def heard(mail: LocalMail, subject: str) -> None:
    async with asyncio.timeout(20):
        while subject not in subjects(mail):
            await asyncio.sleep(0.05)


class Places:
    """Webhooks that answer by their own path, as told; keeps who got what."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        name, kind = request.match_info["name"], (await request.json())["type"]
        self.got.append((name, kind))
        return web.Response(status=410 if name == "gone" else 422 if kind.startswith("outage") else 200)


@pytest.fixture
async def places() -> AsyncIterator[Places]:
    found = Places()
    app = web.Application()
    app.router.add_post("/{name}", found.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def until_got(places: Places, wanted: tuple[str, str]) -> None:
    async with asyncio.timeout(20):
        while wanted not in places.got:
            await asyncio.sleep(0.05)


async def test_a_place_that_is_gone_keeps_nobody_else_waiting(tmp_path: Path, places: Places) -> None:
    addresses = {name: f"{places.url}/{name}" for name in ("gone", "well")}
    hook = WebhookNotifier(addresses, "secret", "http://console", timeout_s=2.0)
    stopping = asyncio.Event()
    async with opened(tmp_path, Destination(Channel.WEBHOOK, "gone")) as store:
        for number in range(BREAKS_AFTER + 3):
            await store.take(wave(4, myth=f"myth-{number}", at_ms=now_ms() - 1_000), now_ms())
        sending = asyncio.create_task(send_until(store, [(hook, 0.0)], stopping))
        async with asyncio.timeout(20):
            while len(places.got) < BREAKS_AFTER:
                await asyncio.sleep(0.05)
        store.rules.routing.always = (Destination(Channel.WEBHOOK, "well"),)
        await store.take(wave(4, at_ms=now_ms() - 1_000), now_ms())
        await until_got(places, ("well", "case.told"))
        stopping.set()
        await sending
    assert len([name for name, _ in places.got if name == "gone"]) == BREAKS_AFTER, "it rests"


async def test_a_place_that_takes_no_notices_is_told_of_cases_all_the_same(tmp_path: Path, places: Places) -> None:
    hook = WebhookNotifier({"well": f"{places.url}/well"}, "secret", "http://console", timeout_s=2.0)
    outages, stopping = Outages(told_after_ms=0), asyncio.Event()
    outages.failed(Channel.SLACK, "C1", "token_revoked", now_ms())
    async with opened(tmp_path, Destination(Channel.WEBHOOK, "well")) as store:
        sending = asyncio.create_task(send_until(store, [(hook, 0.0)], stopping, outages))
        await until_got(places, ("well", "outage"))
        await store.take(wave(4, at_ms=now_ms() - 1_000), now_ms())
        await until_got(places, ("well", "case.told"))
        stopping.set()
        await sending


async def test_what_cannot_be_composed_stops_nothing_else(tmp_path: Path, places: Places) -> None:
    """A bad address reaches the composing of a mail only when the database holds one from before; it must not stop the service."""
    mails = EmailNotifier("127.0.0.1", 1, "m@hospital.example", "http://console", "en", starttls=False)
    outages, stopping = Outages(told_after_ms=0), asyncio.Event()
    outages.failed(Channel.SLACK, "C1", "token_revoked", now_ms())
    async with opened(tmp_path, Destination(Channel.EMAIL, "no address at all")) as store:
        await store.take(wave(4, at_ms=now_ms() - 1_000), now_ms())
        sending = asyncio.create_task(send_until(store, [(mails, 0.0)], stopping, outages))
        await asyncio.sleep(1.5)
        assert not sending.done(), "the sender goes on"
        stopping.set()
        await sending
        (telling,) = await store.tellings(case_id(MYTH))
        assert (telling.state, "not composed" in telling.error) == ("pending", True)
