"""What the rules want for one ticket: one decision for each rule that speaks.

Pure: a function of the ticket (with its history), the rules, what is known beside it, and the moment. The moment is
read for two things only, who is on call and who is away; no condition can see it, so a decision changes when
something happens and not while nobody looks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connectors.model import Change, Ticket, User, Value
from rules.condition import Condition
from rules.directory import away, on_call, person_of
from rules.events import OPEN, Event, events
from rules.facts import Facts
from rules.model import Assign, Classify, Escalate, Notify, Rule, RuleSet

LAPSE = timedelta(minutes=5)
"""A condition that was not true for less than this counts as true all the while."""


@dataclass(frozen=True, slots=True)
class World:
    """What is known beside the ticket: open tickets by person (for `least-loaded`), and our own account."""

    loads: Mapping[str, int] = field(default_factory=dict)
    me: User | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule that spoke: what it wants, since when, and why.

    For classify and assign, `field` should hold `value` (a person by key); `force` writes over people, `floor` is the
    level that a forced `at_least` asks for over a person. For a rule with `on`, `events` are those that it tells,
    oldest first, and `since` is the latest.
    """

    rule: Rule
    since: datetime
    why: tuple[str, ...] = ()
    field: str = ""
    value: Value = None
    force: bool = False
    floor: str | None = None
    events: tuple[Event, ...] = ()


def decide(kinds: tuple[str, ...], ticket: Ticket, rules: RuleSet, world: World, now: datetime) -> tuple[Decision, ...]:
    """The decisions of all rules of these kinds that speak, in deciding order; at most one for each field."""
    past = _Past(ticket, rules, now)
    made: list[Decision] = []
    for kind in kinds:
        if kind == "classify":
            made.extend(_classified(past))
        elif kind == "assign":
            made.extend(_assigned(past, world))
        elif kind == "escalate":
            climbing = (_climbing(rule, past, world) for rule in past.speaking(kind))
            made.extend(decision for decision in climbing if decision is not None)
        elif kind == "notify":
            made.extend(_told(past, world))
    return tuple(made)


class _Past:
    """One ticket under the rules, now and at every earlier moment; each moment is read once."""

    def __init__(self, ticket: Ticket, rules: RuleSet, now: datetime) -> None:
        self.ticket, self.rules, self.now = ticket, rules, now
        self.facts = Facts(ticket, rules, now)
        self._at: dict[datetime, Facts] = {}
        self._states: list[tuple[datetime, Facts]] | None = None

    def speaking(self, kind: str) -> Iterator[Rule]:
        """The rules of a kind that are not off and whose condition holds now, in order."""
        return (rule for rule in self.rules.index.candidates(kind, self.facts) if holds(rule.when, self.facts))

    def at(self, moment: datetime) -> Facts:
        """What held at a moment."""
        if moment not in self._at:
            self._at[moment] = Facts(self.ticket.at(moment), self.rules, moment)
        return self._at[moment]

    def states(self) -> list[tuple[datetime, Facts]]:
        """What held after each change, newest first."""
        if self._states is None:
            self._states = [(at, Facts(state, self.rules, at)) for at, state in self.ticket.states()]
        return self._states


def holds(condition: Condition | None, facts: Facts) -> bool:
    """Whether a condition is true; without one a rule always speaks, and *unknown* never fires."""
    return condition is None or condition(facts) is True


# ---- classify


def _classified(past: _Past) -> Iterator[Decision]:
    decided: dict[str, Decision] = {}
    raises: list[tuple[str, str, Classify]] = []
    for rule in past.speaking("classify"):
        if not isinstance(rule, Classify):
            continue
        for word, value, why in _wanted(rule, past.facts):
            live = decided.get(word)
            if live is None or (live.rule.mode == "watch" and rule.mode == "on"):
                decided[word] = Decision(rule, past.now, (why,), word, value, rule.force)
        raises.extend((word, level, rule) for word, level in rule.at_least.items())
    for word, level, rule in raises:
        raised = _raised(decided.get(word), word, level, rule, past)
        if raised is not None:
            decided[word] = raised
    yield from decided.values()


def _wanted(rule: Classify, facts: Facts) -> Iterator[tuple[str, Value, str]]:
    """What a rule sets: each word with its value and why."""
    for word, value in rule.set.items():
        yield word, value, str(rule.name or rule.id)
    for word, levels in rule.thresholds.items():
        number = facts[word]
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            reached = next(((limit, level) for limit, level in levels if number >= limit), None)
            if reached is not None:
                yield "severity", reached[1], f"{rule.name or rule.id} ({word} {number:g} >= {reached[0]:g})"
                return


def _raised(decided: Decision | None, word: str, level: str, rule: Classify, past: _Past) -> Decision | None:
    """The decision for a word after `at_least` had its say; None where nothing has to change."""
    levels = past.rules.scales.get(word, ())
    base = decided.value if decided is not None else past.facts[word]
    rank = levels.index(str(base)) if base in levels else -1
    why = f"{rule.name or rule.id}: at least {level}"
    floor = level if rule.force else None
    if level in levels and levels.index(level) > rank:
        before = decided.why if decided is not None else ()
        return Decision(rule, past.now, (*before, why), word, level, False, floor)
    if decided is not None and floor is not None:
        return replace(decided, floor=floor)
    return decided


