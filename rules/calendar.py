"""When a calendar is open: hours by weekday in a time zone, whole days, public holidays.

Written by hand on zoneinfo: what libraries there are for office hours know nothing of daylight saving or are given
up. Hours are what the clock on the wall shows: they begin when it first shows that time or, where it leaps over it, a
later one. All the rest is told in UTC, so the day with 23 hours is right, too. The spans of a year are worked out
once (some three milliseconds); after that every question is a search among them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from itertools import accumulate

from rules.model import Calendar

_MIDNIGHT = time(0)
_WHOLE_DAY = ((_MIDNIGHT, _MIDNIGHT),)
_NOTHING = timedelta(0)

FAR = timedelta(days=800)
"""So far ahead and back it is looked when a calendar opens and closes; what is farther away is never."""
LONGEST = 20
"""So many years of open time are measured; what was before them is left out."""
_KEPT = 2 * LONGEST


@dataclass(frozen=True, slots=True)
class _Year:
    """The open spans of one year of a calendar's time zone, oldest first; those that touch are one.

    `before` is the open time of the year before each span, and at last that of all of them.
    """

    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    before: tuple[timedelta, ...]

    def until(self, moment: datetime) -> timedelta:
        """For how long it was open in this year until then."""
        nth = bisect_right(self.opens, moment) - 1
        if nth < 0:
            return _NOTHING
        return self.before[nth] + (min(moment, self.closes[nth]) - self.opens[nth])


def is_open(calendar: Calendar, moment: datetime) -> bool:
    """Whether the calendar is open at that moment; the end of its hours is closed already."""
    year = _year(calendar, _year_of(calendar, moment))
    nth = bisect_right(year.opens, moment) - 1
    return nth >= 0 and moment < year.closes[nth]


def opening(calendar: Calendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
    """From when until when the calendar is open on a day of its time zone, in UTC; empty where it is closed."""
    if calendar.dates and not _among(day, calendar.dates):
        return ()
    if _among(day, calendar.closed) or (calendar.holidays and day in _holidays(calendar.holidays, day.year)):
        return ()
    hours = calendar.hours.get(day.weekday(), ()) if calendar.hours else _WHOLE_DAY
    zone = calendar.timezone
    try:
        spans = [(reached(day, opens, zone), reached(_closing(day, closes), closes, zone)) for opens, closes in hours]
    except OverflowError:  # the first and the last days that there are
        return ()
    return tuple(span for span in spans if span[0] < span[1])


def reached(day: date, clock: time, zone: tzinfo) -> datetime:
    """When the clock on the wall first shows that time of that day, in UTC; where it leaps over it, when it leaps."""
    wall = datetime.combine(day, clock)
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if _shown(found, zone) == wall:
        return found
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while found - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(found - before) // timedelta(seconds=2))
        if _shown(middle, zone) < wall:
            before = middle
        else:
            found = middle
    return found


def meant(written: datetime, zone: tzinfo) -> datetime:
    """The moment that is written: where it names no zone, when the clock on the wall of this one reaches it, in UTC."""
    if written.tzinfo is not None:
        return written
    try:
        return reached(written.date(), written.time(), zone)
    except OverflowError:  # on the first and the last days that there are
        return written.replace(tzinfo=UTC)


def stretch(calendar: Calendar, moment: datetime) -> tuple[datetime | None, datetime | None]:
    """From when until when the calendar is all the time as it is at that moment, open or closed, in UTC.

    None: for longer than two years back, or ahead. Hours that end at midnight and go on then are one stretch.
    """
    opened = is_open(calendar, moment)
    since, until = _since(calendar, moment, opened), _until(calendar, moment, opened)
    return (
        since if since is not None and moment - since <= FAR else None,
        until if until is not None and until - moment <= FAR else None,
    )


def _until(calendar: Calendar, moment: datetime, opened: bool) -> datetime | None:
    edge = moment
    for opens, closes in _ahead(calendar, moment):
        if not opened or opens > edge:
            return edge if opened else opens
        edge = closes
    return edge if opened else None


def _since(calendar: Calendar, moment: datetime, opened: bool) -> datetime | None:
    edge = moment
    for opens, closes in _back(calendar, moment):
        if not opened or closes < edge:
            return edge if opened else closes
        edge = opens
    return edge if opened else None


def later(calendar: Calendar | None, start: datetime, span: timedelta) -> datetime | None:
    """The first moment at which the calendar was open for so long since `start`, in UTC; without one all time counts.

    None: it is not open for so long within the next two years, or no moment is so late.
    """
    if calendar is None:
        try:
            return start + span
        except OverflowError:
            return None
    if span <= _NOTHING:
        return start
    first = _year_of(calendar, start)
    left = span + _year(calendar, first).until(start)
    for number in _years(first, first + 3):
        year = _year(calendar, number)
        if left <= year.before[-1]:
            nth = bisect_left(year.before, left) - 1
            found = year.opens[nth] + (left - year.before[nth])
            return found if found - start <= FAR else None
        left -= year.before[-1]
    return None


def between(calendar: Calendar | None, start: datetime, end: datetime) -> timedelta:
    """For how long the calendar was open from one moment to another; nothing where `end` is not after `start`.

    What was more than `LONGEST` years before the end is left out.
    """
    if calendar is None or end <= start:
        return max(end - start, _NOTHING)
    last = _year_of(calendar, end)
    first = _year_of(calendar, start)
    spent = _year(calendar, first).until(start) if first >= last - LONGEST else _NOTHING
    whole = (_year(calendar, number).before[-1] for number in _years(max(first, last - LONGEST), last - 1))
    return sum(whole, _NOTHING) + _year(calendar, last).until(end) - spent


# ---- the spans of a year


def _year(calendar: Calendar, number: int) -> _Year:
    known = calendar.known.get(number)
    if not isinstance(known, _Year):
        known = _Year(*_spans(calendar, number))
        if len(calendar.known) >= _KEPT:
            calendar.known.clear()
        calendar.known[number] = known
    return known


def _spans(calendar: Calendar, number: int) -> tuple[tuple[datetime, ...], tuple[datetime, ...], tuple[timedelta, ...]]:
    opens: list[datetime] = []
    closes: list[datetime] = []
    first = date(number, 1, 1).toordinal()
    for day in map(date.fromordinal, range(first, date(number, 12, 31).toordinal() + 1)):
        for begins, ends in opening(calendar, day):
            if closes and begins <= closes[-1]:
                closes[-1] = ends
            else:
                opens.append(begins)
                closes.append(ends)
    lengths = (ends - begins for begins, ends in zip(opens, closes, strict=True))
    return tuple(opens), tuple(closes), tuple(accumulate(lengths, initial=_NOTHING))


def _year_of(calendar: Calendar, moment: datetime) -> int:
    try:
        return moment.astimezone(calendar.timezone).year
    except OverflowError:
        return moment.year


def _years(first: int, last: int) -> range:
    """These years, as far as there are any."""
    return range(max(first, 1), min(last, 9999) + 1)


def _ahead(calendar: Calendar, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans that end after a moment, the first one first, for two years and more."""
    first = _year_of(calendar, moment)
    for number in _years(first, first + 3):
        year = _year(calendar, number)
        begin = bisect_right(year.closes, moment)
        yield from zip(year.opens[begin:], year.closes[begin:], strict=True)


def _back(calendar: Calendar, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans that begin at a moment or before, the last one first, for two years and more."""
    last = _year_of(calendar, moment)
    for number in reversed(_years(last - 3, last)):
        year = _year(calendar, number)
        end = bisect_right(year.opens, moment)
        yield from zip(reversed(year.opens[:end]), reversed(year.closes[:end]), strict=True)


def _shown(moment: datetime, zone: tzinfo) -> datetime:
    """What the clock on the wall shows."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _closing(day: date, closes: time) -> date:
    return day + timedelta(days=1) if closes == _MIDNIGHT else day


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
