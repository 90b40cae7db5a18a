"""A channel that has failed for a while is itself an alert, which the other channels carry. Pure: times are passed in.

Kept in memory: after a restart an outage that goes on is told once more, which is better than never.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.alert.cases import Channel, Destination
from services.alert.routes import Routes
from services.alert.texts import Said, _, later, moment
from services.alert.wording import capital

TOLD_AFTER_MS = 5 * 60_000
STALE_MS = 15 * 60_000
"""A failing place is tried once a minute at least while there is something to tell; after so long without, there is not."""

MOST_NAMED = 3
NAMES = Said(
    {Channel.SLACK: "Slack", Channel.EMAIL: later("e-mail"), Channel.CHAT: later("chat"), Channel.WEBHOOK: "webhook"}
)


@dataclass(frozen=True)
class Notice:
    """That `channel` fails since `since_ms` (ms UTC) because of `error`, or (`over`) that it works again."""

    channel: Channel
    since_ms: int
    error: str
    over: bool = False
    where: tuple[str, ...] = ()  # places that are not reached

    @property
    def id(self) -> str:
        """The same however often it is told."""
        return f"{self.channel.value}-{self.since_ms}{'-over' if self.over else ''}"

    @property
    def title(self) -> str:
        """One line."""
        if self.over:
            return _("{channel} works again").format(channel=self._name)
        return _("Alerts by {channel} do not arrive").format(channel=NAMES[self.channel])

    @property
    def text(self) -> str:
        """What to know, and what to do."""
        since = moment(self.since_ms)
        if self.over:
            words = _("{channel} failed from {time} on. What waited is being sent now.")
            return words.format(channel=self._name, time=since)
        fails = _("{channel} fails since {time}: {error}.")
        if self.where:
            fails = _("{channel} fails since {time} for {places}: {error}.")
        return " ".join(
            (
                fails.format(channel=self._name, time=since, places=self._places, error=self.error.rstrip(".")),
                _("Nothing is lost: what waits is sent once it works again."),
                _("Until then look into the console, and ask whoever runs Mythwatch to mend it."),
            )
        )

    @property
    def _places(self) -> str:
        named = ", ".join(self.where[:MOST_NAMED])
        more = len(self.where) - MOST_NAMED
        return _("{words} and {more} more").format(words=named, more=more) if more > 0 else named

    @property
    def _name(self) -> str:
        return capital(NAMES[self.channel])


@dataclass(frozen=True)
class _Failing:
    """A place that fails: since when, when last, and how."""

    since_ms: int
    latest_ms: int
    error: str


class Outages:
    """What the senders of all channels know of one another."""

    def __init__(self, told_after_ms: int = TOLD_AFTER_MS) -> None:
        self._told_after_ms = told_after_ms
        self._failing: dict[Channel, dict[str, _Failing]] = {}
        self._since: dict[Channel, int] = {}  # of an outage that was told
        self._told: dict[Channel, set[Channel]] = {}  # by failing channel: where it was told
        self._over: dict[Channel, list[Notice]] = {}  # by channel: what it still has to say

    def failed(self, channel: Channel, recipient: str, error: str, now_ms: int) -> None:
        """Another attempt failed, for the sake of the channel or of that place on it, and not the message's."""
        places = self._failing.setdefault(channel, {})
        known = places.get(recipient)
        since_ms = known.since_ms if known and now_ms - known.latest_ms < STALE_MS else now_ms
        places[recipient] = _Failing(since_ms, now_ms, error)

    def worked(self, channel: Channel, recipient: str, now_ms: int) -> None:
        """A place on the channel took a message; the outage is over when none is left that fails, as far as anybody knows."""
        places = self._failing.get(channel, {})
        for place in [one for one, how in places.items() if one == recipient or now_ms - how.latest_ms >= STALE_MS]:
            del places[place]
        if places:
            return
        self._failing.pop(channel, None)
        since_ms = self._since.pop(channel, 0)
        for other in self._told.pop(channel, set()):
            self._over.setdefault(other, []).append(Notice(channel, since_ms, "", over=True))

    def due(self, channel: Channel, now_ms: int) -> Notice | None:
        """What `channel` should say now of another; None when there is nothing."""
        if over := self._over.get(channel):
            return over[0]
        for other, places in self._failing.items():
            # What was not tried for a while may have been called off: nobody knows whether it would fail.
            late = [
                (place.since_ms, recipient, place.error)
                for recipient, place in sorted(places.items())
                if now_ms - place.since_ms >= self._told_after_ms and now_ms - place.latest_ms < STALE_MS
            ]
            if other is not channel and late and channel not in self._told.get(other, ()):
                since_ms = self._since.setdefault(other, min(late)[0])
                return Notice(other, since_ms, min(late)[2], where=tuple(recipient for _, recipient, _ in late))
        return None

    def told(self, channel: Channel, notice: Notice) -> None:
        """`channel` said it."""
        if notice.over:
            self._over[channel].remove(notice)
        elif self._failing.get(notice.channel):
            self._told.setdefault(notice.channel, set()).add(channel)
        else:  # it works again since
            self._over.setdefault(channel, []).append(Notice(notice.channel, notice.since_ms, "", over=True))


def everybody(routes: Routes | None, always: Iterable[Destination], channel: Channel, now_ms: int) -> list[str]:
    """Who is told of cases on `channel`, as the routes stand now."""
    found = list(always)
    if routes is not None:
        found = [
            place
            for rule in routes.rules
            for name in [*rule.tell, *(rule.escalate.to if rule.escalate else [])]
            for place in routes.who(name, now_ms)[1].destinations
        ]
    return list(dict.fromkeys(place.recipient for place in found if place.channel is channel))
