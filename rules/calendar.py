"""When a calendar is open: hours by weekday in a time zone, whole days, public holidays.

Written by hand on zoneinfo: what libraries there are for office hours know nothing of daylight saving or are given
up. A day's hours are taken on the clock on the wall, and compared in UTC, so the day with 23 hours is right, too.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from rules.model import Calendar

_MIDNIGHT = time(0)
_WHOLE_DAY = ((_MIDNIGHT, _MIDNIGHT),)


def is_open(calendar: Calendar, moment: datetime) -> bool:
    """Whether the calendar is open at that moment; the end of its hours is closed already."""
    day = moment.astimezone(calendar.timezone).date()
    return any(opens <= moment < closes for opens, closes in opening(calendar, day))


def opening(calendar: Calendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """From when until when the calendar is open on a day of its time zone, in UTC; empty where it is closed."""
    if calendar.dates and not _among(day, calendar.dates):
        return ()
    if _among(day, calendar.closed) or (calendar.holidays and day in _holidays(calendar.holidays, day.year)):
        return ()
    hours = calendar.hours.get(day.weekday(), ()) if calendar.hours else _WHOLE_DAY
    return tuple((_at(calendar, day, opens), _at(calendar, _closing(day, closes), closes)) for opens, closes in hours)


FAR = 800
"""So many days ahead and back it is looked when a calendar opens and closes; what is farther away is never."""


def stretch(calendar: Calendar, moment: datetime) -> tuple[datetime | None, datetime | None]:
    """From when until when the calendar is all the time as it is at that moment, open or closed, in UTC.

    None: for longer than two years back, or ahead. Hours that end at midnight and go on then are one stretch.
    """
    return _since(calendar, moment), _until(calendar, moment)


def _until(calendar: Calendar, moment: datetime) -> datetime | None:
    today, edge, opened = moment.astimezone(calendar.timezone).date(), moment, is_open(calendar, moment)
    for day in (today + timedelta(days=nth) for nth in range(FAR)):
        if opened and moment < edge < _at(calendar, day, _MIDNIGHT):
            return edge
        for opens, closes in opening(calendar, day):
            if closes <= moment:
                continue
            if not opened or opens > edge:
                return edge if opened else opens
            edge = closes
    return None


def _since(calendar: Calendar, moment: datetime) -> datetime | None:
    today, edge, opened = moment.astimezone(calendar.timezone).date(), moment, is_open(calendar, moment)
    for day in (today - timedelta(days=nth) for nth in range(FAR)):
        if opened and _at(calendar, day + timedelta(days=1), _MIDNIGHT) < edge < moment:
            return edge
        for opens, closes in reversed(opening(calendar, day)):
            if opens > moment:
                continue
            if not opened or closes < edge:
                return edge if opened else closes
            edge = opens
    return None


def later(calendar: Calendar | None, start: datetime, span: timedelta) -> datetime | None:
    """The moment at which the calendar was open for so long since `start`, in UTC; without one every hour counts.

    None: it is not open for so long within the next two years.
    """
    if calendar is None:
        return start + span
    left, today = span, start.astimezone(calendar.timezone).date() - timedelta(days=1)
    for day in (today + timedelta(days=nth) for nth in range(FAR)):
        for opens, closes in opening(calendar, day):
            begins = max(opens, start)
            if closes - begins >= left and closes > begins:
                return begins + left
            left -= max(closes - begins, timedelta(0))
    return None


def between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """For how long the calendar was open from one moment to another; nothing where `end` is not after `start`."""
    if calendar is None:
        return max(end - start, timedelta(0))
    total, day = timedelta(0), start.astimezone(calendar.timezone).date() - timedelta(days=1)
    last = end.astimezone(calendar.timezone).date()
    while day <= last:
        for opens, closes in opening(calendar, day):
            total += max(min(closes, end) - max(opens, start), timedelta(0))
        day += timedelta(days=1)
    return total


def _closing(day: date, closes: time) -> date:
    return day + timedelta(days=1) if closes == _MIDNIGHT else day


def _at(calendar: Calendar, day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, calendar.timezone).astimezone(UTC)


def _among(day: date, ranges: Collection[tuple[date, date]]) -> bool:
    return any(first <= day <= last for first, last in ranges)


def known_holidays(place: str) -> str:
    """Why there are no public holidays of a country or its region (`DE-BE`); empty where there are."""
    try:
        _holidays(place, 2000)
    except NotImplementedError:
        country, _, region = place.partition("-")
        return f"no public holidays of {place} are known" if not region else _region(country, region)
    return ""


def _region(country: str, region: str) -> str:
    import holidays

    known = holidays.list_supported_countries().get(country)
    if known is None:
        return f"no public holidays of the country {country} are known"
    return f"{country} has no region {region}; it has {', '.join(known) or 'none'}"


@cache
def _holidays(place: str, year: int) -> frozenset[date]:
    import holidays  # a fifth of a second to import, and few calendars name any

    country, _, region = place.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))
