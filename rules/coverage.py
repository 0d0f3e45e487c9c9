"""What `pointman check` tells of people's hours: stretches with nobody on call, steps that can never be reached, and
mutes that are over, or never are.

All of it is a warning. Nothing is wrong with a schedule of office hours, or with a step for somebody who has no address
yet; but at night it would be found out too late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, tzinfo

from connectors.problems import Problem
from rules.calendar import is_open, later, stretch
from rules.directory import BY_EMAIL, REACH
from rules.model import (
    Assign,
    Audience,
    Calendar,
    ClockStep,
    Escalate,
    Mute,
    Objective,
    Party,
    Recipient,
    Rule,
    RuleSet,
    Schedule,
    Step,
)
from rules.schedule import gaps

MONTH = timedelta(days=30)
TOLD = 3
"""So many stretches of one schedule are told, the others are counted."""
_GENERIC = ("team", "service.team")


def problems(rules: RuleSet, products: Collection[str], now: datetime, *, looked_up: bool = False) -> Iterator[Problem]:
    """The warnings, in the order of the rules. `products` can be told something.

    Schedules that are kept elsewhere are judged where that was `looked_up`.
    """
    yield from _uncovered(rules, now, looked_up=looked_up)
    told = {problem.rule for problem in rules.warnings}
    for rule in rules:
        if rule.mode != "off":
            never = _mutes(rule, rules, now) if isinstance(rule, Mute) else _never(rule, rules, now)
            if never:
                yield Problem(rule.where, never, str(rule), level="warning")
            elif str(rule) not in told:  # why a step is nobody is told already
                yield from _unreached(rule, rules, products)


# ---- nobody on call


def _uncovered(rules: RuleSet, now: datetime, *, looked_up: bool) -> Iterator[Problem]:
    done: set[str] = set()
    for rule in rules:
        for team in _called(rule, rules) if rule.mode != "off" else ():
            name = rules.teams[team].schedule
            if name is None or name in done or (not looked_up and _elsewhere(rules.schedules[name], rules)):
                continue
            done.add(name)
            found = gaps(name, rules, now, now + MONTH)
            if found:
                teams = ", ".join(each.name for each in rules.teams.values() if each.schedule == name)
                said = f"nobody is on call for {teams} {_said(found, now, rules.defaults.timezone)}"
                yield Problem(rule.where, said, str(rule), f"{name} is called here", "warning")


def _called(rule: Rule, rules: RuleSet) -> Iterator[str]:
    """The teams whose on-call a rule calls or assigns; where it is the ticket's, all that have a schedule."""
    names = [to.name for _, to in _steps(rule) if to.kind == "on-call"]
    if isinstance(rule, Assign) and rule.pick == "on-call":
        names.append(rule.team or "team")
    for name in dict.fromkeys(names):
        yield from rules.teams if name in _GENERIC else (name,)


def _elsewhere(schedule: Schedule, rules: RuleSet) -> bool:
    """Whether it depends on what is kept elsewhere."""
    return schedule.source is not None or any(_elsewhere(rules.schedules[name], rules) for name in schedule.layers)


def _said(found: tuple[tuple[datetime, datetime], ...], now: datetime, zone: tzinfo) -> str:
    if found == ((now, now + MONTH),):
        return "at any time in the next 30 days"
    shown = ", ".join(f"{_clock(start, zone)} to {_clock(until, zone)}" for start, until in found[:TOLD])
    if len(found) <= TOLD:
        return f"from {shown}"
    hours = sum(((until - start) for start, until in found), timedelta(0)) / timedelta(hours=1)
    return f"{len(found)} times in the next 30 days, {hours:.0f} hours in all: from {shown}, …"


def _clock(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%a %d %b %H:%M}"


# ---- steps that are never reached


def _never(rule: Rule, rules: RuleSet, now: datetime) -> str:
    """Why a rule never does anything, by its calendars; empty where it does."""
    counting = rule.calendar if isinstance(rule, (Escalate, Objective)) else None
    for name, what in ((rule.during, "nothing of this ever goes out"), (counting, "its time never passes")):
        if name is not None and _shut(rules.calendars[name], now):
            return f"the calendar {name} does not open within two years, so {what}"
    within = rule.within if isinstance(rule, Objective) else None
    if within is not None and counting is not None and later(rules.calendars[counting], now, within) is None:
        return f"this clock never runs out: {counting} is not open for so long within two years"
    if isinstance(rule, Escalate) and counting is not None:
        for number, step in enumerate(rule.steps, 1):
            if later(rules.calendars[counting], now, step.after) is None:
                return f"step {number} is never reached: {counting} is not open for so long within two years"
    return ""


