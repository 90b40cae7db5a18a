"""A channel that has failed for a while is itself an alert, which the other channels carry. Pure: times are passed in.

Kept in memory: after a restart an outage that goes on is told once more, which is better than never.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.alert.cases import Channel, Destination
from services.alert.routes import Routes
from services.alert.wording import clock_time

TOLD_AFTER_MS = 5 * 60_000
NAMES = {Channel.SLACK: "Slack", Channel.EMAIL: "e-mail", Channel.CHAT: "chat", Channel.WEBHOOK: "webhook"}


@dataclass(frozen=True)
class Notice:
    """That `channel` fails since `since_ms` (ms UTC) because of `error`, or (`over`) that it works again."""

    channel: Channel
    since_ms: int
    error: str
    over: bool = False

    @property
    def id(self) -> str:
        """The same however often it is told."""
        return f"{self.channel.value}-{self.since_ms}{'-over' if self.over else ''}"

    @property
    def title(self) -> str:
        """One line."""
        return f"{self._name} works again" if self.over else f"Alerts by {NAMES[self.channel]} do not arrive"

    @property
    def text(self) -> str:
        """What to know, and what to do."""
        since = clock_time(self.since_ms)
        if self.over:
            return f"{self._name} failed from {since} on. What waited is being sent now."
        return (
            f"{self._name} fails since {since}: {self.error.rstrip('.')}. Nothing is lost: what waits is sent once it works again. "
            "Until then look into the console, and ask whoever runs Mythwatch to mend it."
        )

    @property
    def _name(self) -> str:
        return NAMES[self.channel][0].upper() + NAMES[self.channel][1:]


class Outages:
    """What the senders of all channels know of one another."""

    def __init__(self, told_after_ms: int = TOLD_AFTER_MS) -> None:
        self._told_after_ms = told_after_ms
        self._failing: dict[Channel, Notice] = {}
        self._told: dict[Channel, set[Channel]] = {}  # by failing channel: where it was told
        self._over: dict[Channel, list[Notice]] = {}  # by channel: what it still has to say

    def failed(self, channel: Channel, error: str, now_ms: int) -> None:
        """Another attempt failed, for the channel's sake and not the message's."""
        since_ms = self._failing[channel].since_ms if channel in self._failing else now_ms
        self._failing[channel] = Notice(channel, since_ms, error)

    def worked(self, channel: Channel) -> None:
        """The channel took a message."""
        failed = self._failing.pop(channel, None)
        for other in self._told.pop(channel, set()):
            if failed is not None:
                self._over.setdefault(other, []).append(Notice(channel, failed.since_ms, "", over=True))

    def due(self, channel: Channel, now_ms: int) -> Notice | None:
        """What `channel` should say now of another; None when there is nothing."""
        if over := self._over.get(channel):
            return over[0]
        for other, notice in self._failing.items():
            late = now_ms - notice.since_ms >= self._told_after_ms
            if other is not channel and late and channel not in self._told.get(other, ()):
                return notice
        return None

    def told(self, channel: Channel, notice: Notice) -> None:
        """`channel` said it."""
        if notice.over:
            self._over[channel].remove(notice)
        elif notice.channel in self._failing:
            self._told.setdefault(notice.channel, set()).add(channel)
        else:  # it works again since
            self._over.setdefault(channel, []).append(Notice(notice.channel, notice.since_ms, "", over=True))


def everybody(routes: Routes | None, always: Iterable[Destination], channel: Channel, now_ms: int) -> list[str]:
    """Who is told of cases on `channel`, as the routes stand now."""
    found = list(always)
    if routes is not None:
        found = [
            place for rule in routes.rules for name in rule.tell for place in routes.who(name, now_ms)[1].destinations
        ]
    return list(dict.fromkeys(place.recipient for place in found if place.channel is channel))
