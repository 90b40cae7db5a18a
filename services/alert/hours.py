"""Hours of the day in somebody's time zone: are we within them, and when do they begin next. Pure; clocks may change in between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Hours:
    """From `start` to `end`, local time; over midnight when `end` is earlier. Equal means the whole day."""

    start: time
    end: time

    @classmethod
    def read(cls, text: str) -> Hours:
        """ "22:00-07:00". Raises ValueError saying how to write it."""
        try:
            start, end = (clock(part) for part in text.split("-"))
        except ValueError:
            raise ValueError('write hours as "22:00-07:00"') from None
        return cls(start, end)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def hold(self, at: time) -> bool:
        """Is a local time within them."""
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


def clock(text: str) -> time:
    """ "08:30". Raises ValueError saying how to write it."""
    hour, _, minute = text.strip().partition(":")
    if not (hour.isdigit() and minute.isdigit() and len(minute) == 2):
        raise ValueError('write a time as "08:30"')
    return time(int(hour), int(minute))


def quiet_until(now_ms: int, zone: ZoneInfo, quiet: Hours) -> int:
    """When the quiet hours that we are in end, ms UTC; 0 outside them."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    return _next(now, zone, quiet.end, DAYS) if quiet.hold(now.time()) else 0


def opens(now_ms: int, zone: ZoneInfo, hours: Hours | None, days: Collection[str]) -> int:
    """When working hours begin next, ms UTC; 0 within them. Hours over midnight belong to the day they begin on."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    hours = hours or Hours(time(0), time(0))
    over_midnight = hours.start >= hours.end and now.time() < hours.end
    day = DAYS[(now.weekday() - over_midnight) % 7]
    if day in days and hours.hold(now.time()):
        return 0
    return _next(now, zone, hours.start, days)


def latest(now_ms: int, zone: ZoneInfo, at: time, days: Collection[str]) -> int:
    """The last time that the clock showed `at` on one of `days`, ms UTC."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    for back in range(8):
        found = _moment(now.date() - timedelta(days=back), zone, at)
        if found <= now_ms and DAYS[(now.date() - timedelta(days=back)).weekday()] in days:
            return found
    return 0


def _next(now: datetime, zone: ZoneInfo, at: time, days: Collection[str]) -> int:
    now_ms = int(now.timestamp() * 1000)
    for ahead in range(9):
        day = now.date() + timedelta(days=ahead)
        # When clocks go back an hour comes twice; when they go forward, its second coming would be before the first.
        first = _moment(day, zone, at)
        later = [found for found in (first, max(first, _moment(day, zone, at, again=1))) if found > now_ms]
        if later and DAYS[day.weekday()] in days:
            return min(later)
    return now_ms


def _moment(day: object, zone: ZoneInfo, at: time, again: int = 0) -> int:
    # Through UTC: a local time that the change of the clock leaves out becomes the one after it.
    local = datetime.combine(day, at.replace(fold=again), zone)  # type: ignore[arg-type]
    return int(local.astimezone(UTC).timestamp() * 1000)
