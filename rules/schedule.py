"""Who is on call and who is away, and until when that stays so.

An override comes first, then what was looked up where a company keeps its schedule elsewhere, then the rotation, then
the layers. Whoever is away is passed over at each of these. A hand-over at a time that the clock on the wall leaps
over is when it leaps; at one that it shows twice, the first time.

What is looked up comes in with the rules, as shifts of their schedules and absences of their people: so everything
that asks who is on call knows it, and a schedule that is kept nowhere else pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from connectors.model import Shift, User
from rules.calendar import is_open, reached, stretch
from rules.model import Override, RuleSet, Schedule

AHEAD = timedelta(days=60)
"""So far ahead it is looked for the next hand-over."""
KEPT = 4
"""So many turns of a schedule are remembered: this one, the next, and those that tickets of another day ask for."""
_A_MONDAY = date(1970, 1, 5)
_MIDNIGHT = time(0)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is (None: nobody's) at `at` and until then; without `until` it stays so for all of `AHEAD`."""

    person: str | None
    at: datetime
    until: datetime | None

    @property
    def known_until(self) -> datetime:
        """Until when it is certain."""
        return self.until or self.at + AHEAD


def on_call(team: str, rules: RuleSet, now: datetime) -> str | None:
    """Who is on call for a team: by its schedule, passing over whoever is away; None without schedule or anybody."""
    found = rules.teams.get(team)
    return turn(found.schedule, rules, now).person if found is not None and found.schedule else None


def turn(schedule: str, rules: RuleSet, now: datetime) -> Turn:
    """Whose turn it is in a schedule, and until when."""
    known = rules.turns.get(schedule, ())
    for each in known:
        if each.at <= now < each.known_until:
            return each
    person = _now(rules.schedules[schedule], rules, now)
    moment, until = now, None
    while (edge := _next(rules.schedules[schedule], rules, moment)) is not None and edge <= now + AHEAD:
        if _now(rules.schedules[schedule], rules, edge) != person:
            until = edge
            break
        moment = edge
    made = Turn(person, now, until)
    rules.turns[schedule] = (made, *known[: KEPT - 1])
    return made


def turns(schedule: str, rules: RuleSet, start: datetime, end: datetime) -> Iterator[Turn]:
    """Every turn from one moment until another, in order; the last may reach beyond."""
    at = start
    while at < end:
        found = turn(schedule, rules, at)
        yield found if found.at == at else replace(found, at=at)
        at = found.known_until


