"""What the rules make of a ticket's fields: severity and the like by classify, team and person by assign.

Per field the first rule that speaks decides; `at_least` raises afterwards. A watched rule decides among all rules,
as if it were on, but the rules that are on decide among themselves: what is watched never changes what is done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from connectors.model import User, Value
from rules.decision import Decision, World
from rules.directory import person_of
from rules.events import OPEN
from rules.facts import Facts
from rules.model import Assign, Classify, Person, Rule
from rules.schedule import away, comings, on_call, present, turn

Deciding: TypeAlias = Classify | Assign


@dataclass(frozen=True, slots=True)
class Wish:
    """What one rule would make of one field, if nobody before it did, and why in a few words."""

    field: str
    value: Value
    why: str


def decided(speaking: Iterable[Rule], facts: Facts, world: World, now: datetime) -> Iterator[Decision]:
    """The decisions of these rules, all of one kind, whose conditions hold, in deciding order.

    At most one for each field of rules that are on, and before it one of a watched rule that would decide it.
    """
    rules = tuple(rule for rule in speaking if isinstance(rule, (Classify, Assign)))
    bold = {d.field: d for d in _first(tuple(r for r in rules if r.mode == "on"), facts, world, now)}
    if any(rule.mode == "watch" for rule in rules):
        for watched in _first(rules, facts, world, now):
            live = bold.get(watched.field)
            if watched.rule.mode == "watch" and (live is None or live.value != watched.value):
                yield watched
    yield from bold.values()


def wishes(rule: Deciding, facts: Facts, world: World, now: datetime, team: str | None = None) -> Iterator[Wish]:
    """What a rule whose condition holds wants of the fields; `team` is the one decided so far."""
    if isinstance(rule, Classify):
        yield from _classified(rule, facts)
    else:
        yield from _assigned(rule, facts, world, now, team)


def _first(rules: tuple[Deciding, ...], facts: Facts, world: World, now: datetime) -> Iterator[Decision]:
    found: dict[str, Decision] = {}
    for rule in rules:
        team = found.get("team")
        for wish in wishes(rule, facts, world, now, str(team.value) if team is not None else None):
            if wish.field not in found:
                found[wish.field] = Decision(
                    rule, facts.ticket.created, (wish.why,), wish.field, wish.value, rule.force
                )
    for rule in rules:
        if isinstance(rule, Classify):
            for word, level in rule.at_least.items():
                raised = _raised(found.get(word), word, level, rule, facts)
                if raised is not None:
                    found[word] = raised
    yield from found.values()


# ---- classify


def _classified(rule: Classify, facts: Facts) -> Iterator[Wish]:
    for word, value in rule.set.items():
        yield Wish(word, value, _called(rule))
    reached = [one for word, levels in rule.thresholds.items() for one in _reached(word, levels, facts)]
    levels = facts.rules.scales.get("severity", ())
    if reached and "severity" not in rule.set:
        level, why = max(reached, key=lambda one: levels.index(one[0]))
        yield Wish("severity", level, f"{_called(rule)} ({why})")


def _reached(word: str, levels: tuple[tuple[float, str], ...], facts: Facts) -> Iterator[tuple[str, str]]:
    number = facts[word]
    if isinstance(number, (int, float)):
        found = next(((limit, level) for limit, level in levels if number >= limit), None)
        if found is not None:
            yield found[1], f"{word} {number:g} >= {found[0]:g}"


def _raised(decision: Decision | None, word: str, level: str, rule: Classify, facts: Facts) -> Decision | None:
    """The decision for a word after `at_least` had its say; None where nothing has to change."""
    levels = facts.rules.scales.get(word, ())
    held = decision.value if decision is not None else facts[word]
    rank = levels.index(level)
    floor = level if rule.force else None
    if decision is not None and decision.floor is not None and (floor is None or levels.index(decision.floor) > rank):
        floor = decision.floor
    if held in levels and levels.index(held) >= rank:
        return None if decision is None else replace(decision, floor=floor)
    why = f"{_called(rule)}: at least {level}"
    if decision is None:
        return Decision(rule, facts.ticket.created, (why,), word, level, floor=floor)
    return replace(decision, rule=rule, why=(*decision.why, why), value=level, floor=floor)


def _called(rule: Rule) -> str:
    return rule.name or rule.id


# ---- assign


def _assigned(rule: Assign, facts: Facts, world: World, now: datetime, decided_team: str | None) -> Iterator[Wish]:
    team = rule.team
    if team == "service.team":
        service = facts["service"]
        team = service.team if service else None
    if team is not None:
        yield Wish("team", team, _called(rule))
    if rule.person is not None or rule.pick is not None:
        standing = facts["team"] or None
        person = _person(rule, decided_team or team or standing, facts, world, now)
        if person is not None:
            yield Wish("assignee", person, f"{_called(rule)}{_instead(person, facts, now)}")


def _person(rule: Assign, team: str | None, facts: Facts, world: World, now: datetime) -> str | None:
    """The person a rule assigns, by key; None where it leaves things as they are.

    Whoever has an acknowledged ticket keeps it. While nobody acknowledged, on-call moves on with the shift, and
    somebody who is away, or whose hours are over while another's are not, is replaced.
    """
    ticket = facts.ticket
    taken = ticket.fields.get("assignee") is not None and facts["acknowledged"]
    if ticket.phase not in OPEN or taken:
        return None
    fit = _fit(rule, _pool(rule, team, facts, now), facts, now)
    if rule.person is not None or rule.pick == "on-call":
        return next(iter(fit), None)
    current = holder(facts)
    if current in fit:
        return current
    loads: Mapping[str, int] = world.loads if rule.pick == "least-loaded" else {}
    order: Callable[[str], tuple[int, str]] = lambda key: (loads.get(key, 0), _rank(ticket.ref, key))  # noqa: E731
    return min(fit, key=order, default=None)


def _pool(rule: Assign, team: str | None, facts: Facts, now: datetime) -> tuple[str | None, ...]:
    """Whom the rule chooses among, before skills and absence."""
    if rule.person is not None:
        return (rule.person,)
    known = facts.rules.teams.get(team or "")
    if known is None:
        return ()
    if rule.pick == "on-call":
        return (on_call(known.name, facts.rules, now),)
    return known.members or (known.lead,)


def _fit(rule: Assign, pool: Iterable[str | None], facts: Facts, now: datetime) -> tuple[str, ...]:
    """Who of these can do it and is not away: those within their hours, or all where that is nobody."""
    rules = facts.rules
    people: Iterable[Person] = (rules.people[key] for key in pool if key is not None)
    able = [person.key for person in people if set(rule.skills) <= set(person.skills)]
    fit = tuple(key for key in able if not away(key, rules, now))
    return tuple(key for key in fit if present(key, rules, now)) or fit


def holder(facts: Facts) -> str | None:
    """Who has the ticket, by key."""
    user = facts.ticket.fields.get("assignee")
    return person_of(user, facts.ticket.source, facts.rules) if isinstance(user, User) else None


def _instead(person: str, facts: Facts, now: datetime) -> str:
    """Why somebody else has it no longer; empty where nobody is replaced."""
    before = holder(facts)
    if before is None or before == person:
        return ""
    known = facts.rules.people[before]
    if away(before, facts.rules, now):
        return f"; {known} is away"
    return f"; {known}'s {'shift' if present(before, facts.rules, now) else 'hours'} ended"


def moments(rule: Assign, facts: Facts, now: datetime) -> Iterator[datetime]:
    """Moments after now at which a rule may assign somebody else, though nothing happens to the ticket."""
    rules = facts.rules
    service = facts["service"]
    named = service.team if rule.team == "service.team" and service else rule.team
    for team in {named, facts["team"] or None} if rule.person is None else ():
        known = rules.teams.get(team or "")
        if known is not None and rule.pick == "on-call" and known.schedule is not None:
            until = turn(known.schedule, rules, now).until
            yield from () if until is None else (until,)
        elif known is not None and rule.pick is not None:
            yield from comings(filter(None, _pool(rule, known.name, facts, now)), rules, now)
    if rule.person is not None:
        yield from comings((rule.person,), rules, now)


def _rank(ref: str, name: str) -> str:
    return hashlib.sha256(f"{ref}\x1f{name}".encode()).hexdigest()
