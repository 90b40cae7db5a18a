"""The sender of one channel: takes a due notification, sends it, records how it ended; one message at a time.

Each channel has its own sender, so that one that is down never delays the other.
docs/decisions/0031-outbox-without-repeats.md tells how a restart neither loses nor repeats a message.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar

from services.alert.cases import CaseView, Channel, Job
from services.alert.digest import Contents
from services.alert.digest_rows import DigestJob
from services.alert.outages import Notice, Outages, everybody
from services.alert.rests import Rests
from services.alert.retry import SETTLE_S, SLOWLY_S, Attempt, Ending, channel_failed, next_attempt
from services.alert.sender_lock import SenderLock
from services.alert.store import Store
from services.stream import metrics
from services.stream.codec import trace_id
from services.stream.failures import NotReady
from services.stream.logs import log

T = TypeVar("T")

IDLE_S = 0.5
AWAY_S = 1.0
LOCK_CHECK_S = 1.0
MOST_NOTICE_TRIES = 10


class Notifier(Protocol):
    """One channel: Slack or e-mail."""

    channel: Channel

    async def send(self, job: Job, view: CaseView) -> Attempt:
        """Post or update. Never raises for what the channel may do."""
        ...

    async def send_digest(self, job: DigestJob, contents: Contents) -> Attempt:
        """Post a digest. Never raises for what the channel may do."""
        ...

    async def send_notice(self, recipient: str, notice: Notice) -> Attempt:
        """Say that another channel fails. Never raises for what the channel may do."""
        ...

    async def close(self) -> None: ...


async def send_until(
    store: Store, notifiers: Sequence[tuple[Notifier, float]], stopping: asyncio.Event, outages: Outages | None = None
) -> None:
    """Run a sender for each channel until `stopping`, while this process holds the sender's lock."""
    lock, outages = SenderLock(store.database), outages or Outages()
    try:
        while not stopping.is_set():
            if not await lock.acquire(stopping):
                return
            ending = asyncio.Event()
            await _adopted(store, stopping)
            senders = [
                asyncio.create_task(Sender(store, notifier, interval_s, ending, outages).run())
                for notifier, interval_s in notifiers
            ]
            watch = asyncio.create_task(_until_lost(lock, stopping))
            await asyncio.wait([watch, *senders], return_when=asyncio.FIRST_COMPLETED)
            ending.set()
            watch.cancel()
            for sender in senders:
                await sender
            await lock.release()
    finally:
        await lock.release()
        for notifier, _ in notifiers:
            await notifier.close()


