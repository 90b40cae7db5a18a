"""Cases told on a Slack server true to the wire and on a real SMTP server: once, edited, through every failure."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.alert.cases import Action, CaseView, Channel, Decision, Destination, Job
from services.alert.due import DueRules
from services.alert.email import EmailNotifier
from services.alert.grouping import case_id
from services.alert.outbox import Notifier, Sender, send_until
from services.alert.retry import Attempt
from services.alert.slack import SlackNotifier
from services.alert.store import Store
from services.command.local_mail import LocalMail, local_mail
from services.command.local_slack import LocalSlack, local_slack
from services.stream import metrics
from tests.unit.alert.examples import DELETE, MYTH, OTHER, UPDATE, myth_record, verdict, wave

TO = "officer@hospital.example"


def now_ms() -> int:
    return int(time.time() * 1000)


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with local_slack(posts_per_second=None) as server:
        yield server


@pytest.fixture
async def mail() -> AsyncIterator[LocalMail]:
    async with local_mail() as server:
        yield server


@asynccontextmanager
async def opened(folder: Path, *places: Destination, edit_interval_ms: int = 0) -> AsyncIterator[Store]:
    store = await Store.open(
        f"sqlite+aiosqlite:///{folder}/alert.db",
        places,
        due=DueRules(edit_interval_ms=edit_interval_ms, email_interval_ms=0),
    )
    await store.set_myths([myth_record(), myth_record(OTHER)], now_ms())
    try:
        yield store
    finally:
        await store.close()


def in_slack(slack: LocalSlack) -> Destination:
    return Destination(Channel.SLACK, slack.channel)


BY_MAIL = Destination(Channel.EMAIL, TO)


def slack_notifier(slack: LocalSlack, timeout_s: float = 1.0) -> SlackNotifier:
    return SlackNotifier(slack.token, slack.base_url, "http://console", "en", buttons=True, timeout_s=timeout_s)


def mail_notifier(mail: LocalMail, **more: object) -> EmailNotifier:
    settings: dict[str, object] = {"starttls": False, "timeout_s": 2.0, **more}
    return EmailNotifier(mail.host, mail.port, "mythwatch@hospital.example", "http://console", "en", **settings)  # type: ignore[arg-type]


async def drain(store: Store, notifier: Notifier) -> None:
    """Send all that is due, as the service does."""
    sender = Sender(store, notifier, 0, asyncio.Event())
    try:
        while await sender.step():
            pass
    finally:
        await notifier.close()


def hurry(folder: Path) -> None:
    """Make every waiting notification due: nobody waits for a backoff in a test."""
    with sqlite3.connect(folder / "alert.db") as database:
        database.execute("UPDATE notifications SET next_attempt_ms = 0 WHERE state IN ('pending', 'unsure')")


def states(folder: Path) -> list[tuple[str, str, str]]:
    with sqlite3.connect(folder / "alert.db") as database:
        return database.execute("SELECT action, state, error FROM notifications ORDER BY sequence").fetchall()


async def test_a_growing_narrative_is_one_message_that_is_edited(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(2, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        assert slack.messages == []
        await store.take(wave(5, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        await store.take(wave(5, at_ms=now_ms() - 1000), now_ms())
        await store.take(wave(5, start=6, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
    (message,) = slack.messages
    assert message.updates == 1
    assert "10 posts by 10 accounts" in str(message.blocks)
    # An edit is silent: that the advice rose is said in its thread, for the channel to see, without a word of a post.
    (reply,) = slack.replies
    assert (reply.thread_ts, reply.broadcast) == (message.ts, True)
    assert "rose from monitor to respond" in reply.text
    assert "they lie about sunscreen" not in str(reply.blocks)


async def test_a_rise_that_may_have_arrived_is_said_once(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(5, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        await store.take(wave(5, start=6, at_ms=now_ms() - 1000), now_ms())
        slack.fail_next("drop_after", method="chat.postMessage")
        await drain(store, slack_notifier(slack))
        assert [state for _, state, _ in states(tmp_path)] == ["sent", "unsure"]
        hurry(tmp_path)
        await drain(store, slack_notifier(slack))
        assert [state for _, state, _ in states(tmp_path)] == ["sent", "sent"]
    assert len(slack.messages) == 1
    assert len(slack.replies) == 1


async def test_growth_edits_at_most_once_in_the_interval_and_is_not_forgotten(
    tmp_path: Path, slack: LocalSlack
) -> None:
    async with opened(tmp_path, in_slack(slack), edit_interval_ms=1_000) as store:
        for size in range(3, 9):
            await store.take(wave(size, at_ms=now_ms() - 1000), now_ms())
            await drain(store, slack_notifier(slack))
        (message,) = slack.messages
        assert message.updates == 0
        await asyncio.sleep(1.1)
        await drain(store, slack_notifier(slack))
        assert message.updates == 1
        assert "8 posts by 8 accounts" in str(message.blocks)


async def test_deleting_a_quoted_post_edits_the_message_at_once(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack), edit_interval_ms=3_600_000) as store:
        await store.take(wave(3, text="very personal words", at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        (message,) = slack.messages
        assert str(message.blocks).count("very personal words") == 3
        gone = [verdict(f"bluesky:{MYTH}-{n}", action=DELETE, at_ms=now_ms()) for n in (1, 2, 3)]
        await store.take(gone[:1], now_ms())
        await drain(store, slack_notifier(slack))
        assert str(message.blocks).count("very personal words") == 2
        await store.take(gone[1:], now_ms())
        await drain(store, slack_notifier(slack))
        assert "very personal words" not in str(message.blocks) + message.text
        assert len(slack.messages) == 1


async def test_an_edited_post_is_quoted_as_it_is_now(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack), edit_interval_ms=3_600_000) as store:
        await store.take(wave(3, text="first words", at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        edited = verdict(f"bluesky:{MYTH}-1", "second thoughts", author="author1", action=UPDATE, at_ms=now_ms())
        await store.take([edited], now_ms())
        await drain(store, slack_notifier(slack))
        (message,) = slack.messages
        assert "first words 1" not in str(message.blocks)
        assert "second thoughts" in str(message.blocks)


@pytest.mark.parametrize("fault", ["error500", "html503", "disconnect", "hang", "ratelimited", "drop_after"])
async def test_slack_on_a_bad_day_gets_the_message_once(tmp_path: Path, slack: LocalSlack, fault: str) -> None:
    slack.fail_next(fault, 2, method="chat.postMessage", retry_after=0, seconds=20)  # type: ignore[arg-type]
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        for _ in range(3):
            await drain(store, slack_notifier(slack, timeout_s=1.0))
            hurry(tmp_path)
        await store.take(wave(4, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
    assert len(slack.workspace.messages) == 1
    assert "4 posts" in str(slack.messages[0].blocks)


async def test_retry_after_is_respected(tmp_path: Path, slack: LocalSlack) -> None:
    slack.fail_next("ratelimited", 1, method="chat.postMessage", retry_after=30)
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        sender = Sender(store, notifier := slack_notifier(slack), 0, asyncio.Event())
        assert await sender.step()
        with sqlite3.connect(tmp_path / "alert.db") as database:
            (due,) = database.execute("SELECT next_attempt_ms FROM notifications").fetchone()
        assert due - now_ms() > 28_000
        with pytest.raises(TimeoutError):  # nothing at all goes to Slack meanwhile
            await asyncio.wait_for(sender.step(), 0.3)
        await notifier.close()


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked"])
async def test_a_refused_token_is_loud_once_and_the_mail_still_goes_out(
    tmp_path: Path, slack: LocalSlack, mail: LocalMail, error: str
) -> None:
    slack.fail_next("error", 2, error=error)
    async with opened(tmp_path, in_slack(slack), BY_MAIL) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        await drain(store, mail_notifier(mail))
        assert len(mail.mails) == 1
        assert metrics.CHANNEL_BROKEN.labels("slack")._value.get() == 1
        (refused,) = [row for row in states(tmp_path) if row[1] != "sent"]
        assert error in refused[2]
        assert slack.token not in str(states(tmp_path))
        for _ in range(2):
            hurry(tmp_path)
            await drain(store, slack_notifier(slack))
        assert len(slack.messages) == 1
        assert metrics.CHANNEL_BROKEN.labels("slack")._value.get() == 0


async def test_mail_refused_is_sent_later_and_slack_does_not_wait(
    tmp_path: Path, slack: LocalSlack, mail: LocalMail
) -> None:
    mail.fail_next("refuse", 1)
    mail.fail_next("refuse_data", 1)
    stopping = asyncio.Event()
    async with opened(tmp_path, in_slack(slack), BY_MAIL) as store:
        running = asyncio.create_task(
            send_until(store, [(slack_notifier(slack), 0), (mail_notifier(mail), 0)], stopping)
        )
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        async with asyncio.timeout(20):
            while not slack.messages:
                await asyncio.sleep(0.02)
            assert mail.mails == []
            while not mail.mails:
                await asyncio.sleep(0.05)
        stopping.set()
        await running
    assert len(mail.mails) == 1


async def test_mail_that_may_have_arrived_comes_again_as_the_same_mail(tmp_path: Path, mail: LocalMail) -> None:
    mail.fail_next("drop_after", 1)
    async with opened(tmp_path, BY_MAIL) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        await drain(store, mail_notifier(mail))
        hurry(tmp_path)
        await drain(store, mail_notifier(mail))
    assert len(mail.mails) == 2
    assert len(mail.by_message_id()) == 1


async def test_mail_follows_up_in_the_same_thread_only_when_posts_double_or_the_advice_rises(
    tmp_path: Path, mail: LocalMail
) -> None:
    async with opened(tmp_path, BY_MAIL) as store:
        for size in range(3, 13):
            await store.take(wave(size, at_ms=now_ms() - 1000), now_ms())
            await drain(store, mail_notifier(mail))
    reasons = [one.text.splitlines()[0] for one in mail.mails]
    assert len(mail.mails) == 3, reasons  # at 3 posts; at 6; at 10 the advice rises to respond
    assert len(mail.threads()) == 1
    assert "RESPOND" in reasons[-1]
    assert [one.subject.startswith("Re: ") for one in mail.mails] == [False, True, True]


async def test_sign_in_and_refused_password(tmp_path: Path) -> None:
    async with local_mail(user="u", password="right") as mail, opened(tmp_path, BY_MAIL) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        await drain(store, mail_notifier(mail, user="u", password="wrong-secret"))
        assert metrics.CHANNEL_BROKEN.labels("email")._value.get() == 1
        assert "wrong-secret" not in str(states(tmp_path))
        hurry(tmp_path)
        await drain(store, mail_notifier(mail, user="u", password="right"))
        assert len(mail.mails) == 1


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_message_left_in_sending_by_a_killed_process(tmp_path: Path, slack: LocalSlack, arrived: bool) -> None:
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        job = await store.outbox.claim(Channel.SLACK, now_ms())
        assert isinstance(job, Job)
        if arrived:  # Slack took it, and then the process died before it could record that
            view = await store.view(job.case_id, now_ms())
            assert view is not None
            await (first := slack_notifier(slack)).send(job, view)
            await first.close()
    for n in range(150):  # the channel is busy: the message is no longer on the first page
        slack.workspace.post(
            {"channel": slack.channel, "text": f"hello {n}"}, time.time(), user="U04OFFICER1", via="person"
        )
    async with opened(tmp_path, in_slack(slack)) as store:
        assert await store.outbox.adopt(now_ms(), settle_ms=0) == 1
        await drain(store, slack_notifier(slack))
        assert states(tmp_path) == [("post", "sent", "")]
    assert len([message for message in slack.messages if message.metadata]) == 1


async def test_a_message_that_was_removed_in_slack_is_told_anew(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        slack.messages[0].deleted = True
        await store.take(wave(4, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        await store.take(wave(5, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
    (message,) = slack.messages
    assert message.updates == 1
    assert "5 posts" in str(message.blocks)


async def test_not_a_myth_is_shown_once_and_new_posts_tell_nobody(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
        await store.decide(Decision(case_id(MYTH), Action.NOT_A_MYTH, "U04OFFICER1", "slack", "1.0"), now_ms())
        await drain(store, slack_notifier(slack))
        await store.take(wave(30, at_ms=now_ms() - 1000), now_ms())
        await drain(store, slack_notifier(slack))
    (message,) = slack.messages
    assert message.updates == 1
    assert "they lie" not in str(message.blocks)
    assert "Not a myth" in str(message.blocks[0])


async def test_two_senders_on_one_database_tell_each_case_once(tmp_path: Path, slack: LocalSlack) -> None:
    stopping = asyncio.Event()
    async with opened(tmp_path, in_slack(slack)) as one, opened(tmp_path, in_slack(slack)) as two:
        running = [
            asyncio.create_task(send_until(store, [(slack_notifier(slack), 0)], stopping)) for store in (one, two)
        ]
        for myth in (MYTH, OTHER):
            await one.take(wave(3, myth=myth, at_ms=now_ms() - 1000), now_ms())
        async with asyncio.timeout(20):
            while len(slack.messages) < 2:
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        stopping.set()
        await asyncio.gather(*running)
    assert len(slack.messages) == 2


async def test_a_locked_database_holds_the_message_back_and_loses_nothing(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        sender = Sender(store, notifier := slack_notifier(slack), 0, asyncio.Event())
        posted = notifier.send

        async def lock_after(job: Job, view: object) -> object:
            attempt = await posted(job, view)  # type: ignore[arg-type]
            locker.execute("BEGIN IMMEDIATE")
            asyncio.get_running_loop().call_later(6, locker.rollback)
            return attempt

        locker = sqlite3.connect(tmp_path / "alert.db", isolation_level=None)
        notifier.send = lock_after  # type: ignore[method-assign,assignment]
        assert await sender.step()
        await notifier.close()
        locker.close()
        assert states(tmp_path)[0][1] == "sent"
    assert len(slack.messages) == 1


_SENDER = """
import asyncio, sys
from services.alert.cases import Channel, Destination
from services.alert.due import DueRules
from services.alert.email import EmailNotifier
from services.alert.outbox import send_until
from services.alert.retry import Attempt
from services.alert.slack import SlackNotifier
from services.alert.store import Store

