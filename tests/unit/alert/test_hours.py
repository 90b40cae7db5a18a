"""Quiet and working hours in a time zone, over midnight, weekends and both changes of the clock."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from services.alert.hours import DAYS, Hours, latest, opens, quiet_until

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NIGHT = Hours.read("22:00-07:00")
WEEKDAYS = DAYS[:5]


def ms(text: str) -> int:
    """Local time in Amsterdam."""
    return int(datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).timestamp() * 1000)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-26T23:00", "2026-11-27T07:00"),
        ("2026-11-27T06:59", "2026-11-27T07:00"),
        # The night in which the clock goes forward has an hour less, the one in which it goes back an hour more.
        ("2026-03-28T23:00", "2026-03-29T07:00"),
        ("2026-10-24T23:00", "2026-10-25T07:00"),
    ],
)
def test_quiet_hours_end_when_the_person_s_clock_says_so(now: str, until: str) -> None:
    assert quiet_until(ms(now), AMSTERDAM, NIGHT) == ms(until)


def test_the_changed_clock_counts() -> None:
    hours = [
        (quiet_until(ms(day), AMSTERDAM, NIGHT) - ms(day)) / 3_600_000
        for day in ("2026-03-28T23:00", "2026-10-24T23:00")
    ]
    assert hours == [7, 9]


@pytest.mark.parametrize("now", ["2026-11-26T07:00", "2026-11-26T21:59"])
def test_outside_them_nothing_waits(now: str) -> None:
    assert quiet_until(ms(now), AMSTERDAM, NIGHT) == 0


@pytest.mark.parametrize(
    ("now", "begin"),
    [("2026-11-26T07:59", "2026-11-26T08:00"), ("2026-11-26T18:00", "2026-11-27T08:00"), ("2026-11-27T18:00", "2026-11-30T08:00"),
     ("2026-11-28T12:00", "2026-11-30T08:00")],
)  # fmt: skip
def test_working_hours_begin_on_the_next_working_day(now: str, begin: str) -> None:
    assert opens(ms(now), AMSTERDAM, Hours.read("08:00-18:00"), WEEKDAYS) == ms(begin)


def test_within_working_hours_nothing_waits() -> None:
    assert opens(ms("2026-11-26T08:00"), AMSTERDAM, Hours.read("08:00-18:00"), WEEKDAYS) == 0
    assert opens(ms("2026-11-26T03:00"), AMSTERDAM, None, DAYS) == 0
    # Friday's night shift is still Friday's after midnight.
    assert opens(ms("2026-11-28T03:00"), AMSTERDAM, NIGHT, WEEKDAYS) == 0


def test_the_latest_digest_is_that_of_the_last_working_day() -> None:
    assert latest(ms("2026-11-29T12:00"), AMSTERDAM, time(8), WEEKDAYS) == ms("2026-11-27T08:00")
    assert latest(ms("2026-11-27T08:00"), AMSTERDAM, time(8), WEEKDAYS) == ms("2026-11-27T08:00")


@pytest.mark.parametrize("text", ["22-07", "22:00", "", "25:00-07:00", "a:b-c:d", "22:00-07:0"])
def test_hours_written_otherwise_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="22:00-07:00"):
        Hours.read(text)


def test_quiet_hours_that_end_within_the_repeated_hour_end_with_its_second_coming() -> None:
    quiet = Hours.read("22:00-02:30")
    second_two_ten = int(datetime(2026, 10, 25, 2, 10, tzinfo=AMSTERDAM, fold=1).timestamp() * 1000)
    second_half_past = int(datetime(2026, 10, 25, 2, 30, tzinfo=AMSTERDAM, fold=1).timestamp() * 1000)
    assert quiet_until(second_two_ten, AMSTERDAM, quiet) == second_half_past


def test_quiet_hours_that_end_within_the_hour_that_is_left_out_end_after_it() -> None:
    assert quiet_until(ms("2026-03-28T23:00"), AMSTERDAM, Hours.read("22:00-02:30")) == ms("2026-03-29T03:30")