def gaps(schedule: str, rules: RuleSet, start: datetime, end: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """The stretches from one moment until another in which nobody is on call."""
    found: list[tuple[datetime, datetime]] = []
    for each in turns(schedule, rules, start, end):
        if each.person is None:
            until = min(each.known_until, end)
            if found and found[-1][1] == each.at:
                found[-1] = (found[-1][0], until)
            else:
                found.append((each.at, until))
    return tuple(found)


def away(person: str, rules: RuleSet, now: datetime) -> bool:
    """Whether a person is away: on that day by their own calendar day, or at that moment by what was looked up."""
    known = rules.people[person]
    if any(start <= now < until for start, until in known.absent):
        return True
    today = now.astimezone(known.timezone or rules.defaults.timezone).date() if known.away else None
    return today is not None and any(first <= today <= last for first, last in known.away)


def present(person: str, rules: RuleSet, now: datetime) -> bool:
    """Whether it is within a person's own hours; who has none is always there."""
    hours = rules.people[person].hours
    return hours is None or is_open(rules.calendars[hours], now)


def comings(people: Iterable[str], rules: RuleSet, now: datetime) -> Iterator[datetime]:
    """Moments after now at which one of these people comes or goes: is away, or begins or ends their hours."""
    for key in people:
        yield from _absences(key, rules, now)
        hours = rules.people[key].hours
        if hours is not None:
            yield from _after(now, stretch(rules.calendars[hours], now)[1])


def _absences(key: str, rules: RuleSet, now: datetime) -> Iterator[datetime]:
    person = rules.people[key]
    zone = person.timezone or rules.defaults.timezone
    for first, last in person.away:
        yield from _after(now, reached(first, _MIDNIGHT, zone), reached(last + _DAY, _MIDNIGHT, zone))
    for start, until in person.absent:
        yield from _after(now, start, until)


# ---- one schedule


def _now(schedule: Schedule, rules: RuleSet, now: datetime) -> str | None:
    for override in reversed(schedule.overrides):
        if override.start <= now < override.until and not away(override.person, rules, now):
            return override.person
    if schedule.during is not None and not is_open(rules.calendars[schedule.during], now):
        return None
    people = (*(shift.person for shift in schedule.shifts if shift.start <= now < shift.until), *_order(schedule, now))
    found = next((person for person in people if not away(person, rules, now)), None)
    if found is not None:
        return found
    return next((who for name in schedule.layers if (who := turn(name, rules, now).person) is not None), None)


def _order(schedule: Schedule, now: datetime) -> Iterator[str]:
    """The rotation, beginning with whose turn it is."""
    if schedule.rotation:
        first = _handovers(schedule, now)
        yield from (schedule.rotation[(first + nth) % len(schedule.rotation)] for nth in range(len(schedule.rotation)))


def _handovers(schedule: Schedule, now: datetime) -> int:
    """How many hand-overs there were since the rotation began."""
    day = now.astimezone(schedule.timezone).date()
    if reached(day, schedule.at, schedule.timezone) > now:
        day -= _DAY
    first = schedule.first or _A_MONDAY
    if schedule.weekday is None:
        return (day - first).days
    return (_back_to(day, schedule.weekday) - _back_to(first, schedule.weekday)).days // 7


def _next(schedule: Schedule, rules: RuleSet, now: datetime) -> datetime | None:
    """The next moment at which somebody else may be on call; None where there is none."""
    return min(_edges(schedule, rules, now), default=None)


def _edges(schedule: Schedule, rules: RuleSet, now: datetime) -> Iterator[datetime]:
    if len(schedule.rotation) > 1:
        day = now.astimezone(schedule.timezone).date()
        days = [day + nth * _DAY for nth in range(-1, 3)]
        if schedule.weekday is not None:
            last = _back_to(day, schedule.weekday)
            days = [last, last + 7 * _DAY, last + 14 * _DAY]
        yield from _after(now, *(reached(each, schedule.at, schedule.timezone) for each in days))
    shifts = (*schedule.overrides, *schedule.shifts)
    for shift in shifts:
        yield from _after(now, shift.start, shift.until)
    if schedule.during is not None:
        yield from _after(now, stretch(rules.calendars[schedule.during], now)[1])
    for person in {*schedule.rotation, *(shift.person for shift in shifts)}:
        yield from _absences(person, rules, now)
    for layer in schedule.layers:
        yield from _after(now, turn(layer, rules, now).until)


def _after(now: datetime, *moments: datetime | None) -> Iterator[datetime]:
    return (moment for moment in moments if moment is not None and moment > now)


def _back_to(day: date, weekday: int) -> date:
    """The last such weekday, this day among them."""
    return day - timedelta(days=(day.weekday() - weekday) % 7)


# ---- what was looked up

Rosters = Mapping[tuple[str, str], tuple[Shift, ...]]
"""What was looked up, by connector and the name of a schedule or a feed there."""
_SHARED = ("index", "by_id", "renamed", "person_by_id", "person_by_email", "_by_kind")


def sources(rules: RuleSet) -> tuple[tuple[str, str], ...]:
    """What has to be looked up: the connector and the name there of every schedule and of every feed of absences."""
    kept = (each.source for each in rules.schedules.values() if each.source is not None)
    return tuple(dict.fromkeys((*kept, *rules.defaults.absences)))


def staffed(rules: RuleSet, rosters: Rosters) -> tuple[RuleSet, tuple[str, ...]]:
    """The rules with what was looked up, and whom of that nobody knows (as a sentence each)."""
    known, strangers = _Known(rules), dict[str, None]()
    found: dict[tuple[str, str], tuple[Override, ...]] = {}
    for source, shifts in rosters.items():
        people = [(known.person(shift.user, source[0]), shift) for shift in shifts]
        found[source] = tuple(Override(key, each.start, each.until) for key, each in people if key is not None)
        if source not in rules.defaults.absences:  # of whom nobody knows it matters not that they are away
            strangers.update(
                {f"{':'.join(source)}: nobody in [people] is {_told(s.user)}": None for k, s in people if k is None}
            )
    absent: dict[str, list[tuple[datetime, datetime]]] = {}
    for shift in (shift for source in rules.defaults.absences for shift in found.get(source, ())):
        absent.setdefault(shift.person, []).append((shift.start, shift.until))
    schedules = {
        key: each if each.source is None else replace(each, shifts=found.get(each.source, ()))
        for key, each in rules.schedules.items()
    }
    people_ = {key: replace(each, absent=tuple(absent.get(key, ()))) for key, each in rules.people.items()}
    made = replace(rules, schedules=schedules, people=people_)
    made.__dict__.update({name: getattr(rules, name) for name in _SHARED})  # nothing of it is another now
    return made, tuple(strangers)


class _Known:
    """Finds the person whom another product means."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        names = (
            (said.casefold(), person.key) for person in rules.people.values() for said in (person.name, person.key)
        )
        self._ids: dict[str, set[str]] = {}
        for person in rules.people.values():
            for id_ in person.ids.values():
                self._ids.setdefault(id_, set()).add(person.key)
        self._names = tuple((_whole(said), key) for said, key in sorted(names, key=lambda one: -len(one[0])) if said)

    def person(self, user: User, connector: str) -> str | None:
        """By their id there, else by address, else by an id that is theirs alone, else by name.

        An Atlassian account has one id in all of Atlassian's products. Where the product knows no people it is the name
        or the key that stands in its text.
        """
        rules, said = self._rules, user.name.casefold()
        found = rules.person_by_id.get((connector, user.id)) or rules.person_by_email.get(user.email.lower())
        if found is not None:
            return found
        theirs = self._ids.get(user.id, set())
        if len(theirs) == 1:
            return next(iter(theirs))
        whole = bool(user.id)
        asked = ((name.fullmatch(said) if whole else name.search(said), key) for name, key in self._names)
        return next((key for matched, key in asked if matched), None)


def _told(user: User) -> str:
    return " ".join(filter(None, (user.name or user.id, f"<{user.email}>" if user.email else "")))


def _whole(said: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(said)}(?!\w)")
