"""What the rules and the configuration expect each product to hold, and whether it does: `check --live`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from connectors.base import Connector, Roster, Sink, Tracker, Wanted
from connectors.errors import ConnectorError
from connectors.model import WORDS, Shift
from connectors.problems import Problem, Where, nearest
from rules import coverage
from rules.model import Assign, Classify, Escalate, Notify, Objective, Person, Recipient, Restrict, Room, Rule, RuleSet
from rules.schedule import sources, staffed
from sync.config import Config

REACH = frozenset({"slack", "msteams", "email"})
"""Where people are reached who do not say where."""


def problems(config: Config, rules: RuleSet, connectors: Mapping[str, Connector]) -> Iterator[Problem]:
    """Try every product for real, one after the other. Nothing is changed."""
    yield from misspelt(config, rules)
    for name, connector in connectors.items():
        try:
            yield from connector.check(wanted(config, rules, connector))
        except ConnectorError as error:
            yield Problem(Where(str(config.path)), str(error), rule=f"connectors.{name}")
    if sources(rules):
        yield from kept_elsewhere(rules, connectors, datetime.now(UTC))


def looked_up(rules: RuleSet, config: Config, at: datetime) -> tuple[RuleSet, tuple[str, ...]]:
    """The rules with who is on call elsewhere around a moment, and what could not be known."""
    from sync.run import connect

    connectors, found, wrong = connect(config), dict[tuple[str, str], tuple[Shift, ...]](), list[str]()
    for name, kept in sources(rules):
        connector = connectors.get(name)
        try:
            if isinstance(connector, Roster):
                found[name, kept] = connector.shifts(kept, at - timedelta(days=1), at + coverage.MONTH)
            else:
                wrong.append(f"{name}:{kept} is not known: no such connector is configured")
        except ConnectorError as error:
            wrong.append(str(error))
    for each in connectors.values():
        each.close()
    made, strangers = staffed(rules, found)
    return made, (*wrong, *strangers)


def kept_elsewhere(rules: RuleSet, connectors: Mapping[str, Connector], now: datetime) -> Iterator[Problem]:
    """Whom nobody knows of those who are on call elsewhere, and when that is nobody."""
    found: dict[tuple[str, str], tuple[Shift, ...]] = {}
    for name, kept in sources(rules):
        connector = connectors.get(name)
        if not isinstance(connector, Roster):
            what = "is no connector that knows who is on call" if connector else "is no connector of the configuration"
            yield Problem(Where(), f"{name} {what}, so {name}:{kept} is nobody", rule=f"connectors.{name}")
            continue
        try:
            found[name, kept] = connector.shifts(kept, now, now + coverage.MONTH)
        except ConnectorError:
            continue  # its own check tells it
    made, strangers = staffed(rules, found)
    yield from (Problem(Where(), said, level="warning") for said in strangers)
    products = tuple(name for name, each in connectors.items() if isinstance(each, Sink))
    known = set(coverage.problems(rules, products, now))
    yield from (each for each in coverage.problems(made, products, now, looked_up=True) if each not in known)


def misspelt(config: Config, rules: RuleSet) -> Iterator[Problem]:
    """Words and levels in the configuration that the rules do not know: what it says of them is said of nothing."""
    where = Where(str(config.path))
    for word in config.defaults:
        if rules.vocabulary.type_of(word) is None:
            hint = nearest(word, (*WORDS, *rules.fields))
            yield Problem(where, f"the rules know no word {word}", rule="defaults", hint=hint)
    said = [("defaults", word, str(value)) for word, value in config.defaults.items()]
    for name, settings in config.connectors.items():
        maps: Mapping[str, Iterable[str]] = getattr(settings, "values", {})
        said += [(f"connectors.{name}.values", word, value) for word, values in maps.items() for value in values]
    for rule, word, value in said:
        levels = rules.scales.get(word, ())
        if levels and value not in levels:
            hint = nearest(value, levels) or f"there are {', '.join(levels)}"
            yield Problem(where, f"{value} is no level of {word}", rule=rule, hint=hint)


def wanted(config: Config, rules: RuleSet, connector: Connector) -> Wanted:
    """What is expected of one product."""
    name, is_tracker = connector.name, isinstance(connector, Tracker)
    addresses = {r.name for r in _recipients(rules) if r.kind == name}
    addresses |= {place[name] for place in rules.places.values() if name in place}
    addresses |= {kept for roster, kept in sources(rules) if roster == name}
    addresses |= {site[1] for site in (config.site().watch, config.site().emergency) if site and site[0] == name}
    return Wanted(
        words=dict(_words(rules)) if is_tracker else {},
        options={word: tuple(sorted(said)) for word, said in _options(rules).items()} if is_tracker else {},
        addresses=() if is_tracker else tuple(sorted(addresses)),
        people=tuple(sorted({known for person in rules.people.values() if (known := _known(person, name))})),
        home=config.home if is_tracker else "",
        channels=any(not room.private for room in _rooms(rules, name)),
        private=any(room.private or room.restricted for room in _rooms(rules, name)),
    )


def _rooms(rules: RuleSet, name: str) -> Iterator[Room]:
    """The rules that open channels in a product."""
    rooms = (rule for rule in rules.of("channel") if isinstance(rule, Room) and rule.mode != "off")
    return (room for room in rooms if not room.products or name in room.products)


def _words(rules: RuleSet) -> Iterator[tuple[str, str]]:
    """Each word that a tracker keeps and a rule uses, with its type. What every ticket has is not asked for."""
    used = {name for rule in rules for name in (*(rule.when.names if rule.when else ()), *_set(rule), *_timed(rule))}
    for word in sorted(used):
        type_ = rules.vocabulary.type_of(word)
        if type_ is not None and (word in WORDS or word in rules.fields or word in rules.roles):
            yield word, type_.kind


def _timed(rule: Rule) -> Iterator[str]:
    """The words that a clock or a ladder reads, and the one that says how a clock stands."""
    if isinstance(rule, Escalate):
        yield from (rule.since.removeprefix("changed:"),) if rule.since.startswith("changed:") else ()
        yield from (name for step in rule.steps if step.when is not None for name in step.when.names)
    if isinstance(rule, Objective):
        if rule.goal == "rpo":
            yield "last_recovery_point"
        moments = (rule.start, rule.stop)
        yield from (moment.removeprefix("changed:") for moment in moments if moment.startswith("changed:"))
        yield from rule.pause.names if rule.pause is not None else ()
        yield from (rule.field,) if rule.field is not None else ()


def _options(rules: RuleSet) -> dict[str, set[str]]:
    """For each word that is a choice, what the rules set it to or ask for."""
    found: dict[str, set[str]] = {}
    for rule in rules:
        for word, values in (*_asked(rule), *_set(rule).items()):
            type_ = rules.vocabulary.type_of(word)
            if type_ is not None and type_.kind == "choice" and (word in WORDS or word in rules.fields):
                found.setdefault(word, set()).update(value for value in values if isinstance(value, str))
    return found


def _asked(rule: Rule) -> Iterator[tuple[str, Iterable[object]]]:
    yield from rule.when.equalities if rule.when else ()


def _set(rule: Rule) -> dict[str, set[object]]:
    """The words that a rule decides, with every value it may give them that is known beforehand."""
    said: dict[str, set[object]] = {}
    if isinstance(rule, Classify):
        for word, value in (*rule.set.items(), *rule.at_least.items()):
            said.setdefault(word, set()).add(value)
        for number, levels in rule.thresholds.items():
            said.setdefault("severity", set()).update(level for _, level in levels)
            said.setdefault(number, set())
    if isinstance(rule, Assign):
        if rule.team:
            said["team"] = {name for name in (rule.team,) if name != "service.team"}
        if rule.pick or rule.person:
            said["assignee"] = set()
    return said


def _recipients(rules: RuleSet) -> Iterator[Recipient]:
    yield from rules.defaults.fallback
    for group in (rules.audiences, rules.departments, rules.vendors):
        for each in group.values():
            yield from each.to
    for listed in rules.lists.values():
        yield from listed
    for rule in rules:
        if isinstance(rule, (Notify, Restrict)):
            yield from rule.to
        if isinstance(rule, Escalate | Objective):
            for step in rule.steps:
                yield from step.to


def _known(person: Person, connector: str) -> str:
    """How a product knows a person: by its own id, or by address where it can be reached by one."""
    reached = connector in person.reach if person.reach else connector in REACH
    return person.ids.get(connector, person.email if reached else "")
