"""When something will be, as people write it: `15:30`, `in 2h`, `tomorrow 09:00`, `Mon 09:00`, ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from rules import duration
from rules.calendar import meant, reached

LONGEST = 60
"""Characters of a moment; more are none, and would take minutes to read."""
FURTHEST = timedelta(days=3_650)
"""How far off a moment may be: near the end of the calendar it can be told in no other time zone."""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NEVER = frozenset({"none", "unknown", "never", "clear", "off", "-", "?"})
"""What people write who no longer know."""
HOW = "write it as 15:30, as in 2h, as tomorrow 09:00, or as 2026-01-31T09:30Z"
_CLOCK = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm|h|uhr|o'clock)?", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*(d|h|m)[a-z]*\.?", re.IGNORECASE)
_HALF = re.compile(r"^(?:a\s+)?half\s+an?\s+hour$", re.IGNORECASE)
_ONE = re.compile(r"^(?:an|a|one)\s+(?=(?:hour|day|minute)\b)", re.IGNORECASE)
_MINUTES = {"d": 1_440, "h": 60, "m": 1}


def moment(text: str, zone: tzinfo, now: datetime) -> datetime | None:
    """The moment to come that a text means, in UTC; None: nobody knows any more. `zone` is the person's.

    A time of day that is over is tomorrow's. Raises ValueError with a sentence where it means none, or one gone by.
    """
    said = " ".join(text.split()).strip(".,! ")
    if len(said) > LONGEST:
        raise ValueError(f"{said[:LONGEST]}… is no moment; {HOW}")
    bare = re.sub(r"^(?:at|by|around|about|until|till|is|=)\s+", "", said, flags=re.IGNORECASE)
    if bare.casefold() in NEVER:
        return None
    try:
        found = _span(bare, now) or _iso(bare, zone) or _clock(bare, zone, now)
        found = found.astimezone(UTC) if found is not None else None
    except OverflowError:  # no calendar goes as far
        found = None
    if found is None:
        raise ValueError(f"{said or 'nothing'} is no moment; {HOW}")
    if found - now > FURTHEST:
        raise ValueError(f"{said} is too far off; {HOW}")
    if found <= now:
        raise ValueError(f"{said} is over; {HOW}")
    return found


def _span(said: str, now: datetime) -> datetime | None:
    """`in 2h`, and what `span` reads."""
    found = span(re.sub(r"^in\s+", "", said, flags=re.IGNORECASE))
    return now + found if found is not None else None


def span(said: str) -> timedelta | None:
    """How long a text says: `90m`, `1h30m`, `1 hour 30 minutes`; None where it says no such thing."""
    bare = " ".join(said.split())
    if len(bare) > LONGEST:
        return None
    bare = _ONE.sub("1 ", _HALF.sub("30m", bare))
    try:
        return duration.parse(bare)
    except ValueError:
        parts = _PART.findall(bare)
    left = _PART.sub("", bare).replace("and", "").strip(" ,")
    if not parts or left:
        return None
    minutes = sum(float(number.replace(",", ".")) * _MINUTES[unit.lower()] for number, unit in parts)
    return timedelta(minutes=minutes) if minutes > 0 else None


def _iso(said: str, zone: tzinfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return meant(found, zone)


def _clock(said: str, zone: tzinfo, now: datetime) -> datetime | None:
    """`15:30`, `3pm`, each with a day before or after it where it is not the next one."""
    words = [word for word in said.lower().split() if word not in {"at", "on", ","}]
    named = next((word for word in words if _day(word) is not None), "")
    day = _day(named) if named else None
    clock = _time(" ".join(word for word in words if word != named))
    if clock is None:
        return None
    today = now.astimezone(zone).date()
    ahead = day.days if isinstance(day, timedelta) else 0 if day is None else (day - today.weekday()) % 7
    found = _reached(today + timedelta(days=ahead), clock, zone, now)
    if found > now or isinstance(day, timedelta):
        return found
    return reached(today + timedelta(days=ahead + (1 if day is None else 7)), clock, zone)


def _reached(day: date, clock: time, zone: tzinfo, now: datetime) -> datetime:
    """When the clock on the wall shows a time of a day: of the night in which it does so twice, what is to come."""
    first, again = reached(day, clock, zone), datetime.combine(day, clock, zone).replace(fold=1).astimezone(UTC)
    return again if first <= now < again else first


def _day(word: str) -> timedelta | int | None:
    """How far off a day is, or which weekday it is."""
    if word in {"today", "tomorrow"}:
        return timedelta(days=0 if word == "today" else 1)
    short = word.strip(",.")[:3]
    whole = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    if short in DAYS and whole[DAYS.index(short)].startswith(word.strip(",.")):
        return DAYS.index(short)
    return None


def _time(said: str) -> time | None:
    found = _CLOCK.fullmatch(said.strip())
    if found is None or not (found[2] or found[3]):
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half in {"am", "pm"}:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    return time(hour, minute) if hour < 24 and minute < 60 else None