def _mutes(rule: Mute, rules: RuleSet, now: datetime) -> str:
    """Why a mute holds nothing any more, or everything for good; empty where it does neither."""
    if rule.until is not None and rule.until <= now:
        ended = rule.until.astimezone(rules.defaults.timezone)
        return f"this mute ended {ended:%a %d %b %Y}; take it out, or write another until"
    during = rules.calendars[rule.during] if rule.during is not None else None
    if during is not None and _shut(during, now):
        return f"the calendar {during.name} does not open within two years, so this mutes nothing"
    if during is not None and rule.when is None and is_open(during, now) and stretch(during, now)[1] is None:
        what = " or ".join(rule.mutes)
        return f"the calendar {during.name} does not close within two years, so no {what} rule tells anybody anything"
    return ""


def _shut(calendar: Calendar, now: datetime) -> bool:
    return not is_open(calendar, now) and stretch(calendar, now)[1] is None


def _unreached(rule: Rule, rules: RuleSet, products: Collection[str]) -> Iterator[Problem]:
    steps: dict[int, list[Recipient]] = {}
    for number, to in _steps(rule):
        steps.setdefault(number, []).append(to)
    for number, several in steps.items():
        if not any(_somebody(to, rules, products) for to in several):
            names = ", ".join(map(str, several))
            hint = "give them an address in [people] for a product that is configured"
            yield Problem(rule.where, f"step {number} reaches nobody, ever: {names}", str(rule), hint, "warning")


def _steps(rule: Rule) -> Iterator[tuple[int, Recipient]]:
    """Whom each step of a ladder or a clock calls, with its number."""
    if isinstance(rule, (Escalate, Objective)):
        each: tuple[Step | ClockStep, ...] = rule.steps
        yield from ((number, to) for number, step in enumerate(each, 1) for to in step.to)


def _somebody(to: Recipient, rules: RuleSet, products: Collection[str]) -> bool:
    """Whether a recipient can be anybody who can be told something, for some ticket at some time."""
    if to.kind == "place":
        return any(product in products for product in rules.places[to.name])
    if to.kind in products:
        return True
    if to.kind in {"audience", "departments", "vendor"}:
        return any(_somebody(each, rules, products) for each in _group(to, rules))
    people = _people(to, rules)
    return people is None or any(_reachable(person, rules, products) for person in people)


def _group(to: Recipient, rules: RuleSet) -> Iterator[Recipient]:
    """Everybody in a group; where it is the service's, in any."""
    group: Mapping[str, Audience | Party] = rules.audiences
    if to.kind != "audience":
        group = rules.departments if to.kind == "departments" else rules.vendors
    for name in (to.name,) if to.name in group else group:
        yield from group[name].to


def _people(to: Recipient, rules: RuleSet) -> Iterable[str] | None:
    """Everybody whom a recipient can mean; None where that may be anyone."""
    if to.kind == "person":
        return (to.name,)
    teams = rules.teams.values() if to.name in _GENERIC else filter(None, (rules.teams.get(to.name),))
    if to.kind == "lead":
        return [team.lead for team in teams if team.lead is not None]
    if to.kind == "members":
        return [person for team in teams for person in team.members]
    if to.kind == "on-call":
        names = [team.schedule for team in teams if team.schedule is not None]
        return [person for name in names for person in _rota(rules.schedules[name], rules)]
    return None


def _rota(schedule: Schedule, rules: RuleSet) -> Iterator[str]:
    """Everybody who may be on call by a schedule; who is by one that is kept elsewhere, may be anyone."""
    yield from schedule.rotation
    yield from (each.person for each in (*schedule.overrides, *schedule.shifts))
    yield from rules.people if schedule.source is not None else ()
    for name in schedule.layers:
        yield from _rota(rules.schedules[name], rules)


def _reachable(key: str, rules: RuleSet, products: Collection[str]) -> bool:
    person = rules.people[key]
    reach = person.reach or (*REACH, *person.ids)
    return any(p in products and (p in person.ids or (person.email and p in BY_EMAIL)) for p in reach)