async def main(url, token, base_url, channel, port):
    places = (Destination(Channel.SLACK, channel), Destination(Channel.EMAIL, "officer@hospital.example"))
    store = await Store.open(url, places, due=DueRules(edit_interval_ms=0))
    slack = SlackNotifier(token, base_url, "http://console", "en", buttons=True)
    mail = EmailNotifier("127.0.0.1", int(port), "mythwatch@hospital.example", "http://console", "en", starttls=False)
    await send_until(store, [(slack, 0), (mail, 0)], asyncio.Event())

asyncio.run(main(*sys.argv[1:]))
"""


async def test_senders_killed_in_mid_message_tell_each_case_once(
    tmp_path: Path, slack: LocalSlack, mail: LocalMail
) -> None:
    rng = random.Random(3)
    url, myths = f"sqlite+aiosqlite:///{tmp_path}/alert.db", [f"myth-{n}" for n in range(60)]

    async def start() -> asyncio.subprocess.Process:
        arguments = (url, slack.token, slack.base_url, slack.channel, str(mail.port))
        return await asyncio.create_subprocess_exec(sys.executable, "-c", _SENDER, *arguments)

    async with opened(tmp_path, in_slack(slack), BY_MAIL) as store:
        for myth in myths:
            await store.take(wave(3, myth=myth, at_ms=now_ms() - 1000), now_ms())
    for _ in range(8):
        before = len(slack.messages)
        process = await start()
        async with asyncio.timeout(30):
            while len(slack.messages) == before and before < len(myths):
                await asyncio.sleep(0.001)
        await asyncio.sleep(rng.uniform(0, 0.15))
        process.kill()
        await process.wait()
    process = await start()
    async with asyncio.timeout(60):
        while {state for _, state, _ in states(tmp_path)} != {"sent"}:
            await asyncio.sleep(0.1)
    process.kill()
    await process.wait()
    cases = sorted(case_id(myth) for myth in myths)
    assert sorted(message.metadata["event_payload"]["case_id"] for message in slack.workspace.messages) == cases  # type: ignore[index]
    assert len(mail.by_message_id()) == len(myths)
    assert len(mail.threads()) == len(myths)


async def test_without_starttls_at_the_relay_nothing_is_sent_in_the_clear(tmp_path: Path, mail: LocalMail) -> None:
    async with opened(tmp_path, BY_MAIL) as store:
        await store.take(wave(3, at_ms=now_ms() - 1000), now_ms())
        await drain(store, mail_notifier(mail, starttls=True))
        assert mail.mails == []
        ((_, state, error),) = states(tmp_path)
        assert (state, "MYTHWATCH_ALERT_SMTP_STARTTLS" in error) == ("pending", True)


class _Unspeakable:
    """The real Slack channel with one case whose message can't be composed."""

    channel = Channel.SLACK

    def __init__(self, notifier: SlackNotifier, myth: str) -> None:
        self._notifier, self._case = notifier, case_id(myth)

    async def send(self, job: Job, view: CaseView) -> Attempt:
        if job.case_id == self._case:
            raise KeyError("a field that no message expects")
        return await self._notifier.send(job, view)

    async def close(self) -> None:
        await self._notifier.close()


async def test_a_message_that_cannot_be_composed_holds_no_other_back(tmp_path: Path, slack: LocalSlack) -> None:
    async with opened(tmp_path, in_slack(slack)) as store:
        await store.take(wave(3, at_ms=now_ms() - 2000), now_ms())
        await store.take(wave(3, myth=OTHER, at_ms=now_ms() - 1000), now_ms())
        await drain(store, _Unspeakable(slack_notifier(slack), MYTH))
        (message,) = slack.messages
        assert case_id(OTHER) in str(message.blocks)
    assert ("post", "pending", "not composed: KeyError") in states(tmp_path)
