"""When calendars are open."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import is_open, known_holidays, opening, stretch
from rules.model import Calendar

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar(
    "office",
    BERLIN,
    {**{day: ((time(8), time(12)), (time(13), time(18))) for day in range(4)}, 4: ((time(8), time(16)),)},
    holidays="DE-BE",
    closed=((date(2026, 12, 24), date(2026, 12, 31)),),
)
FREEZE = Calendar("freeze", BERLIN, dates=((date(2026, 12, 19), date(2027, 1, 3)),))
NIGHT = Calendar("night", BERLIN, {6: ((time(0), time(3)), (time(22), time(0)))})


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("calendar", "moment", "open_", "why"),
    [
        (OFFICE, at("2026-11-23 08:00"), True, "the beginning is open"),
        (OFFICE, at("2026-11-23 07:59"), False, "before"),
        (OFFICE, at("2026-11-23 12:30"), False, "between two spans"),
        (OFFICE, at("2026-11-23 17:59"), True, "the second span"),
        (OFFICE, at("2026-11-23 18:00"), False, "the end is closed"),
        (OFFICE, at("2026-11-27 17:00"), False, "on Friday it closes at four"),
        (OFFICE, at("2026-11-28 10:00"), False, "a day not named is closed"),
        (OFFICE, at("2026-03-09 09:00"), True, "the Monday after the holiday, a Sunday"),
        (OFFICE, at("2027-03-08 09:00"), False, "International Women's Day is a holiday in Berlin"),
        (OFFICE, at("2026-12-28 10:00"), False, "closed all the same"),
        (OFFICE, at("2026-11-23 07:30", ZoneInfo("UTC")), True, "another zone's clock"),
        (FREEZE, at("2026-12-19 00:00"), True, "the first day counts"),
        (FREEZE, at("2027-01-03 23:59"), True, "the last day counts"),
        (FREEZE, at("2027-01-04 00:00"), False, "after it"),
        (FREEZE, at("2026-12-18 23:59"), False, "before it"),
        (NIGHT, at("2026-11-29 23:59"), True, "until midnight"),
        (NIGHT, at("2026-11-30 00:00"), False, "midnight is the next day"),
    ],
)
def test_a_calendar_is_open_when_it_says(calendar: Calendar, moment: datetime, open_: bool, why: str) -> None:
    assert is_open(calendar, moment) is open_, why


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 22), 3 + 2), (date(2026, 3, 29), 2 + 2), (date(2026, 10, 25), 4 + 2)],
)
def test_a_night_is_an_hour_shorter_or_longer_when_the_clock_is_changed(day: date, hours: int) -> None:
    spans = opening(NIGHT, day)
    assert sum((closes - opens for opens, closes in spans), timedelta()) == timedelta(hours=hours)


@given(st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)))
def test_it_is_open_exactly_in_its_spans(moment: datetime) -> None:
    day = moment.astimezone(BERLIN).date()
    spans = [span for around in (-1, 0, 1) for span in opening(OFFICE, day + timedelta(days=around))]
    assert is_open(OFFICE, moment) == any(opens <= moment < closes for opens, closes in spans)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("DE", ""),
        ("DE-BE", ""),
        ("XX", "no public holidays of XX are known"),
        ("XX-Y", "no public holidays of the country XX are known"),
        ("FJ-Y", "FJ has no region Y; it has none"),
    ],
)
def test_it_is_told_whose_holidays_are_not_known(place: str, said: str) -> None:
    assert known_holidays(place) == said


DAILY = Calendar("daily", BERLIN, dict.fromkeys(range(7), ((time(0), time(0)),)))
ROUND = Calendar("round", BERLIN, {0: ((time(20), time(0)),), 1: ((time(0), time(4)), (time(4), time(6)))})


@pytest.mark.parametrize(
    ("calendar", "moment", "since", "until", "why"),
    [
        (OFFICE, "2026-11-23 09:00", "2026-11-23 08:00", "2026-11-23 12:00", "within the first span"),
        (OFFICE, "2026-11-23 12:00", "2026-11-23 12:00", "2026-11-23 13:00", "the gap at noon"),
        (OFFICE, "2026-11-28 09:00", "2026-11-27 16:00", "2026-11-30 08:00", "a weekend"),
        (OFFICE, "2026-12-26 09:00", "2026-12-23 18:00", "2027-01-04 08:00", "closed days and a holiday between"),
        (FREEZE, "2026-12-24 09:00", "2026-12-19 00:00", "2027-01-04 00:00", "whole days are one stretch"),
        (FREEZE, "2026-12-18 09:00", None, "2026-12-19 00:00", "it was never open before"),
        (FREEZE, "2027-01-05 09:00", "2027-01-04 00:00", None, "it never opens again"),
        (ROUND, "2026-11-24 05:00", "2026-11-23 20:00", "2026-11-24 06:00", "spans that touch, over midnight"),
        (ROUND, "2026-11-23 20:00", "2026-11-23 20:00", "2026-11-24 06:00", "from its first moment on"),
        (DAILY, "2026-11-24 05:00", None, None, "it is never closed"),
    ],
)
def test_a_stretch_is_all_the_time_of_one_kind(
    calendar: Calendar, moment: str, since: str | None, until: str | None, why: str
) -> None:
    wanted = tuple(at(text) if text is not None else None for text in (since, until))
    assert stretch(calendar, at(moment)) == wanted, why


@given(st.datetimes(datetime(2026, 3, 1), datetime(2027, 3, 1)), st.sampled_from([OFFICE, NIGHT, ROUND, FREEZE]))
def test_a_stretch_ends_where_the_calendar_changes(naive: datetime, calendar: Calendar) -> None:
    moment = naive.replace(tzinfo=UTC)
    since, until = stretch(calendar, moment)
    tick = timedelta(microseconds=1)
    open_ = is_open(calendar, moment)
    if since is not None:
        assert since <= moment
        assert (is_open(calendar, since), is_open(calendar, since - tick)) == (open_, not open_)
    if until is not None:
        assert moment < until
        assert (is_open(calendar, until), is_open(calendar, until - tick)) == (not open_, open_)
