"""A channel that fails for a while is told on the other one, on a Slack server true to the wire and a real SMTP server."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.alert.cases import Channel, Destination
from services.alert.outages import Outages
from services.alert.outbox import send_until
from services.command.local_mail import LocalMail, local_mail
from services.command.local_slack import local_slack
from tests.integration.test_alert_outbox import BY_MAIL, hurry, in_slack, mail_notifier, now_ms, opened, slack_notifier
from tests.unit.alert.examples import wave


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
