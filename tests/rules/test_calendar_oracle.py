"""Calendars against an oracle that looks at the clock on the wall minute by minute, in zones that are awkward.

The oracle knows no offsets and no folds: it turns every minute of UTC into what a clock on the wall shows there, which
is never in doubt, and remembers the latest that was shown so far.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.calendar import between, is_open, later, opening, reached, stretch
from rules.model import Calendar

MINUTE = timedelta(minutes=1)
BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU, APIA = (
    ZoneInfo(name)
    for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
)
PLACES = (
    (BERLIN, date(2026, 3, 29), "two o'clock is three"),
    (BERLIN, date(2026, 10, 25), "three o'clock is two"),
    (NEW_YORK, date(2026, 3, 8), "two o'clock is three"),
    (NEW_YORK, date(2026, 11, 1), "two o'clock is one"),
    (LORD_HOWE, date(2026, 4, 5), "two o'clock is half past one"),
    (LORD_HOWE, date(2026, 10, 4), "two o'clock is half past two"),
    (KATHMANDU, date(2026, 7, 1), "a quarter of an hour beside everybody else"),
    (APIA, date(2011, 12, 30), "a day that never was"),
    (APIA, date(2020, 9, 27), "three o'clock is four"),
    (APIA, date(2021, 4, 4), "four o'clock is three, for the last time"),
    (BERLIN, date(2026, 12, 31), "the end of a year"),
)


@dataclass(frozen=True)
class Wall:
    """The clock on the wall, from six days before a day until six days after it, minute by minute."""

    first: datetime
    latest: tuple[datetime, ...]

    def reaches(self, wall: datetime) -> int:
        """The first minute at which it shows this or later."""
        return bisect_left(self.latest, wall)


@cache
def clock(zone: ZoneInfo, day: date) -> Wall:
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=6)
    latest, shown = [], datetime.min
    for nth in range(12 * 1440):
        shown = max(shown, (first + nth * MINUTE).astimezone(zone).replace(tzinfo=None))
        latest.append(shown)
    return Wall(first, tuple(latest))


def minutes(calendar: Calendar, wall: Wall, day: date) -> list[bool]:
    """Minute by minute, whether it is open."""
    found = [False] * len(wall.latest)
    for ahead in range(-5, 6):
        today = day + timedelta(days=ahead)
        if calendar.dates and not any(a <= today <= b for a, b in calendar.dates):
            continue
        if any(a <= today <= b for a, b in calendar.closed):
            continue
        hours = calendar.hours.get(today.weekday(), ()) if calendar.hours else ((time(0), time(0)),)
        for opens, closes in hours:
            end = datetime.combine(today + timedelta(days=closes == time(0)), closes)
            for nth in range(wall.reaches(datetime.combine(today, opens)), wall.reaches(end)):
                found[nth] = True
    return found


TIMES = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))


@st.composite
def calendars(draw: st.DrawFn, zone: ZoneInfo, day: date) -> Calendar:
    days = st.integers(-3, 3).map(lambda ahead: day + timedelta(days=ahead))
    ranges = st.lists(st.tuples(days, days).map(lambda two: (min(two), max(two))), max_size=1).map(tuple)
    hours = {}
    for weekday in range(7):
        edges = sorted(draw(st.sets(TIMES, max_size=4)))
        spans = list(zip(edges[::2], edges[1::2], strict=False))
        if len(edges) % 2:
            spans.append((edges[-1], time(0)))  # until midnight
        hours[weekday] = tuple(spans)
    return Calendar(
        "any",
        zone,
        hours if draw(st.booleans()) else {},
        draw(ranges),
        closed=draw(ranges),
    )


CASES = st.sampled_from(PLACES).flatmap(
    lambda place: st.tuples(
        st.just(place), calendars(place[0], place[1]), st.integers(0, 7 * 1440), st.integers(1, 2880)
    )
)
FIRST = 2 * 1440  # the oracle sees three days more on either side


@pytest.mark.uncounted
@settings(max_examples=60, deadline=None)
@given(CASES)
def test_a_calendar_is_what_the_clock_on_the_wall_says(
    case: tuple[tuple[ZoneInfo, date, str], Calendar, int, int],
) -> None:
    (zone, day, why), calendar, start, length = case
    wall = clock(zone, day)
    open_ = minutes(calendar, wall, day)
    begin, end = FIRST + start, FIRST + start + min(length, 7 * 1440 - start)
    at = wall.first + begin * MINUTE
    assert is_open(calendar, at) == open_[begin], why
    assert between(calendar, at, wall.first + end * MINUTE) == sum(open_[begin:end]) * MINUTE, why
    since, until = stretch(calendar, at)
    changes = [n for n in range(begin + 1, len(open_) - 2880) if open_[n] != open_[n - 1]]
    before = [n for n in range(2880, begin + 1) if open_[n] != open_[n - 1]]
    if changes:
        assert until == wall.first + changes[0] * MINUTE, why
    if before:
        assert since == wall.first + before[-1] * MINUTE, why
    spans = [span for ahead in range(-6, 7) for span in opening(calendar, day + timedelta(days=ahead))]
    assert any(opens <= at < closes for opens, closes in spans) == open_[begin], why


@pytest.mark.uncounted
@settings(max_examples=60, deadline=None)
@given(CASES, st.integers(1, 1440))
def test_so_much_open_time_is_over_when_so_many_minutes_were_open(
    case: tuple[tuple[ZoneInfo, date, str], Calendar, int, int], wanted: int
) -> None:
    (zone, day, why), calendar, start, _ = case
    wall = clock(zone, day)
    open_ = minutes(calendar, wall, day)
    begin = FIRST + start
    at, left, nth = wall.first + begin * MINUTE, wanted, begin
    while left and nth < len(open_) - 2880:
        left -= open_[nth]
        nth += 1
    found = later(calendar, at, wanted * MINUTE)
    if not left:
        assert found == wall.first + nth * MINUTE, why
        assert between(calendar, at, found) == wanted * MINUTE
    elif found is not None:
        assert found >= wall.first + nth * MINUTE, why
        assert between(calendar, at, found) == wanted * MINUTE


@pytest.mark.uncounted
@given(st.sampled_from(PLACES), st.integers(-3, 3), TIMES)
def test_a_time_comes_when_the_clock_on_the_wall_first_shows_it_or_leaps_over_it(
    place: tuple[ZoneInfo, date, str], ahead: int, at: time
) -> None:
    zone, day, why = place
    wall, then = clock(zone, day), day + timedelta(days=ahead)
    assert reached(then, at, zone) == wall.first + wall.reaches(datetime.combine(then, at)) * MINUTE, why


# ---- a table worked out by hand, from the zones' own rules

NIGHTS = {day: ((time(0), time(6)), (time(22), time(0))) for day in range(7)}
OFFICE = {day: ((time(9), time(17)),) for day in range(5)}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("calendar", "start", "span", "end", "why"),
    [
        # Berlin: UTC+1, from 29 March 2026 01:00Z UTC+2, from 25 October 01:00Z UTC+1 again
        (Calendar("night", BERLIN, NIGHTS), "2026-03-28 21:00", "8h", "2026-03-29 20:00+1h",
         "22:00 to 06:00 has seven hours: the eighth is the first of the next evening, 22:00 at UTC+2"),
        (Calendar("night", BERLIN, NIGHTS), "2026-10-24 20:00", "9h", "2026-10-25 05:00", "and here it has nine"),
        (Calendar("office", BERLIN, OFFICE), "2026-03-27 15:00", "2h", "2026-03-30 08:00",
         "Friday 16:00 to 17:00, then Monday from 09:00, which is 07:00Z now"),
        (Calendar("office", BERLIN, OFFICE, holidays="DE-BE"), "2026-12-24 15:30", "1h", "2026-12-28 08:30",
         "Christmas is a Friday; half an hour on Thursday, half an hour on Monday"),
        (Calendar("office", BERLIN, OFFICE, holidays="DE-BY"), "2026-04-02 14:00", "2h", "2026-04-07 08:00",
         "Good Friday and Easter Monday: from Thursday 16:00 to Tuesday 10:00"),
        # New York: UTC-5, from 8 March 2026 07:00Z UTC-4, from 1 November 06:00Z UTC-5 again
        (Calendar("office", NEW_YORK, OFFICE), "2026-03-06 21:30", "1h", "2026-03-09 13:30", "09:30 at UTC-4"),
        (Calendar("night", NEW_YORK, NIGHTS), "2026-11-01 02:00", "9h", "2026-11-01 11:00", "22:00 to 06:00, nine"),
        (Calendar("office", NEW_YORK, OFFICE, holidays="US"), "2026-11-25 21:00", "2h", "2026-11-27 15:00",
         "Thanksgiving: Wednesday 16:00 to 17:00, Friday 09:00 to 10:00"),
        # Lord Howe: UTC+11, from 5 April 2026 (Saturday 15:00Z) UTC+10:30, from 4 October (Saturday 15:30Z) UTC+11
        (Calendar("night", LORD_HOWE, NIGHTS), "2026-04-04 11:00", "8h30m", "2026-04-04 19:30", "half an hour more"),
        (Calendar("night", LORD_HOWE, NIGHTS), "2026-10-03 11:30", "7h30m", "2026-10-03 19:00", "half an hour less"),
        # Kathmandu: UTC+5:45 all the year
        (Calendar("office", KATHMANDU, OFFICE), "2026-07-03 11:00", "1h", "2026-07-06 04:00",
         "Friday 16:45 to 17:00, Monday 09:00 to 09:45, which is 04:00Z"),
        # Apia: from Thursday 29 December 2011 24:00 (UTC-10) straight to Saturday the 31st (UTC+14)
        (Calendar("always", APIA), "2011-12-30 09:00", "2h", "2011-12-30 11:00", "no time is lost"),
        (Calendar("office", APIA, OFFICE), "2011-12-30 02:00", "2h", "2012-01-01 20:00",
         "Thursday 16:00 to 17:00; Friday never was; Monday 09:00 to 10:00 is Sunday 19:00Z to 20:00Z"),
    ],
)  # fmt: skip
def test_real_dates_of_real_zones(calendar: Calendar, start: str, span: str, end: str, why: str) -> None:
    said, _, more = end.partition("+")
    wanted = utc(said) + (timedelta(hours=1) if more else timedelta(0))
    hours, _, half = span.partition("h")
    length = timedelta(hours=int(hours), minutes=30 if half else 0)
    assert later(calendar, utc(start), length) == wanted, why
    assert between(calendar, utc(start), wanted) == length, why


def test_a_day_that_never_was_has_no_hours() -> None:
    assert opening(Calendar("office", APIA, OFFICE), date(2011, 12, 30)) == ()
    assert opening(Calendar("always", APIA), date(2011, 12, 30)) == ()


# ---- the edges of it

ALWAYS = Calendar("always", BERLIN)
NEVER = Calendar("never", BERLIN, dates=((date(1999, 1, 1), date(1999, 1, 1)),))
FIRST_DAY = datetime(1, 1, 1, tzinfo=UTC)
LAST_DAY = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)


def test_without_a_calendar_all_time_counts() -> None:
    start = utc("2026-03-29 00:00")
    assert later(None, start, timedelta(hours=5)) == start + timedelta(hours=5)
    assert between(None, start, start + timedelta(hours=5)) == timedelta(hours=5)
    assert between(None, start, start - timedelta(hours=5)) == timedelta(0)
    assert later(None, LAST_DAY, timedelta(hours=5)) is None


def test_no_time_at_all_is_over_at_once() -> None:
    start = utc("2026-11-28 12:00")
    assert later(Calendar("office", BERLIN, OFFICE), start, timedelta(0)) == start


def test_what_is_never_open_gives_no_moment_and_no_time() -> None:
    start = utc("2026-11-28 12:00")
    assert later(NEVER, start, timedelta(minutes=1)) is None
    assert between(NEVER, start, start + timedelta(days=900)) == timedelta(0)
    assert stretch(NEVER, start) == (None, None)


def test_it_is_looked_two_years_ahead_and_no_farther() -> None:
    start = utc("2026-11-28 12:00")
    assert later(ALWAYS, start, timedelta(days=800)) == start + timedelta(days=800)
    assert later(ALWAYS, start, timedelta(days=801)) is None
    assert stretch(ALWAYS, start) == (None, None)
    once = Calendar("once", BERLIN, dates=((date(2029, 6, 1), date(2029, 6, 1)),))
    assert stretch(once, start) == (None, None)
    assert stretch(once, utc("2032-06-01 00:00")) == (None, None)


def test_many_years_are_measured_and_what_is_long_ago_is_left_out() -> None:
    start, end = utc("2007-01-01 00:00"), utc("2026-11-28 00:00")
    assert between(ALWAYS, start, end) == end - start
    assert between(ALWAYS, FIRST_DAY, end) == between(ALWAYS, utc("2005-12-31 23:00"), end)


def test_the_first_and_the_last_days_that_there_are_break_nothing() -> None:
    kiritimati = Calendar("far", ZoneInfo("Pacific/Kiritimati"))
    for calendar in (ALWAYS, kiritimati, Calendar("far", ZoneInfo("Pacific/Pago_Pago"))):
        for moment in (FIRST_DAY, LAST_DAY):
            is_open(calendar, moment)
            stretch(calendar, moment)
            later(calendar, moment, timedelta(days=3))
            assert between(calendar, moment, moment + timedelta(seconds=1)) <= timedelta(seconds=1)


def test_no_more_years_are_kept_than_are_asked_for_again() -> None:
    calendar = Calendar("any", BERLIN)
    for year in range(1990, 2090):
        is_open(calendar, datetime(year, 6, 1, tzinfo=UTC))
    assert len(calendar.known) <= 40