# ---- assign


def _assigned(past: _Past, world: World) -> Iterator[Decision]:
    decided: dict[str, Decision] = {}
    for rule in past.speaking("assign"):
        if not isinstance(rule, Assign):
            continue
        team = _team(rule, past.facts)
        why = (str(rule.name or rule.id),)
        if team is not None and "team" not in decided:
            decided["team"] = Decision(rule, past.now, why, "team", team, rule.force)
        if "assignee" not in decided:
            who = _picked(rule, team or past.facts["team"], past, world)
            if who is not None:
                decided["assignee"] = Decision(rule, past.now, why, "assignee", who, rule.force)
    yield from decided.values()


def _team(rule: Assign, facts: Facts) -> str | None:
    if rule.team != "service.team":
        return rule.team
    service = facts["service"]
    return getattr(service, "team", None)


def _picked(rule: Assign, team: object, past: _Past, world: World) -> str | None:
    """The person a rule assigns, by key; None where it leaves things as they are.

    Somebody who is assigned stays until a person changes it. Only on-call moves on, at the end of a shift in which
    nobody acknowledged.
    """
    if rule.person is None and rule.pick is None:
        return None
    holder = past.ticket.fields.get("assignee")
    current = person_of(holder, past.ticket.source, past.rules) if isinstance(holder, User) else None
    if holder is not None and (past.facts["acknowledged"] or past.ticket.phase not in OPEN):
        return None
    fit = _fit(rule, team, past)
    if rule.person is not None:
        return rule.person if rule.person in fit else None
    if rule.pick == "on-call":
        duty = on_call(str(team), past.rules, past.now) if team in past.rules.teams else None
        return duty if duty in fit else None
    if current in fit:
        return current
    orders: Mapping[str, Callable[[str], tuple[object, ...]]] = {
        "least-loaded": lambda key: (world.loads.get(key, 0), _rank(past.ticket.ref, key)),
        "rotate": lambda key: (_rank(past.ticket.ref, key),),
    }
    return min(fit, key=orders[str(rule.pick)], default=None)


def _fit(rule: Assign, team: object, past: _Past) -> tuple[str, ...]:
    """Who may be picked: of the team, with the skills asked for, and not away."""
    rules = past.rules
    if rule.person is not None:
        members: tuple[str, ...] = (rule.person,)
    else:
        found = rules.teams.get(str(team))
        lead = (found.lead,) if found is not None and found.lead else ()
        duty = on_call(str(team), rules, past.now) if found is not None else None
        members = (*found.members, *lead, *((duty,) if duty else ())) if found is not None else ()
    people = (rules.people[key] for key in dict.fromkeys(members) if key in rules.people)
    return tuple(p.key for p in people if set(rule.skills) <= set(p.skills) and not away(p.key, rules, past.now))


def _rank(ref: str, name: str) -> str:
    return hashlib.sha256(f"{ref}\x1f{name}".encode()).hexdigest()


# ---- escalate


def _climbing(rule: Rule, past: _Past, world: World) -> Decision | None:
    """The decision of a ladder; None where the moment it counts from is not there."""
    if not isinstance(rule, Escalate):
        return None
    named = _moment(rule.since, past, world)
    if named is None:
        return None
    since = max(named, became_true(rule.when, past))
    return Decision(rule, since, ())


def became_true(condition: Condition | None, past: _Past) -> datetime:
    """The latest moment at which a condition that holds now became true; short lapses do not count."""
    if condition is None:
        return past.ticket.created
    begun = past.now
    for at, facts in past.states():
        if holds(condition, facts):
            begun = min(begun, at)
        elif begun - at >= LAPSE:
            break
    return begun


def _moment(name: str, past: _Past, world: World) -> datetime | None:
    """The moment that `since` names; None where it has not come."""
    if name in {"created", "detected", "acknowledged", "restored"}:
        value = past.facts[name]
        return value if isinstance(value, datetime) else (past.ticket.created if name == "detected" else None)
    if name in {"assigned", "hold", "reopened"}:
        return max((e.at for e in events(past.ticket, past.rules, world.me) if e.kind == name), default=None)
    if name == "changed":
        return _last(past, lambda change: world.me is None or change.by != world.me)
    if name == "updated":
        return _last(past, lambda change: change.field == "update")
    word = name.removeprefix("changed:")
    return _last(past, lambda change: change.field == word)


def _last(past: _Past, wanted: Callable[[Change], bool]) -> datetime | None:
    return next((change.at for change in reversed(past.ticket.history) if wanted(change)), None)


# ---- notify


def _told(past: _Past, world: World) -> Iterator[Decision]:
    happened: tuple[Event, ...] | None = None
    standing = {rule.id for rule in past.speaking("notify")}
    for rule in past.rules.of("notify"):
        if not isinstance(rule, Notify) or rule.mode == "off":
            continue
        if not rule.on:
            if rule.id in standing:
                yield Decision(rule, past.ticket.created, ())
            continue
        happened = happened if happened is not None else events(past.ticket, past.rules, world.me)
        told = tuple(e for e in happened if e.kind in rule.on and holds(rule.when, past.at(e.at)))
        if told:
            yield Decision(rule, told[-1].at, (), events=told)
