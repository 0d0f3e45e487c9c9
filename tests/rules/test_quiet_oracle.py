"""What holds an effect back, against an oracle that looks at clocks on the wall minute by minute, in awkward zones.

Hours of a rule, of its audience in another zone, a mute that comes again and again and one with a beginning and an end
are all written as an administrator writes them. Each minute is asked of each of them; nothing is computed of spans.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import load, schedule
from rules.decision import World
from rules.facts import Facts
from rules.model import Calendar, Mute, RuleSet
from rules.quiet import Quiet, gathered_since, in_force
from tests.rules.example import ticket
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

FIRST, LAST = 3 * 1440, 9 * 1440
"""The minutes that are asked; the oracle sees three days more on either side."""
DAY = timedelta(days=1)
RULES = """
[defaults]
timezone = "{zone.key}"
[places]
incidents = {{ slack = "#incidents" }}
[calendars]
a = {a}
b = {b}
c = {c}
[people]
tom = {{ slack = "U1", hours = "b", away = ["{away[0]}/{away[1]}"] }}
[[update]]
id = "u"
every = "1h"
during = "a"
to = ["place:incidents"]
[[mute]]
id = "again"
during = "c"
mutes = ["update"]
[[mute]]
id = "once"
from = {once[0]:%Y-%m-%dT%H:%M:00}
until = {once[1]:%Y-%m-%dT%H:%M:00}
mutes = ["update"]
"""


def written(calendar: Calendar) -> str:
    """A calendar as it stands in a file."""
    spans = ", ".join(f"{a:%H:%M}-{b:%H:%M}".replace("-00:00", "-24:00") for a, b in calendar.hours[0])
    closed = "".join(f', closed = ["{first}/{last}"]' for first, last in calendar.closed)
    return f'{{ hours = {{ mon-sun = "{spans}" }}, timezone = "{calendar.timezone}"{closed} }}'


@dataclass(frozen=True, slots=True)
class Case:
    """Rules and, minute by minute since `first`, whether each of these is so; one minute is asked, the `nth`."""

    text: str
    first: datetime
    nth: int
    said: dict[str, list[bool]] = field(repr=False)

    @property
    def rules(self) -> RuleSet:
        return load.parse({"rules.toml": self.text})

    def at(self, nth: int) -> datetime:
        return self.first + nth * MINUTE


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Calendars `a` to `c`, the mute `once`, and somebody who is `away`."""
    zone, day, _ = draw(st.sampled_from(PLACES))
    wall = clock(zone, day)
    several = {name: draw(_calendars(draw(st.sampled_from((zone, zone, BERLIN, LORD_HOWE))), day)) for name in "abc"}
    days = st.integers(-2, 2).map(lambda ahead: day + timedelta(days=ahead))
    begin, length = datetime.combine(draw(days), draw(TIMES)), draw(st.integers(1, 100)) * timedelta(minutes=15)
    away = sorted((draw(days), draw(days)))
    hours = {name: written(calendar) for name, calendar in several.items()}
    text = RULES.format(zone=zone, away=away, once=(begin, begin + length), **hours)
    said = {name: minutes(calendar, clock(calendar.timezone, day), day) for name, calendar in several.items()}
    ranges = {"once": (begin, begin + length), "away": (_midnight(away[0]), _midnight(away[1] + DAY))}
    for name, (first, last) in ranges.items():
        since, until = wall.reaches(first), wall.reaches(last)
        said[name] = [since <= nth < until for nth in range(len(wall.latest))]
    return Case(text, wall.first, draw(st.integers(FIRST, LAST)), said)


@st.composite
def _calendars(draw: st.DrawFn, zone: ZoneInfo, day: date) -> Calendar:
    """One with the same hours on every day, which often begin or end in the hour that is not there, or there twice."""
    night = st.sampled_from([time(1, 30), time(1, 45), time(2), time(2, 15), time(2, 30), time(3)])
    edges = sorted(draw(st.sets(st.one_of(night, TIMES), min_size=2, max_size=4)))
    spans = [*zip(edges[::2], edges[1::2], strict=False), *([(edges[-1], time(0))] if len(edges) % 2 else [])]
    closed = ((day, day),) if draw(st.integers(0, 3)) == 0 else ()
    return Calendar("any", zone, dict.fromkeys(range(7), tuple(spans)), closed=closed)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(0))


def silent(said: dict[str, list[bool]], nth: int, *, muted: bool = True) -> bool:
    """Whether the rule tells its audience nothing in that minute."""
    return not said["a"][nth] or not said["b"][nth] or (muted and (said["c"][nth] or said["once"][nth]))