async def _adopted(store: Store, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        try:
            if left := await store.outbox.adopt(_now_ms(), int(SETTLE_S * 1000)):
                log.warning("messages may have arrived before a restart", action="outbox_unsure", count=left)
            await store.digests.adopt(_now_ms())
            return
        except NotReady:
            await asyncio.sleep(AWAY_S)


async def _until_lost(lock: SenderLock, stopping: asyncio.Event) -> None:
    while not stopping.is_set() and await lock.held():
        try:
            async with asyncio.timeout(LOCK_CHECK_S):
                await stopping.wait()
        except TimeoutError:
            pass


class Sender:
    """Sends what is due on one channel until `stopping` is set."""

    def __init__(
        self,
        store: Store,
        notifier: Notifier,
        interval_s: float,
        stopping: asyncio.Event,
        outages: Outages | None = None,
    ) -> None:
        self._outages = outages or Outages()
        self._rests = Rests()
        self._notice_tries: dict[str, int] = {}
        self._notice_at = 0.0  # monotonic: not before, after one that did not arrive
        self._store = store
        self._notifier = notifier
        self._interval_s = interval_s
        self._stopping = stopping
        self._wait_until = 0.0  # monotonic: pacing, or what the channel asked for
        self._broken = False
        self._changed = store.subscribe()
        metrics.CHANNEL_BROKEN.labels(notifier.channel.value).set(0)

    async def run(self) -> None:
        """Until stopped; a message in hand is finished."""
        while not self._stopping.is_set():
            try:
                worked = await self.step()
            except NotReady as away:
                log.warning("outbox waits", action="outbox_away", channel=self._notifier.channel.value, why=str(away))
                await self._sleep(AWAY_S)
                continue
            if not worked:
                await self._idle()

    async def step(self) -> bool:
        """Send one notification; False when none is due."""
        pause = self._wait_until - time.monotonic()
        if pause > 0:
            await self._sleep(pause)
            if self._stopping.is_set():
                return False
        if time.monotonic() >= self._notice_at and await self._notice():
            return True
        resting = self._rests.resting(time.monotonic())
        job = await self._store.outbox.claim(self._notifier.channel, _now_ms(), resting)
        if job is None:
            return await self._digest(resting)
        view = await self._certainly(lambda: self._store.view(job.case_id, _now_ms()))
        assert view is not None
        attempt = await self._attempt(job, view)
        self._pace(job.recipient, attempt)
        await self._certainly(lambda: self._record(job, view, attempt))
        self._say(job, attempt)
        return True

    async def _notice(self) -> bool:
        """Say that another channel fails, or works again; False when there is nothing to say."""
        channel, routing = self._notifier.channel, self._store.rules.routing
        notice = self._outages.due(channel, _now_ms())
        if notice is None:
            return False
        people = everybody(routing.routes, routing.always, channel, _now_ms())
        endings = [
            await self._composed("notice", lambda to=one: self._notifier.send_notice(to, notice))  # type: ignore[misc]
            for one in people
        ]
        arrived = sum(one.ending is Ending.SENT for one in endings)
        self._wait_until = time.monotonic() + self._interval_s
        tries = self._notice_tries[notice.id] = self._notice_tries.get(notice.id, 0) + 1
        if arrived or not people or tries >= MOST_NOTICE_TRIES:
            self._outages.told(channel, notice)
            del self._notice_tries[notice.id]
        else:
            # Cases go out meanwhile: a place that takes no notices may take those.
            self._notice_at = time.monotonic() + SLOWLY_S
        words = {"failing": notice.channel.value, "told": arrived, "over": notice.over}
        log.warning("outage told", action="outage_told", channel=channel.value, **words)
        return True

    def _pace(self, recipient: str, attempt: Attempt) -> None:
        """When the channel, and this place on it, may be used again, and what the other channels should know."""
        channel = self._notifier.channel
        if channel_failed(attempt):
            self._outages.failed(channel, recipient, attempt.error, _now_ms())
        elif attempt.ending is Ending.SENT:
            self._outages.worked(channel, recipient, _now_ms())
        self._rests.note(recipient, attempt, time.monotonic())
        # Slack and a relay ask everybody to wait; a chat or a webhook asks for itself.
        asked_s = attempt.retry_after_s if channel in (Channel.SLACK, Channel.EMAIL) else 0.0
        self._wait_until = time.monotonic() + max(self._interval_s, asked_s)

    async def _digest(self, resting: Collection[str]) -> bool:
        """Send a digest when one is due and nothing else is; False when none is."""
        digests = self._store.digests
        taken = await digests.claim(self._notifier.channel, _now_ms(), resting)
        if taken is None:
            return False
        job, contents = taken
        attempt = await self._composed("digest", lambda: self._notifier.send_digest(job, contents))
        self._pace(job.due.destination.recipient, attempt)
        after = next_attempt(attempt, job.attempts, job.due.until_ms, _now_ms())
        if attempt.ending is Ending.SENT:
            await self._certainly(lambda: digests.sent(job, contents, _now_ms()))
        elif after.give_up or attempt.ending is Ending.GONE:
            await self._certainly(lambda: digests.given_up(job, attempt.error))
        else:
            unsure = attempt.ending is Ending.UNSURE or job.unsure
            await self._certainly(lambda: digests.later(job, attempt.error, after.at_ms, unsure=unsure))
        outcome = "sent" if attempt.ending is Ending.SENT else "failed"
        metrics.NOTIFICATIONS.labels(self._notifier.channel.value, outcome).inc()
        log.info("digest", action="digest", outcome=outcome, channel=self._notifier.channel.value, error=attempt.error)
        return True

    async def _attempt(self, job: Job, view: CaseView) -> Attempt:
        """A message that can't even be composed is this message's trouble: the others of the channel go out."""
        return await self._composed(job.id, lambda: self._notifier.send(job, view))

    async def _composed(self, what: str, send: Callable[[], Awaitable[Attempt]]) -> Attempt:
        try:
            return await send()
        except Exception as error:
            log.exception("message not composed", action="compose_failed", what=what)
            return Attempt(Ending.REJECTED, error=f"not composed: {type(error).__name__}")

    async def _record(self, job: Job, view: CaseView, attempt: Attempt) -> None:
        outbox, now_ms = self._store.outbox, _now_ms()
        if attempt.ending is Ending.SENT:
            await outbox.sent(job, view, attempt.external_id, now_ms)
            self._store.changed()
        elif attempt.ending is Ending.GONE:
            await outbox.gone(job, attempt.error, now_ms)
        else:
            after = next_attempt(attempt, job.attempts, job.created_ms, now_ms)
            if after.give_up:
                await outbox.given_up(job, attempt.error)
            else:
                # An earlier attempt that may have arrived is not undone by a later one that certainly did not.
                unsure = attempt.ending is Ending.UNSURE or job.unsure
                await outbox.later(job, attempt.error, after.at_ms, unsure=unsure)

    def _say(self, job: Job, attempt: Attempt) -> None:
        channel = self._notifier.channel.value
        words = {"channel": channel, "case_id": job.case_id, "notification_id": job.id, "trace_id": trace_id(job.trace)}
        if attempt.ending is Ending.SENT:
            metrics.NOTIFICATIONS.labels(channel, "sent").inc()
            if job.action == "post" and job.cause_ms:
                metrics.ALERT_SECONDS.labels(channel).observe(max(0.0, time.time() - job.cause_ms / 1000))
            log.info("told", action="notify", what=job.action, why=job.reason, attempts=job.attempts, **words)
        else:
            outcome = "unsure" if attempt.ending is Ending.UNSURE else "failed"
            metrics.NOTIFICATIONS.labels(channel, outcome).inc()
            log.warning("not told yet", action="notify_failed", error=attempt.error, attempts=job.attempts, **words)
        if attempt.ending is Ending.BROKEN and not self._broken:
            log.error(
                "channel broken: people are not told here until it is mended", action="channel_broken",
                channel=channel, error=attempt.error,
            )  # fmt: skip
        if attempt.ending in (Ending.BROKEN, Ending.SENT):
            self._broken = attempt.ending is Ending.BROKEN
            metrics.CHANNEL_BROKEN.labels(channel).set(int(self._broken))

    async def _certainly(self, work: Callable[[], Awaitable[T]]) -> T:
        """Repeat `work` until the database takes it: what was sent must be recorded, whatever the wait."""
        while True:
            try:
                return await work()
            except NotReady:
                await asyncio.sleep(AWAY_S)

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout(IDLE_S):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass


def _now_ms() -> int:
    return int(time.time() * 1000)
