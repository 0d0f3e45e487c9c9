"""Nights with an hour too many or too few: who is told when, against an oracle that looks at the clock every minute.

A whole engine plays them: updates in the hours of an audience, a ladder in hours of its own, a mute that comes every
night. The hours begin and end where the clock on the wall leaps, or shows a time twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.model import Calendar
from sync.moments import moment
from tests.rules.test_calendar_oracle import (
    APIA,
    BERLIN,
    LORD_HOWE,
    MINUTE,
    NEW_YORK,
    PLACES,
    TIMES,
    clock,
    minutes,
    utc,
)
from tests.world import COMPANY, World

LENGTH = 9 * 60
EVERY, STEPS = 30, (60, 150, 300)
NIGHT = """
[calendars.night]
hours = {{ mon-sun = "{hours}" }}
timezone = "{zone.key}"
[calendars.freeze]
hours = {{ mon-sun = "{muted}" }}
timezone = "{zone.key}"
[audiences.board]
calendar = "night"
to = ["slack:#board"]
[[update]]
id = "u"
every = "30m"
to = ["audience:board"]
[[escalate]]
id = "e"
when = 'not acknowledged'
during = "night"
steps = [{{ after = "60m", to = ["slack:#60"] }}, {{ after = "150m", to = ["slack:#150"] }},
         {{ after = "300m", to = ["slack:#300"] }}]
[[mute]]
id = "m"
during = "freeze"
mutes = ["update"]
"""


@pytest.mark.uncounted
@pytest.mark.parametrize(("hours", "muted"), [("01:30-05:00", "02:15-03:20"), ("00:00-02:30", "00:50-01:45")])
@pytest.mark.parametrize(("zone", "day", "why"), PLACES)
def test_everybody_is_told_in_the_first_minute_in_which_their_hours_are_open(
    zone: ZoneInfo, day: date, why: str, hours: str, muted: str
) -> None:
    wall = clock(zone, day)
    opened, silent = (minutes(_calendar(said, zone), wall, day) for said in (hours, muted))
    begin = wall.reaches(datetime.combine(day - timedelta(days=1), time(23)))
    world = World(NIGHT.format(zone=zone, hours=hours, muted=muted), COMPANY)
    world.now = wall.first + begin * MINUTE
    world.ticket()
    world.until(world.now + LENGTH * MINUTE)
    told = {f"#{after}": [_first(opened.__getitem__, begin + after)] for after in STEPS}
    told["#board"] = _updates(lambda nth: opened[nth] and not silent[nth], begin)
    for place, wanted in told.items():
        seen = [post.at for post in world.posts if post.place == place]
        assert seen == [wall.first + nth * MINUTE for nth in wanted if nth <= begin + LENGTH], (place, why)


def _calendar(hours: str, zone: ZoneInfo) -> Calendar:
    opens, _, closes = hours.partition("-")
    return Calendar("any", zone, dict.fromkeys(range(7), ((time.fromisoformat(opens), time.fromisoformat(closes)),)))


def _first(open_: Callable[[int], bool], nth: int) -> int:
    """The first minute from then on that is open."""
    while not open_(nth):
        nth += 1
    return nth


def _updates(open_: Callable[[int], bool], begin: int) -> list[int]:
    """Every half hour; what had to wait for more than three minutes is what the next is counted from."""
    found, base = [], begin
    while base < begin + LENGTH:
        due = base + EVERY
        out = _first(open_, due)
        found.append(out)
        base = due if out - due <= EVERY // 10 else out
    return found


# ---- a time of day that people name


@pytest.mark.parametrize(
    ("zone", "now", "said", "meant", "why"),
    [
        (BERLIN, "2026-10-25 00:15", "02:30", "2026-10-25 00:30", "the first of the two is to come"),
        (BERLIN, "2026-10-25 01:15", "02:30", "2026-10-25 01:30", "the first is over, the second is to come"),
        (BERLIN, "2026-10-25 01:15", "today 02:30", "2026-10-25 01:30", "and so it is where the day is named"),
        (BERLIN, "2026-10-25 01:30", "02:30", "2026-10-26 01:30", "both are over"),
        (BERLIN, "2026-03-28 23:00", "02:30", "2026-03-29 01:00", "there is none: when two o'clock is three"),
        (BERLIN, "2026-03-29 01:30", "02:30", "2026-03-30 00:30", "that is over"),
        (BERLIN, "2026-03-28 12:00", "tomorrow 02:30", "2026-03-29 01:00", "so is tomorrow's"),
        (BERLIN, "2026-03-23 12:00", "2026-03-29T02:30", "2026-03-29 01:00", "and that of a date"),
        (NEW_YORK, "2026-11-01 06:15", "1:30am", "2026-11-01 06:30", "New York has it at one"),
        (LORD_HOWE, "2026-04-04 15:10", "01:45", "2026-04-04 15:15", "an island with half an hour"),
        (APIA, "2021-04-03 14:10", "03:15", "2021-04-03 14:15", "an island for the last time"),
    ],
)  # fmt: skip
def test_a_time_of_day_is_the_next_that_the_clock_on_the_wall_comes_to(
    zone: ZoneInfo, now: str, said: str, meant: str, why: str
) -> None:
    assert moment(said, zone, utc(now)) == utc(meant), why


@pytest.mark.uncounted
@settings(max_examples=50)
@given(st.sampled_from(PLACES), st.integers(5 * 1440, 7 * 1440), TIMES)
def test_a_time_of_day_that_is_named_in_any_minute(place: tuple[ZoneInfo, date, str], nth: int, said: time) -> None:
    zone, day, why = place
    wall = clock(zone, day)
    shows = [(wall.first + n * MINUTE).astimezone(zone).replace(tzinfo=None) for n in range(nth, nth + 1500)]
    today, tomorrow = (datetime.combine(shows[0].date() + timedelta(days=ahead), said) for ahead in (0, 1))
    again = (nth + n for n, shown in enumerate(shows) if shown == today and n)
    coming = [at for at in (wall.reaches(today), *again, wall.reaches(tomorrow)) if at > nth]
    assert moment(f"{said:%H:%M}", zone, wall.first + nth * MINUTE) == wall.first + min(coming) * MINUTE, why