@pytest.mark.uncounted
@settings(max_examples=40)
@given(cases(), st.booleans())
def test_what_is_held_goes_out_in_the_first_minute_in_which_nothing_holds_it(case: Case, muted: bool) -> None:
    rules, said, nth = case.rules, case.said, case.nth
    rule, quiet, at = rules.by_id["u"], Quiet(Facts(ticket(), rules), World()), case.at(nth)
    assert (quiet.at(rule, at, "b", muted=muted) is not None) == silent(said, nth, muted=muted)
    free = next((n for n in range(nth, LAST + 1440) if not silent(said, n, muted=muted)), None)
    out = quiet.out(rule, at, "b", muted=muted)
    if free is not None:
        assert out == case.at(free)
    else:
        assert out is None or out >= case.at(LAST + 1440)


@pytest.mark.uncounted
@settings(max_examples=40)
@given(cases())
def test_what_is_gathered_begins_with_the_closed_hours_and_a_mute_ends_when_it_did(
    case: Case,
) -> None:
    rules, said, nth = case.rules, case.said, case.nth
    rule, now, oldest = rules.by_id["u"], case.at(nth), case.at(nth) - DAY
    closed = [not one for one in said["a"]]
    begin, end = run(closed, nth)
    wanted = oldest if case.at(end) < oldest else min(oldest, case.at(begin))
    assert gathered_since(rule, rules, oldest, now) == wanted
    for name, flags in (("again", said["c"]), ("once", said["once"])):
        mute = rules.by_id[name]
        assert isinstance(mute, Mute)
        assert (in_force(mute, rules, now) is not None) == flags[nth]
        begin, end = run(flags, nth)
        ended = [one for one in Quiet(Facts(ticket(), rules), World()).lifted(rule, now, DAY) if one.mute == name]
        lately = not flags[nth] and begin < end and case.at(end) > now - DAY
        assert [(one.since, one.until) for one in ended] == ([(case.at(begin), case.at(end))] if lately else [])


def run(flags: list[bool], nth: int) -> tuple[int, int]:
    """The last stretch in which it is so that begins until then: its first minute, and the first after it."""
    end = next((n + 1 for n in range(nth, -1, -1) if flags[n]), 0)
    begin = next((n + 1 for n in range(end - 1, -1, -1) if not flags[n]), 0)
    while 0 < end < len(flags) and flags[end]:
        end += 1
    return begin, end


@pytest.mark.uncounted
@settings(max_examples=40)
@given(cases())
def test_somebody_comes_and_goes_by_the_clock_on_their_own_wall(
    case: Case,
) -> None:
    rules, said, nth = case.rules, case.said, case.nth
    now = case.at(nth)
    assert schedule.present("tom", rules, now) == said["b"][nth]
    assert schedule.away("tom", rules, now) == said["away"][nth]
    edges = [
        next((n for n in range(nth + 1, LAST + 1440) if flags[n] != flags[nth]), None)
        for flags in (said["b"], said["away"])
    ]
    coming = min((case.at(edge) for edge in edges if edge is not None), default=None)
    assert coming is None or min(schedule.comings(["tom"], rules, now)) == coming


# ---- a table worked out by hand, from the zones' own rules

ONCE = """
[defaults]
timezone = "{zone}"
[people]
tom = {{ slack = "U1" }}
[schedules]
rota = {{ rotation = ["tom"], handover = "00:00", overrides = [{override}] }}
[[mute]]
id = "m"
from = {begin}
mutes = ["notify"]
"""


@pytest.mark.parametrize(
    ("zone", "begin", "moment", "why"),
    [
        (BERLIN, "2026-03-29T02:30:00", "2026-03-29 01:00", "there is no such time: two o'clock is three"),
        (BERLIN, "2026-10-25T02:30:00", "2026-10-25 00:30", "there are two, and the first counts"),
        (NEW_YORK, "2026-03-08T02:30:00", "2026-03-08 07:00", "there is no such time: two o'clock is three"),
        (NEW_YORK, "2026-11-01T01:30:00", "2026-11-01 05:30", "there are two, and the first counts"),
        (LORD_HOWE, "2026-10-04T02:15:00", "2026-10-03 15:30", "there is no such time: two o'clock is half past"),
        (LORD_HOWE, "2026-04-05T01:45:00", "2026-04-04 14:45", "there are two, and the first counts"),
        (APIA, "2011-12-30T12:00:00", "2011-12-30 10:00", "there was no such day"),
        (BERLIN, "2026-03-29T02:30:00Z", "2026-03-29 02:30", "a moment in a zone of its own"),
        (BERLIN, "0001-01-01T00:30:00", "0001-01-01 00:30", "the first day that there is breaks nothing"),
    ],
)  # fmt: skip
def test_a_moment_that_is_written_is_when_the_clock_on_the_wall_reaches_it(
    zone: ZoneInfo, begin: str, moment: str, why: str
) -> None:
    override = f'{{ person = "tom", from = {begin}, until = 2040-01-01T00:00:00{"Z" * begin.endswith("Z")} }}'
    rules = load.parse({"rules.toml": ONCE.format(zone=zone.key, begin=begin, override=override)})
    mute = rules.by_id["m"]
    assert isinstance(mute, Mute)
    assert mute.begin == utc(moment), why
    assert rules.schedules["rota"].overrides[0].start == utc(moment), why
